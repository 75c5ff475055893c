import { addressBytes, addressText } from '../../bytes/address.ts'
import { Malformed } from '../../bytes/malformed.ts'
import { utf8 } from '../../bytes/octets.ts'
import { Reader } from '../../bytes/reader.ts'
import { Writer } from '../../bytes/writer.ts'

// Configuration attributes for name servers that are asked through TLS, RFC 9464 §3.

/** A name server, and how it is asked. RFC 9464 §3.1 */
export interface EncryptedResolver {
  /** 1 … 65535; the smallest is wanted most. */
  readonly priority: number
  /** Numeric, all of one family. */
  readonly addresses: readonly string[]
  /** What its certificate is for, A-labels, without a dot at the end. */
  readonly name: string
  /** ALPN ids, such as `dot`, `h2` and `doq`. RFC 9463 §3.1.5 */
  readonly alpn: readonly string[]
  /** Where it is not the usual one. */
  readonly port?: number
  /** Template of the path for DNS over HTTPS. RFC 9461 §5 */
  readonly path?: string
}

/** What the certificate of a resolver has to have: nothing else is looked at then. RFC 9464 §3.2 */
export interface ResolverDigest {
  /** Left out: that of the only resolver. */
  readonly name?: string
  /** IKEv2 Hash Algorithm. */
  readonly hash: number
  /** Over the SubjectPublicKeyInfo, DER. RFC 9464 §5 */
  readonly digest: Uint8Array
}

/** Service parameters, RFC 9460 §14.3.2, RFC 9461 §5. */
const KEY = {
  mandatory: 0,
  alpn: 1,
  noDefaultAlpn: 2,
  port: 3,
  ipv4hint: 4,
  ipv6hint: 6,
  dohpath: 7,
} as const
const KNOWN: readonly number[] = [KEY.alpn, KEY.noDefaultAlpn, KEY.port, KEY.dohpath]

const NAME = /^[A-Za-z0-9_][A-Za-z0-9_-]{0,62}(\.[A-Za-z0-9_][A-Za-z0-9_-]{0,62})*\.?$/

/** Value of ENCDNS_IP4 or ENCDNS_IP6; `undefined` for one that breaks a rule or that wants what we do not know. Never throws. RFC 9464 §3.1 */
export const decodeResolver = (value: Uint8Array, addressOctets: 4 | 16): EncryptedResolver | undefined =>
  whole(value, (r) => {
    const priority = r.u16('Service Priority')
    const count = r.u8('Num Addresses')
    const nameOctets = r.u8('ADN Length')
    const addresses = Array.from({ length: count }, () => addressText(r.bytes(addressOctets, 'IP Address')))
    const name = readName(r, nameOctets)
    // AliasMode is not for this attribute, and an answer names at least one address and whom to expect there.
    if (priority === 0 || count === 0 || name === undefined) return undefined
    const rest = readParameters(r)
    return rest && { priority, addresses, name, ...rest }
  })

/** Value of the attribute for a resolver. Throws `RangeError` for what cannot be said in it. RFC 9464 §3.1 */
export function encodeResolver(resolver: EncryptedResolver): Uint8Array {
  const { priority, addresses, alpn, port, path } = resolver
  const name = utf8(resolver.name)
  const w = new Writer()
  w.u16(priority)
  w.u8(addresses.length)
  w.u8(name.length)
  for (const address of addresses) w.bytes(addressBytes(address))
  w.bytes(name)
  const parameter = (key: number, octets: Uint8Array): void => {
    w.u16(key)
    w.u16(octets.length)
    w.bytes(octets)
  }
  if (alpn.length > 0)
    parameter(KEY.alpn, Uint8Array.from(alpn.flatMap((id) => [utf8(id).length, ...utf8(id)])))
  if (port !== undefined) parameter(KEY.port, Uint8Array.of(port >> 8, port & 0xff))
  if (path !== undefined) parameter(KEY.dohpath, utf8(path))
  return w.finish()
}

/** Value of ENCDNS_DIGEST_INFO in an answer; `undefined` for one that breaks a rule. Never throws. RFC 9464 §3.2 */
export const decodeResolverDigest = (value: Uint8Array): ResolverDigest | undefined =>
  whole(value, (r) => {
    const hashes = r.u8('Num Hash Algs')
    const nameOctets = r.u8('ADN Length')
    const name = readName(r, nameOctets)
    const hash = r.u16('Hash Algorithm Identifier')
    const digest = r.rest()
    if (hashes !== 1 || digest.length === 0 || (nameOctets > 0 && name === undefined)) return undefined
    return { hash, digest: digest.slice(), ...(name === undefined ? {} : { name }) }
  })

export function encodeResolverDigest({ name = '', hash, digest }: ResolverDigest): Uint8Array {
  const w = new Writer()
  w.u8(1)
  w.u8(name.length)
  w.bytes(utf8(name))
  w.u16(hash)
  w.bytes(digest)
  return w.finish()
}

function whole<T>(value: Uint8Array, read: (r: Reader) => T | undefined): T | undefined {
  try {
    return read(new Reader(value, ['Configuration Attribute'], 'RFC 9464 §3'))
  } catch (error) {
    if (error instanceof Malformed) return undefined
    throw error
  }
}

/** Presentation format: no terminator, nothing but a name. */
function readName(r: Reader, octets: number): string | undefined {
  const name = Buffer.from(r.bytes(octets, 'Authentication Domain Name')).toString('latin1')
  const bare = name.replace(/\.$/, '').toLowerCase()
  return NAME.test(name) && bare.length <= 253 ? bare : undefined
}

/** SvcParams: keys in ascending order, each once. RFC 9460 §2.2 */
function readParameters(r: Reader): Pick<EncryptedResolver, 'alpn' | 'port' | 'path'> | undefined {
  const values = new Map<number, Uint8Array>()
  let last = -1
  while (r.left > 0) {
    const key = r.u16('SvcParamKey')
    if (key <= last) return undefined
    last = key
    values.set(key, r.bytes(r.u16('Length'), 'SvcParamValue'))
  }
  if (values.has(KEY.ipv4hint) || values.has(KEY.ipv6hint)) return undefined
  if (!understands(values.get(KEY.mandatory))) return undefined
  const alpn = idsIn(values.get(KEY.alpn))
  const port = values.get(KEY.port)
  if (alpn === undefined || (port !== undefined && (port.length !== 2 || port.every((octet) => octet === 0))))
    return undefined
  const path = values.get(KEY.dohpath)
  return {
    alpn,
    ...(port === undefined ? {} : { port: port[0]! * 256 + port[1]! }),
    ...(path === undefined ? {} : { path: Buffer.from(path).toString('utf8') }),
  }
}

/** All parameters that must be understood are. RFC 9460 §8 */
function understands(mandatory: Uint8Array | undefined): boolean {
  if (mandatory === undefined) return true
  if (mandatory.length === 0 || mandatory.length % 2 !== 0) return false
  for (let at = 0; at < mandatory.length; at += 2)
    if (!KNOWN.includes(mandatory[at]! * 256 + mandatory[at + 1]!)) return false
  return true
}

function idsIn(value: Uint8Array | undefined): readonly string[] | undefined {
  const ids: string[] = []
  for (let at = 0; value !== undefined && at < value.length; ) {
    const id = value.subarray(at + 1, at + 1 + value[at]!)
    if (id.length === 0 || id.length !== value[at]) return undefined
    ids.push(Buffer.from(id).toString('latin1'))
    at += 1 + id.length
  }
  return ids
}
