import type { ChildMode, SelectorPair } from '../../esp/engine.ts'
import { NotifyType } from '../../iana/ikev2-notify.ts'
import type { Endpoint } from '../../net/plan.ts'
import type { Payload } from '../../wire/ikev2/payload.ts'
import type { TrafficSelector } from '../../wire/ikev2/traffic-selector.ts'
import type { ConnectionConfig } from '../config.ts'
import { findNotify, notify } from './payloads.ts'
import { selectorOfAddress } from './selectors.ts'

/** A client asks for transport mode at first. RFC 7296 §1.3.1 */
export const wantsTransport = ({ protection }: Pick<ConnectionConfig, 'protection'>): boolean =>
  protection !== undefined && protection.mode !== 'tunnel'

/** Asks for transport mode, or agrees to it. RFC 7296 §1.3.1 */
export const transportNotify = (transport: boolean): Payload[] =>
  transport ? [notify(NotifyType.USE_TRANSPORT_MODE.id)] : []

export const saysTransport = (payloads: readonly Payload[]): boolean =>
  findNotify(payloads, NotifyType.USE_TRANSPORT_MODE.id) !== undefined

/** The path, and which end a NAT hides. */
interface PathSeen {
  readonly local: Endpoint | undefined
  readonly remote: Endpoint | undefined
  readonly nat: { readonly us: boolean; readonly gateway: boolean }
}

/** Transport mode is between the two ends of the path and nobody else. RFC 7296 §2.23.1 */
export const endsOf = ({ local, remote }: Pick<PathSeen, 'local' | 'remote'>): SelectorPair => ({
  local: local === undefined ? [] : [selectorOfAddress(local.address)],
  remote: remote === undefined ? [] : [selectorOfAddress(remote.address)],
})

/** The mode that the answer to our request means, which may decline transport mode; or `undefined`: we never asked for it. RFC 7296 §1.3.1 */
export function answeredMode(payloads: readonly Payload[], asked: boolean): ChildMode | undefined {
  if (!saysTransport(payloads)) return 'tunnel'
  return asked ? 'transport' : undefined
}

/** The mode in which a request is answered; `undefined`: not in the one it wants. RFC 7296 §1.3.1 */
export function chosenMode(
  config: Pick<ConnectionConfig, 'protection'>,
  payloads: readonly Payload[],
): ChildMode | undefined {
  if (saysTransport(payloads) && wantsTransport(config)) return 'transport'
  return config.protection?.mode === 'transport' ? undefined : 'tunnel'
}

/** Selectors of a message as they are at this end: a NAT changes the addresses of packets, and not those. RFC 7296 §2.23.1 */
export function asSeenHere(n: PathSeen, mode: ChildMode, { local, remote }: SelectorPair): SelectorPair {
  if (mode === 'tunnel') return { local, remote }
  const ends = endsOf(n)
  return {
    local: n.nat.us ? local.map((one) => moved(one, ends.local[0])) : local,
    remote: n.nat.gateway ? remote.map((one) => moved(one, ends.remote[0])) : remote,
  }
}

/** Its protocol and ports, of this address. A range is no address of an end. */
function moved(one: TrafficSelector, end: TrafficSelector | undefined): TrafficSelector {
  const single = one.startAddress.every((octet, i) => octet === one.endAddress[i])
  if (end === undefined || !single || end.type !== one.type) return one
  return { ...one, startAddress: end.startAddress, endAddress: end.endAddress }
}
