import { Secret } from '../../bytes/secret.ts'
import { type Read, text, Unreadable } from './keys.ts'

/**
 * An identity as strongSwan and Libreswan write it, in the words of `parseIdentity`; `undefined` for `%any`, which
 * names nobody. `@name` is a host name, `@@` a mail address, `@#` octets; a distinguished name has a `=`.
 */
export function identityWords(written: string): string | undefined {
  const id = written.trim().replace(/^"(.*)"$/s, '$1')
  if (id === '' || /^%(?:any6?|fromcert|myid|none)$/.test(id)) return undefined
  const typed = /^(fqdn|dns|email|rfc822|keyid|ipv4|ipv6|asn1dn|xmppaddr|uri):(?:\/\/)?(.*)$/s.exec(id)
  if (typed !== null) {
    const [, type = '', value = ''] = typed
    const words: Readonly<Record<string, string>> = {
      ...{ fqdn: 'fqdn', dns: 'fqdn', email: 'email', rfc822: 'email', keyid: 'keyid' },
      ...{ ipv4: 'ip', ipv6: 'ip', asn1dn: 'dn' },
    }
    return `${words[type] ?? type}:${value}`
  }
  if (/^@\[.*\]$/s.test(id)) return `keyid:${id.slice(2, -1)}`
  if (id.startsWith('@#')) return `keyid:0x${id.slice(2).replace(/^0x/i, '')}`
  if (id.startsWith('@~')) return `keyid:0x${id.slice(2)}`
  if (id.startsWith('@@')) return `email:${id.slice(2)}`
  if (id.startsWith('@')) return `fqdn:${id.slice(1)}`
  return id.includes('=') ? `dn:${id}` : id
}

/** A secret that may stand as hex (`0x`) or Base64 (`0s`). */
export const strongswanSecret: Read<Secret> = (value) => {
  if (typeof value !== 'string' || value === '') throw new Unreadable('a text is expected')
  if (/^0x/i.test(value)) {
    const digits = value.slice(2).replaceAll('_', '')
    if (!/^(?:[0-9a-f]{2})+$/i.test(digits))
      throw new Unreadable('an even number of hex digits is expected behind 0x')
    return new Secret(new Uint8Array(Buffer.from(digits, 'hex')))
  }
  if (/^0s/i.test(value)) {
    const packed = value.slice(2).replace(/\s+/g, '')
    if (packed === '' || packed.length % 4 === 1 || !/^[A-Za-z0-9+/]+={0,2}$/.test(packed)) {
      throw new Unreadable('Base64 is expected behind 0s')
    }
    return new Secret(new Uint8Array(Buffer.from(packed, 'base64')))
  }
  return Secret.fromText(value)
}

const UNITS: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3600, d: 86_400 }

/** `4h`, `30m`, `3600` as seconds. */
export const duration: Read<number> = (value) => {
  const match = /^(\d{1,9})\s*([smhd]?)$/.exec(text(value).toLowerCase())
  if (match === null) throw new Unreadable('a time such as 4h, 30m or 3600 is expected')
  return Number(match[1]) * (UNITS[match[2] ?? ''] ?? 1)
}

export interface TrafficSelectors {
  readonly networks: readonly string[]
  /** What stood in brackets: protocols and ports. */
  readonly ports: readonly string[]
}

/** `10.0.0.0/8[tcp/80], dynamic`. */
export function trafficSelectors(written: string): TrafficSelectors {
  const networks: string[] = []
  const ports: string[] = []
  for (const part of written.split(/[\s,;]+/)) {
    if (part === '') continue
    const bracket = /^([^[\]]*)\[([^\]]*)\]$/.exec(part)
    const network = bracket?.[1] ?? part
    networks.push(network === '' ? 'dynamic' : network)
    if (bracket !== null) ports.push(bracket[2] ?? '')
  }
  return { networks, ports }
}

/** Which families of inner addresses `0.0.0.0, ::` or `%config4` asks for, and addresses asked for by name. */
export function virtualAddresses(written: string): {
  readonly ipv4: boolean
  readonly ipv6: boolean
  readonly named: readonly string[]
} {
  const parts = written.split(/[\s,]+/).filter((part) => part !== '')
  const any4 = /^(?:0\.0\.0\.0|%config4?|%modeconfig|%modecfg|%cfg)$/
  const any6 = /^(?:::|%config6?)$/
  const named = parts.filter((part) => !any4.test(part) && !any6.test(part))
  return {
    ipv4: parts.some((part) => any4.test(part) || (named.includes(part) && part.includes('.'))),
    ipv6: parts.some((part) => any6.test(part) || (named.includes(part) && part.includes(':'))),
    named,
  }
}

export const yes: Read<boolean> = (value) => {
  const word = text(value).toLowerCase()
  if (/^(?:yes|true|enabled|1|force|accept)$/.test(word)) return true
  if (/^(?:no|false|disabled|0|never)$/.test(word)) return false
  throw new Unreadable('yes or no is expected')
}
