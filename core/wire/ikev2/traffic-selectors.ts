import { compare } from '../../bytes/octets.ts'
import type { Reader } from '../../bytes/reader.ts'
import type { Writer } from '../../bytes/writer.ts'
import { TrafficSelectorType } from '../../iana/ikev2.ts'
import type { TsPayload, UnknownSelector } from './payload.ts'
import { bodyReserved, decodeReserved, encodeReserved, fitting } from './reserved.ts'
import type { TrafficSelector } from './traffic-selector.ts'

const SELECTOR = 'RFC 7296 §3.13.1'
/** Port fields of a selector for packets whose ports cannot be seen: OPAQUE. */
const OPAQUE_START = 0xffff
const OPAQUE_END = 0

/** Traffic Selector payloads, RFC 7296 §3.13. */
export function decodeTs(r: Reader, type: TsPayload['type']): TsPayload {
  const at = r.offset
  const count = r.u8('Number of TSs')
  if (count === 0) r.fail('Number of TSs', 'one selector or more wanted', 'RFC 7296 §2.9', at)
  const reserved = decodeReserved(r, 3)
  const selectors: (TrafficSelector | UnknownSelector)[] = []
  for (let i = 1; i <= count; i++) selectors.push(decodeSelector(r, `Selector ${i}`))
  r.end()
  return { type, selectors, ...bodyReserved(reserved) }
}

export function encodeTs(w: Writer, payload: TsPayload): void {
  w.u8(fitting(payload.selectors.length, 0xff, 'Number of TSs'))
  encodeReserved(w, 3, payload.bodyReserved)
  for (const selector of payload.selectors) encodeSelector(w, selector)
}

export const isKnownSelector = (selector: TrafficSelector | UnknownSelector): selector is TrafficSelector =>
  !('body' in selector)

function decodeSelector(outer: Reader, field: string): TrafficSelector | UnknownSelector {
  const type = outer.u8(`${field} TS Type`)
  const second = outer.u8(`${field} IP Protocol ID`)
  const lengthAt = outer.offset
  const length = outer.u16(`${field} Selector Length`)
  const addressBytes = addressLength(type)
  const wanted = addressBytes === undefined ? undefined : 8 + 2 * addressBytes
  if (length < 4 || (wanted !== undefined && length !== wanted)) {
    const problem = `${length} octets, ${wanted ?? 'at least 4'} wanted for type ${type}`
    outer.fail(`${field} Selector Length`, problem, SELECTOR, lengthAt)
  }
  const r = outer.sub(length - 4, field, SELECTOR)
  if (addressBytes === undefined) return { type, second, body: r.rest() }

  const start = r.offset
  const startPort = r.u16('Start Port')
  const endPort = r.u16('End Port')
  if (startPort > endPort && !(startPort === OPAQUE_START && endPort === OPAQUE_END)) {
    r.fail('Start Port', `${startPort} lies after the end port ${endPort}`, SELECTOR, start)
  }
  const startAddress = r.bytes(addressBytes, 'Starting Address')
  const endAddress = r.bytes(addressBytes, 'Ending Address')
  if (compare(startAddress, endAddress) > 0) {
    r.fail('Starting Address', 'lies after the ending address', SELECTOR, start + 4)
  }
  return { type: type as 7 | 8, protocol: second, startPort, endPort, startAddress, endAddress }
}

function encodeSelector(w: Writer, selector: TrafficSelector | UnknownSelector): void {
  w.u8(selector.type)
  if (!isKnownSelector(selector)) {
    w.u8(selector.second)
    w.u16(fitting(selector.body.length + 4, 0xffff, 'Selector Length'))
    w.bytes(selector.body)
    return
  }
  w.u8(selector.protocol)
  w.u16(8 + selector.startAddress.length + selector.endAddress.length)
  w.u16(selector.startPort)
  w.u16(selector.endPort)
  w.bytes(selector.startAddress)
  w.bytes(selector.endAddress)
}

function addressLength(type: number): 4 | 16 | undefined {
  if (type === TrafficSelectorType.TS_IPV4_ADDR_RANGE.id) return 4
  if (type === TrafficSelectorType.TS_IPV6_ADDR_RANGE.id) return 16
  return undefined
}
