import { isIP } from 'node:net'
import { addressText } from '../bytes/address.ts'
import { Malformed } from '../bytes/malformed.ts'
import { decodeNameDer, formatName, parseName } from '../cert/name.ts'
import type { Identity } from '../ike/config.ts'
import { addressOctets } from './networks.ts'

/** IANA ID Types we can write. RFC 7296 §3.5 */
const ID = { ipv4: 1, fqdn: 2, email: 3, ipv6: 5, dn: 9, keyid: 11 } as const

/**
 * `alice@example.org`, `vpn.example.org`, `192.0.2.1`, `C=CH, O=Example, CN=alice`, or with the type in front (`fqdn:`,
 * `email:`, `keyid:`, `ip:`, `dn:`) as an identity; a sentence where it cannot be one. `keyid:0x…` and `dn:0x…` give octets.
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
    case 'dn': {
      const name = hexOctets(value) ?? parseName(value)
      if (name instanceof Uint8Array) return { type: ID.dn, data: name }
      return 'problem' in name ? name : { type: ID.dn, data: name.der }
    }
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
    case ID.dn:
      return `dn:${nameText(identity.data)}`
    default:
      return `${identity.type}:0x${Buffer.from(identity.data).toString('hex')}`
  }
}

/** Octets where the text would not give the same ones again. */
function nameText(der: Uint8Array): string {
  try {
    const text = formatName(decodeNameDer(der))
    const again = parseName(text)
    if ('der' in again && Buffer.from(again.der).equals(der)) return text
  } catch (error) {
    if (!(error instanceof Malformed)) throw error
  }
  return `0x${Buffer.from(der).toString('hex')}`
}

function guess(text: string): 'ip' | 'email' | 'fqdn' | 'dn' {
  if (isIP(text) !== 0) return 'ip'
  if (text.includes('=') && 'der' in parseName(text)) return 'dn'
  return text.includes('@') ? 'email' : 'fqdn'
}

function hexOctets(value: string): Uint8Array | undefined {
  const hex = /^0x((?:[0-9a-f]{2})+)$/i.exec(value)?.[1]
  return hex === undefined ? undefined : Uint8Array.from(Buffer.from(hex, 'hex'))
}

const keyIdOctets = (value: string): Uint8Array =>
  hexOctets(value) ?? Uint8Array.from(Buffer.from(value, 'utf8'))
