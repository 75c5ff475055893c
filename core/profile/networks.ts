import { isIP } from 'node:net'
import { addressBytes } from '../bytes/address.ts'
import type { TrafficSelector } from '../wire/ikev2/traffic-selector.ts'

/** The octets of a numeric address, 4 or 16; `undefined` when it is not one. */
export function addressOctets(text: string): Uint8Array | undefined {
  return isIP(text) === 0 || text.includes('%') ? undefined : addressBytes(text)
}

/** `10.77.0.0/24` or a single address as a traffic selector for every protocol and port. RFC 7296 §3.13.1 */
export function selectorOf(network: string): TrafficSelector | undefined {
  const [address = '', prefixText, ...rest] = network.split('/')
  const octets = addressOctets(address)
  if (octets === undefined || rest.length > 0) return undefined
  const bits = octets.length * 8
  if (prefixText !== undefined && !/^\d{1,3}$/.test(prefixText)) return undefined
  const prefix = prefixText === undefined ? bits : Number(prefixText)
  if (prefix > bits) return undefined
  return {
    type: octets.length === 4 ? 7 : 8,
    protocol: 0,
    startPort: 0,
    endPort: 0xffff,
    startAddress: octets.map((octet, at) => octet & maskOctet(prefix, at)),
    endAddress: octets.map((octet, at) => octet | (0xff & ~maskOctet(prefix, at))),
  }
}

function maskOctet(prefix: number, at: number): number {
  const bits = Math.min(8, Math.max(0, prefix - 8 * at))
  return (0xff << (8 - bits)) & 0xff
}

/** Whether a network or an address is written correctly. */
export const isNetwork = (text: string): boolean => selectorOf(text) !== undefined
