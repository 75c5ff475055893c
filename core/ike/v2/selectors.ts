import { addressBytes, addressText } from '../../bytes/address.ts'
import { compare, equal } from '../../bytes/octets.ts'
import { parseCidr } from '../../net/cidr.ts'
import type { TsPayload } from '../../wire/ikev2/payload.ts'
import type { TrafficSelector } from '../../wire/ikev2/traffic-selector.ts'

/** The selectors of a payload that we understand. Others can't be honoured and count as absent. RFC 7296 §3.13 */
export const knownSelectors = (payload: TsPayload): TrafficSelector[] =>
  payload.selectors.filter((s): s is TrafficSelector => 'startAddress' in s)

/** Everything `inner` covers is covered by `outer`. */
export const contains = (outer: TrafficSelector, inner: TrafficSelector): boolean =>
  outer.type === inner.type &&
  (outer.protocol === 0 || outer.protocol === inner.protocol) &&
  portsContain(outer, inner) &&
  compare(outer.startAddress, inner.startAddress) <= 0 &&
  compare(outer.endAddress, inner.endAddress) >= 0

const portsContain = (outer: TrafficSelector, inner: TrafficSelector): boolean =>
  (outer.startPort === inner.startPort && outer.endPort === inner.endPort) ||
  (outer.startPort <= inner.startPort && outer.endPort >= inner.endPort)

/** Each of `narrowed` lies inside one of `asked`: the only answers a responder may give. RFC 7296 §2.9 */
export const isSubset = (narrowed: readonly TrafficSelector[], asked: readonly TrafficSelector[]): boolean =>
  narrowed.length > 0 && narrowed.every((n) => asked.some((a) => contains(a, n)))

/** Everything of `inner` lies inside `outer`. RFC 7296 §2.9.2 */
export const covers = (outer: readonly TrafficSelector[], inner: readonly TrafficSelector[]): boolean =>
  inner.every((i) => outer.some((o) => contains(o, i)))

/** What both cover, pair by pair. RFC 7296 §2.9 */
export function intersect(a: readonly TrafficSelector[], b: readonly TrafficSelector[]): TrafficSelector[] {
  return a.flatMap((x) => b.flatMap((y) => intersectOne(x, y) ?? []))
}

function intersectOne(a: TrafficSelector, b: TrafficSelector): TrafficSelector | undefined {
  if (a.type !== b.type) return undefined
  if (a.protocol !== 0 && b.protocol !== 0 && a.protocol !== b.protocol) return undefined
  const startAddress = compare(a.startAddress, b.startAddress) >= 0 ? a.startAddress : b.startAddress
  const endAddress = compare(a.endAddress, b.endAddress) <= 0 ? a.endAddress : b.endAddress
  const startPort = Math.max(a.startPort, b.startPort)
  const endPort = Math.min(a.endPort, b.endPort)
  if (compare(startAddress, endAddress) > 0 || startPort > endPort) return undefined
  return { type: a.type, protocol: a.protocol || b.protocol, startPort, endPort, startAddress, endAddress }
}

/** Any protocol and port of one address. */
export function selectorOfAddress(address: string): TrafficSelector {
  const bytes = addressBytes(address)
  return {
    type: bytes.length === 4 ? 7 : 8,
    protocol: 0,
    startPort: 0,
    endPort: 65535,
    startAddress: bytes,
    endAddress: bytes,
  }
}

/** Any protocol and port of a network as it stands in a configuration payload; `undefined` where it is none. */
export function selectorOfCidr(cidr: string): TrafficSelector | undefined {
  try {
    const { octets, bits } = parseCidr(cidr)
    const edge = (ones: boolean): Uint8Array =>
      octets.map((octet, at) => {
        const host = 0xff >> Math.min(8, Math.max(0, bits - 8 * at))
        return ones ? octet | host : octet & ~host
      })
    const type = octets.length === 4 ? 7 : 8
    return {
      type,
      protocol: 0,
      startPort: 0,
      endPort: 65535,
      startAddress: edge(false),
      endAddress: edge(true),
    }
  } catch {
    return undefined
  }
}

/** Everything of one family. */
export function everything(family: 4 | 6): TrafficSelector {
  const bytes = family === 4 ? 4 : 16
  return {
    type: family === 4 ? 7 : 8,
    protocol: 0,
    startPort: 0,
    endPort: 65535,
    startAddress: new Uint8Array(bytes),
    endAddress: new Uint8Array(bytes).fill(0xff),
  }
}

/** For people: `10.77.0.0/24`, `10.0.0.1 … 10.0.0.9`, `10.77.0.0/24 tcp/80`. */
export function describeSelector(s: TrafficSelector): string {
  const bits = prefixBits(s)
  const range = equal(s.startAddress, s.endAddress)
    ? addressText(s.startAddress)
    : bits === undefined
      ? `${addressText(s.startAddress)} … ${addressText(s.endAddress)}`
      : `${addressText(s.startAddress)}/${bits}`
  const protocol =
    s.protocol === 0
      ? ''
      : ` ${({ 1: 'icmp', 6: 'tcp', 17: 'udp', 58: 'icmp6' } as Record<number, string>)[s.protocol] ?? s.protocol}`
  const ports =
    s.startPort === 0 && s.endPort === 65535
      ? ''
      : `/${s.startPort === s.endPort ? s.startPort : `${s.startPort}-${s.endPort}`}`
  return range + protocol + ports
}

function prefixBits(s: TrafficSelector): number | undefined {
  const total = s.startAddress.length * 8
  const bit = (bytes: Uint8Array, i: number): number => (bytes[i >> 3]! >> (7 - (i & 7))) & 1
  let bits = 0
  while (bits < total && bit(s.startAddress, bits) === bit(s.endAddress, bits)) bits++
  for (let i = bits; i < total; i++)
    if (bit(s.startAddress, i) !== 0 || bit(s.endAddress, i) !== 1) return undefined
  return bits
}
