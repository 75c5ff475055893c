import { isIPv4 } from 'node:net'
import { concat, utf8 } from '../../core/bytes/octets.ts'
import type { TrafficSelector } from '../../core/wire/ikev2/traffic-selector.ts'

/** 4 or 16 octets of a numeric address. */
export function address(text: string): Uint8Array {
  if (isIPv4(text)) return Uint8Array.from(text.split('.'), Number)
  const [head = '', tail] = text.split('::')
  const groups = (part: string) => (part === '' ? [] : part.split(':').map((g) => Number.parseInt(g, 16)))
  const before = groups(head)
  const after = tail === undefined ? [] : groups(tail)
  const all = [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after]
  return Uint8Array.from(all.flatMap((group) => [group >> 8, group & 0xff]))
}

/** A selector of addresses; ports are written as in `u16` pairs, protocol 0 is any. */
export function selector(
  start: string,
  end: string,
  protocol = 0,
  startPort = 0,
  endPort = 0xffff,
): TrafficSelector {
  return {
    type: isIPv4(start) ? 7 : 8,
    protocol,
    startPort,
    endPort,
    startAddress: address(start),
    endAddress: address(end),
  }
}

export const u16 = (value: number): Uint8Array => Uint8Array.of(value >> 8, value & 0xff)

/** IPv4 without options and without a checksum (nothing under test looks at it). `fragment`: flags and offset. */
export function ip4(
  from: string,
  to: string,
  protocol: number,
  payload: Uint8Array,
  fragment = 0,
): Uint8Array {
  return concat(
    Uint8Array.of(0x45, 0),
    u16(20 + payload.length),
    Uint8Array.of(0, 1),
    u16(fragment),
    Uint8Array.of(64, protocol, 0, 0),
    address(from),
    address(to),
    payload,
  )
}

export function ip6(from: string, to: string, nextHeader: number, payload: Uint8Array): Uint8Array {
  return concat(
    Uint8Array.of(0x60, 0, 0, 0),
    u16(payload.length),
    Uint8Array.of(nextHeader, 64),
    address(from),
    address(to),
    payload,
  )
}

export function udp(sourcePort: number, destinationPort: number, text: string): Uint8Array {
  const data = utf8(text)
  return concat(u16(sourcePort), u16(destinationPort), u16(8 + data.length), u16(0), data)
}

export const udp4 = (from: string, to: string, sourcePort: number, destinationPort: number, text: string) =>
  ip4(from, to, 17, udp(sourcePort, destinationPort, text))

export const udp6 = (from: string, to: string, sourcePort: number, destinationPort: number, text: string) =>
  ip6(from, to, 17, udp(sourcePort, destinationPort, text))
