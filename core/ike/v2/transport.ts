import type { ConnectionConfig } from '../config.ts'
import type { IkeAction } from '../session.ts'
import type { Negotiation } from './negotiation.ts'

type Ends = Pick<Negotiation, 'remote'>

/** Everything goes over a TCP connection: nothing is lost, repeated or split there. RFC 9329 §6.2, §6.6, §7.5 */
export const isStream = ({ remote }: Ends): boolean => remote?.transport === 'tcp'

/** UDP comes first, unless the profile says otherwise; also after a REDIRECT. RFC 9329 §5.1, §7.2 */
export const firstPath = (
  { tcp }: Pick<ConnectionConfig, 'tcp'>,
  remotePort: 500 | 4500,
): Extract<IkeAction, { do: 'openPath' }> =>
  tcp?.use === 'always'
    ? { do: 'openPath', remotePort: tcp.port, transport: 'tcp' }
    : { do: 'openPath', remotePort }

/** What to try where UDP does not get through; `undefined`: nothing. */
export const fallbackPath = ({
  config,
  remote,
}: Negotiation): Extract<IkeAction, { do: 'openPath' }> | undefined =>
  config.tcp === undefined || remote === undefined
    ? undefined
    : { do: 'openPath', remotePort: config.tcp.port, remoteAddress: remote.address, transport: 'tcp' }
