import { Protocol } from '../wire/ip-packet.ts'

// Routers on the way change parts of an IP header. Before the ICV of an Authentication Header is computed, those are
// taken as zero, and those whose end can be foretold as they will be. RFC 4302 §3.3.3.1

/** IPv4 options that nobody changes on the way. RFC 4302 Appendix A1 */
const FIXED_OPTIONS: ReadonlySet<number> = new Set([
  130, // Security
  133, // Extended Security
  134, // Commercial Security
  148, // Router Alert
  149, // Sender Directed Multi-Destination Delivery
])
const END = 0
const NO_OPERATION = 1
/** Loose and strict source routes: the destination changes at every stop. */
const SOURCE_ROUTES: ReadonlySet<number> = new Set([131, 137])

/** Of the type of an IPv6 option: its data may change on the way. RFC 8200 §4.2 */
const MAY_CHANGE = 0x20
const PAD1 = 0
/** The source route of old (RFC 8200 lists it, RFC 5095 ended it), and Mobile IPv6's. */
const ROUTING_TYPES: ReadonlySet<number> = new Set([0, 2])

/**
 * The headers in front of the AH as its ICV covers them.
 *
 * @param headers a copy, which is changed: everything before the AH
 * @returns false when they cannot be foretold, or are not well-formed
 */
export const asIcvCovers = (headers: Uint8Array): boolean =>
  headers[0]! >> 4 === 4 ? ipv4(headers) : ipv6(headers)

function ipv4(headers: Uint8Array): boolean {
  headers[1] = 0 // DSCP and ECN
  headers.fill(0, 6, 9) // flags, fragment offset, time to live
  headers.fill(0, 10, 12) // header checksum
  for (let at = 20; at < headers.length; ) {
    const type = headers[at]!
    if (type === END) return true
    if (type === NO_OPERATION) {
      at += 1
      continue
    }
    const length = headers[at + 1] ?? 0
    if (length < 2 || at + length > headers.length) return false
    if (SOURCE_ROUTES.has(type)) arriveBySourceRoute(headers, at, length)
    if (!FIXED_OPTIONS.has(type)) headers.fill(0, at, at + length)
    at += length
  }
  return true
}

/** At its end a packet carries the last stop as its destination. RFC 791 §3.1 */
function arriveBySourceRoute(headers: Uint8Array, at: number, length: number): void {
  const pointer = headers[at + 2] ?? 0
  if (pointer > length || length < 7) return
  headers.set(headers.subarray(at + length - 4, at + length), 16)
}

function ipv6(headers: Uint8Array): boolean {
  headers[0] = 0x60 // traffic class
  headers.fill(0, 1, 4) // and flow label
  headers[7] = 0 // hop limit
  let protocol = headers[6]!
  for (let at = 40; at < headers.length; ) {
    const length = protocol === Protocol.fragment ? 8 : ((headers[at + 1] ?? 0) + 1) * 8
    if (at + length > headers.length) return false
    const extension = headers.subarray(at, at + length)
    if (protocol === Protocol.routing) {
      if (!arriveByRouting(headers, extension)) return false
    } else if (protocol === Protocol.hopByHop || protocol === Protocol.destinationOptions) {
      if (!options(extension)) return false
    }
    protocol = headers[at]!
    at += length
  }
  return true
}

function options(extension: Uint8Array): boolean {
  for (let at = 2; at < extension.length; ) {
    const type = extension[at]!
    if (type === PAD1) {
      at += 1
      continue
    }
    const length = extension[at + 1]
    if (length === undefined || at + 2 + length > extension.length) return false
    if ((type & MAY_CHANGE) !== 0) extension.fill(0, at + 2, at + 2 + length)
    at += 2 + length
  }
  return true
}

/** At every stop the destination and the next address change places; at the end none is left. RFC 8200 §4.4 */
function arriveByRouting(headers: Uint8Array, extension: Uint8Array): boolean {
  const left = extension[3]!
  if (left === 0) return true
  if (!ROUTING_TYPES.has(extension[2]!)) return false
  const addresses = (extension.length - 8) / 16
  if (!Number.isInteger(addresses) || left > addresses) return false
  const destination = headers.subarray(24, 40)
  for (let stop = addresses - left; stop < addresses; stop++) {
    const next = extension.subarray(8 + 16 * stop, 24 + 16 * stop)
    const kept = next.slice()
    next.set(destination)
    destination.set(kept)
  }
  extension[3] = 0
  return true
}
