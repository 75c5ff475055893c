import { equal } from '../../bytes/octets.ts'
import { IdType } from '../../iana/ikev1.ts'
import type { IdPayload } from '../../wire/ikev1/payload.ts'
import type { TrafficSelector } from '../../wire/ikev2/traffic-selector.ts'
import type { Identity } from '../config.ts'

/** Who somebody is, in phase 1: protocol and port are 0, as they have to be behind a NAT. RFC 2407 §4.6.2, RFC 3947 §4 */
export const phase1Id = ({ type, data }: Identity): IdPayload => ({
  type: 'ID',
  idType: type,
  protocol: 0,
  port: 0,
  data,
})

export const isIdentity = (id: IdPayload, wanted: Identity): boolean =>
  id.idType === wanted.type && equal(id.data, wanted.data)

/** Whose traffic, in quick mode: an address, a subnet or a range; a single port or all of them. RFC 2407 §4.6.2 */
export function selectorId(s: TrafficSelector): IdPayload {
  const six = s.type === 8
  const port = s.startPort === s.endPort ? s.startPort : 0
  const id = (idType: number, ...parts: readonly Uint8Array[]): IdPayload => ({
    type: 'ID',
    idType,
    protocol: s.protocol,
    port,
    data: new Uint8Array(Buffer.concat(parts)),
  })
  if (equal(s.startAddress, s.endAddress))
    return id(six ? IdType.ID_IPV6_ADDR.id : IdType.ID_IPV4_ADDR.id, s.startAddress)
  const mask = maskOf(s)
  if (mask !== undefined)
    return id(six ? IdType.ID_IPV6_ADDR_SUBNET.id : IdType.ID_IPV4_ADDR_SUBNET.id, s.startAddress, mask)
  return id(six ? IdType.ID_IPV6_ADDR_RANGE.id : IdType.ID_IPV4_ADDR_RANGE.id, s.startAddress, s.endAddress)
}

/** The mask of a range that is a subnet. */
function maskOf({ startAddress: a, endAddress: b }: TrafficSelector): Uint8Array | undefined {
  const mask = a.map((octet, i) => ~(octet ^ b[i]!) & 0xff)
  const fits = a.every(
    (octet, i) => (octet & ~mask[i]!) === 0 && (b[i]! & ~mask[i]! & 0xff) === (~mask[i]! & 0xff),
  )
  return fits && isMask(mask) ? mask : undefined
}

/** Ones first, then zeros. */
function isMask(mask: Uint8Array): boolean {
  const bits = [...mask].map((octet) => octet.toString(2).padStart(8, '0')).join('')
  return !bits.includes('01')
}

/** The traffic an ID means; `undefined` for names, and for subnets whose mask has holes. */
export function idSelector(id: IdPayload): TrafficSelector | undefined {
  const { idType, protocol, port, data } = id
  const half = data.length / 2
  const made = (type: 7 | 8, startAddress: Uint8Array, endAddress: Uint8Array): TrafficSelector => ({
    type,
    protocol,
    startPort: port,
    endPort: port === 0 ? 0xffff : port,
    startAddress,
    endAddress,
  })
  switch (idType) {
    case IdType.ID_IPV4_ADDR.id:
      return made(7, data, data)
    case IdType.ID_IPV6_ADDR.id:
      return made(8, data, data)
    case IdType.ID_IPV4_ADDR_SUBNET.id:
    case IdType.ID_IPV6_ADDR_SUBNET.id: {
      const mask = data.subarray(half)
      if (!isMask(mask)) return undefined
      const start = data.subarray(0, half).map((octet, i) => octet & mask[i]!)
      const end = start.map((octet, i) => octet | (~mask[i]! & 0xff))
      return made(data.length === 8 ? 7 : 8, start, end)
    }
    case IdType.ID_IPV4_ADDR_RANGE.id:
    case IdType.ID_IPV6_ADDR_RANGE.id: {
      const [start, end] = [data.subarray(0, half), data.subarray(half)]
      return Buffer.compare(start, end) <= 0 ? made(data.length === 8 ? 7 : 8, start, end) : undefined
    }
    default:
      return undefined
  }
}
