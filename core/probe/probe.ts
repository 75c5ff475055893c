import { isIP } from 'node:net'
import type { Random } from '../bytes/random.ts'
import type { CryptoRegistry } from '../crypto/transforms.ts'
import { VpnFailure } from '../errors.ts'
import { resolveHost } from '../net/resolve.ts'
import { Asker } from './asker.ts'
import { type Ikev1Report, probeIkev1 } from './ikev1.ts'
import { type Ikev2Report, probeIkev2 } from './ikev2.ts'

/** What a gateway accepts, as far as its first answers tell; nothing of it is signed. */
export interface ProbeReport {
  readonly host: string
  readonly address: string
  readonly ikev2: Ikev2Report
  readonly ikev1: Ikev1Report
  /** Datagrams that were sent. */
  readonly packets: number
}

const IKE_PORT = 500

/** `signal`: calls it off. Throws `VpnFailure` (`nameNotResolved`, `systemRefused`, `cancelled`). */
export async function probeGateway(
  host: string,
  registry: CryptoRegistry,
  random: Random,
  signal?: AbortSignal,
): Promise<ProbeReport> {
  const address = isIP(host) === 0 ? ((await resolveHost(host))[0] ?? host) : host
  const asker = await Asker.open(address, IKE_PORT)
  const stop = (): void => asker.stop()
  signal?.addEventListener('abort', stop)
  try {
    if (signal?.aborted) stop()
    const ikev2 = await probeIkev2(asker, random)
    const ikev1 = await probeIkev1(asker, registry, random)
    if (signal?.aborted) throw new VpnFailure({ kind: 'cancelled' })
    return { host, address, ikev2, ikev1, packets: asker.packets }
  } finally {
    signal?.removeEventListener('abort', stop)
    asker.close()
  }
}
