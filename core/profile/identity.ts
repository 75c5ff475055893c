import { isIP } from 'node:net'
import { addressText } from '../bytes/address.ts'
import type { Identity } from '../ike/config.ts'
import { addressOctets } from './networks.ts'

/** IANA ID Types we can write. RFC 7296 §3.5 */
const ID = { ipv4: 1, fqdn: 2, email: 3, ipv6: 5, keyid: 11 } as const

/**
 * `alice@example.org`, `vpn.example.org`, `192.0.2.1`, or with the type in front (`fqdn:`, `email:`, `keyid:`,
 * `ip:`) as an identity; a sentence where it cannot be one. `keyid:0x…` gives octets.
 */
export function parseIdentity(text: string): Identity | { readonly problem: string } {
  const match = /^(fqdn|email|keyid|ip|dn):(.*)$/s.exec(text)
  const [prefix, value] = match === null ? [guess(text), text] : [match[1] ?? '', match[2] ?? '']
  if (value === '') return { problem: 'an identity cannot be empty' }
  switch (prefix) {
    case 'ip': {
      const data = addressOctets(value)
      if (data === undefined) return { problem: `"${value}" is not a numeric address` }
      return { type: data.length === 4 ? ID.ipv4 : ID.ipv6, data }
    }
    case 'keyid':
      return { type: ID.keyid, data: keyIdOctets(value) }
    case 'dn':
      return { problem: 'distinguished names come with certificates, which this version does not offer' }
    default:
      return /^[\x21-\x7e]+$/.test(value)
        ? {
            type: prefix === 'email' ? ID.email : ID.fqdn,
            data: Uint8Array.from(Buffer.from(value, 'ascii')),
          }
        : { problem: `"${value}" has characters that cannot stand in a name; write keyid: in front` }
  }
}

/** As `parseIdentity` reads it. */
export function formatIdentity(identity: Identity): string {
  const text = Buffer.from(identity.data).toString('utf8')
  switch (identity.type) {
    case ID.ipv4:
    case ID.ipv6:
      return addressText(identity.data)
    case ID.fqdn:
    case ID.email:
      return text
    case ID.keyid:
      return /^[\x20-\x7e]+$/.test(text)
        ? `keyid:${text}`
        : `keyid:0x${Buffer.from(identity.data).toString('hex')}`
    default:
      return `${identity.type}:0x${Buffer.from(identity.data).toString('hex')}`
  }
}

function guess(text: string): 'ip' | 'email' | 'fqdn' {
  if (isIP(text) !== 0) return 'ip'
  return text.includes('@') ? 'email' : 'fqdn'
}

function keyIdOctets(value: string): Uint8Array {
  const hex = /^0x((?:[0-9a-f]{2})+)$/i.exec(value)?.[1]
  return Uint8Array.from(hex === undefined ? Buffer.from(value, 'utf8') : Buffer.from(hex, 'hex'))
}
