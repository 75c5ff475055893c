import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { ed448 } from '@noble/curves/ed448.js'
import * as asn1 from 'asn1js'
import { concat } from '../../core/bytes/octets.ts'
import { Secret } from '../../core/bytes/secret.ts'
import { type Certificate, decodeCertificate } from '../../core/cert/certificate.ts'
import { parseName } from '../../core/cert/name.ts'
import { Curve, type CurveName, Extension, type HashName, KeyPurpose } from '../../core/cert/oids.ts'
import { type SigningKey, signData } from '../../core/cert/private-key.ts'
import { decodePublicKeyDer } from '../../core/cert/public-key.ts'
import { encodeScheme, type SignatureScheme } from '../../core/cert/signature.ts'

// Certificates made at test time: good ones in a line each, and any bad one by changing one field.

/** The day the tests live on. */
export const NOW = Date.UTC(2030, 5, 15)
export const DAY = 86_400_000

export interface TestKey {
  readonly spki: Uint8Array
  readonly signing: SigningKey
  /** Undefined for Ed448, which Electron's OpenSSL does not know. */
  readonly object: KeyObject | undefined
}

export type KeyKind = CurveName | 'rsa' | 'ed25519' | 'ed448'

export function makeKey(kind: KeyKind = 'P-256', rsaBits = 2048): TestKey {
  if (kind === 'ed448') return ed448Key()
  const { privateKey, publicKey } =
    kind === 'rsa'
      ? generateKeyPairSync('rsa', { modulusLength: rsaBits })
      : kind === 'ed25519'
        ? generateKeyPairSync('ed25519')
        : generateKeyPairSync('ec', { namedCurve: kind })
  const spki = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }))
  const secret = new Secret(new Uint8Array(privateKey.export({ type: 'pkcs8', format: 'der' })))
  return {
    spki,
    object: privateKey,
    signing: { publicKey: decodePublicKeyDer(spki), form: 'pkcs8', secret },
  }
}

function ed448Key(): TestKey {
  const seed = ed448.utils.randomSecretKey()
  const point = ed448.getPublicKey(seed)
  const spki = der(sequence(sequence(oid('1.3.101.113')), bits(point)))
  return {
    spki,
    object: undefined,
    signing: { publicKey: { kind: 'ed448', point }, form: 'seed', secret: new Secret(seed) },
  }
}

/** PKCS#8 of a test key. */
export function pkcs8Of({ signing: { form, secret } }: TestKey): Uint8Array {
  const own = secret.use((bytes) => bytes.slice())
  if (form === 'pkcs8') return own
  const [algorithm, key] = form === 'seed' ? ['1.3.101.113', der(octets(own))] : [RSASSA_PSS, own]
  return der(sequence(new asn1.Integer({ value: 0 }), sequence(oid(algorithm)), octets(key)))
}

/** The scheme a key signs with unless told otherwise. */
export function usualScheme({ publicKey }: SigningKey, hash: HashName = 'sha256'): SignatureScheme {
  if (publicKey.kind === 'unusable') throw new Error('an unusable key signs nothing')
  return publicKey.kind === 'ed25519' || publicKey.kind === 'ed448'
    ? { kind: publicKey.kind }
    : { kind: publicKey.kind, hash }
}

export interface Wanted {
  readonly subject?: string
  readonly issuer?: string
  readonly notBefore?: number
  readonly notAfter?: number
  /** `dns:`, `email:`, `ip:` (numeric IPv4), `uri:`, `dn:` in front. */
  readonly san?: readonly string[]
  /** Bits of KeyUsage by number: 0 digitalSignature, 5 keyCertSign, 6 cRLSign. */
  readonly keyUsage?: readonly number[]
  readonly eku?: readonly string[]
  readonly ca?: boolean | undefined
  readonly pathLength?: number
  readonly permitted?: readonly string[]
  readonly excluded?: readonly string[]
  /** Whole Extension elements. */
  readonly more?: readonly asn1.AsnType[]
  readonly scheme?: SignatureScheme
  /** Stands in the signed part instead of `scheme`. */
  readonly innerScheme?: SignatureScheme
  readonly serial?: number
  readonly version?: 1 | 2 | 3
  readonly spki?: Uint8Array
  readonly subjectKeyIdentifier?: Uint8Array
  readonly authorityKeyIdentifier?: Uint8Array
  /** What stands in the place of the signature. */
  readonly signature?: Uint8Array
}

export interface Issued {
  readonly key: TestKey
  readonly der: Uint8Array
  readonly certificate: Certificate
  readonly subject: string
}

let serials = 1000

/** A certificate in DER for `key`, signed by `signer`; nothing is checked. */
export function certificateDer(key: TestKey, signer: TestKey, wanted: Wanted): Uint8Array {
  const scheme = wanted.scheme ?? usualScheme(signer.signing)
  const version = wanted.version ?? 3
  const extensions = extensionsOf(wanted)
  const tbs = der(
    sequence(
      ...(version === 1 ? [] : [context(0, new asn1.Integer({ value: version - 1 }))]),
      new asn1.Integer({ value: wanted.serial ?? ++serials }),
      parsed(encodeScheme(wanted.innerScheme ?? scheme)),
      name(wanted.issuer ?? wanted.subject ?? ''),
      sequence(time(wanted.notBefore ?? NOW - 100 * DAY), time(wanted.notAfter ?? NOW + 100 * DAY)),
      name(wanted.subject ?? ''),
      parsed(wanted.spki ?? key.spki),
      ...(extensions.length > 0 ? [context(3, sequence(...extensions))] : []),
    ),
  )
  const signature = wanted.signature ?? signData(signer.signing, scheme, tbs)
  return der(sequence(parsed(tbs), parsed(encodeScheme(scheme)), bits(signature)))
}

/** An authority that signed itself. */
export function makeRoot(subject = 'C=CH, O=Test, CN=Root', wanted: Wanted = {}, key = makeKey()): Issued {
  return issued(key, certificateDer(key, key, { ca: true, keyUsage: [5, 6], subject, ...wanted }), subject)
}

/** An authority below another. */
export const makeAuthority = (by: Issued, subject: string, wanted: Wanted = {}, key = makeKey()): Issued =>
  issue(by, { ca: true, keyUsage: [5, 6], subject, ...wanted }, key)

/** A certificate of a gateway below an authority: `gw.example.org`, unless `wanted` says otherwise. */
export const makeGateway = (by: Issued, wanted: Wanted = {}, key = makeKey()): Issued =>
  issue(
    by,
    {
      subject: 'C=CH, O=Test, CN=gw',
      san: ['dns:gw.example.org'],
      eku: [KeyPurpose.serverAuth.oid],
      keyUsage: [0],
      ...wanted,
    },
    key,
  )

export function issue(by: Issued, wanted: Wanted, key = makeKey()): Issued {
  const der = certificateDer(key, by.key, { issuer: by.subject, ...wanted })
  return issued(key, der, wanted.subject ?? '')
}

function issued(key: TestKey, der: Uint8Array, subject: string): Issued {
  const read = decodeCertificate(der)
  if (!read.ok) throw read.error
  return { key, der, certificate: read.value, subject }
}

/** A list of revoked serial numbers. */
export function makeList(
  by: Issued,
  revoked: readonly Uint8Array[],
  { thisUpdate = NOW - DAY, nextUpdate = NOW + DAY, more = [] as readonly asn1.AsnType[] } = {},
): Uint8Array {
  const scheme = usualScheme(by.key.signing)
  const entries = revoked.map((serial) =>
    sequence(new asn1.Integer({ valueHex: serial.slice().buffer as ArrayBuffer }), time(NOW - 2 * DAY)),
  )
  const tbs = der(
    sequence(
      new asn1.Integer({ value: 1 }),
      parsed(encodeScheme(scheme)),
      name(by.subject),
      time(thisUpdate),
      time(nextUpdate),
      ...(entries.length > 0 ? [sequence(...entries)] : []),
      ...(more.length > 0 ? [context(0, sequence(...more))] : []),
    ),
  )
  return der(sequence(parsed(tbs), parsed(encodeScheme(scheme)), bits(signData(by.key.signing, scheme, tbs))))
}

/** SubjectPublicKeyInfo of an RSA key of any numbers, big-endian. */
export const rsaSpki = (modulus: Uint8Array, exponent: Uint8Array): Uint8Array => {
  const integer = (value: Uint8Array) =>
    new asn1.Integer({ valueHex: concat(Uint8Array.of(0), value).buffer as ArrayBuffer })
  return der(
    sequence(
      sequence(oid('1.2.840.113549.1.1.1'), new asn1.Null()),
      bits(der(sequence(integer(modulus), integer(exponent)))),
    ),
  )
}

/** SubjectPublicKeyInfo of an EC key with any octets for a point. */
export const ecSpki = (curve: CurveName, point: Uint8Array): Uint8Array =>
  der(sequence(sequence(oid('1.2.840.10045.2.1'), oid(Curve[curve].oid)), bits(point)))

export const extension = (id: string, critical: boolean, value: asn1.AsnType): asn1.AsnType =>
  sequence(oid(id), ...(critical ? [new asn1.Boolean({ value: true })] : []), octets(der(value)))

function extensionsOf(wanted: Wanted): asn1.AsnType[] {
  const all: asn1.AsnType[] = []
  const { san, keyUsage, eku, ca, pathLength, permitted, excluded } = wanted
  const add = (row: { readonly oid: string }, critical: boolean, value: asn1.AsnType) =>
    all.push(extension(row.oid, critical, value))
  if (san !== undefined) add(Extension.subjectAltName, false, sequence(...san.map(generalName)))
  if (keyUsage !== undefined) {
    const octet = keyUsage.reduce((sum, bit) => sum | (0x80 >> bit), 0)
    add(Extension.keyUsage, true, bits(Uint8Array.of(octet)))
  }
  if (eku !== undefined) add(Extension.extendedKeyUsage, false, sequence(...eku.map(oid)))
  if (ca !== undefined) {
    const length = pathLength === undefined ? [] : [new asn1.Integer({ value: pathLength })]
    add(
      Extension.basicConstraints,
      true,
      sequence(...(ca ? [new asn1.Boolean({ value: true })] : []), ...length),
    )
  }
  if (permitted !== undefined || excluded !== undefined) {
    const subtrees = (tag: number, bases: readonly string[] = []) =>
      bases.length === 0 ? [] : [context(tag, ...bases.map((base) => sequence(generalName(base))))]
    add(Extension.nameConstraints, true, sequence(...subtrees(0, permitted), ...subtrees(1, excluded)))
  }
  if (wanted.subjectKeyIdentifier !== undefined) {
    add(Extension.subjectKeyIdentifier, false, octets(wanted.subjectKeyIdentifier))
  }
  if (wanted.authorityKeyIdentifier !== undefined) {
    add(Extension.authorityKeyIdentifier, false, sequence(primitive(0, wanted.authorityKeyIdentifier)))
  }
  return [...all, ...(wanted.more ?? [])]
}

function generalName(text: string): asn1.AsnType {
  const [, kind = '', value = ''] = /^([a-z]+):(.*)$/s.exec(text) ?? []
  const latin1 = Uint8Array.from(Buffer.from(value, 'latin1'))
  switch (kind) {
    case 'email':
      return primitive(1, latin1)
    case 'dns':
      return primitive(2, latin1)
    case 'dn':
      return context(4, name(value))
    case 'uri':
      return primitive(6, latin1)
    case 'ip':
      return primitive(7, Uint8Array.from(value.split(/[./]/).map(Number)))
    default:
      throw new Error(`what is ${text}?`)
  }
}

export const der = (node: asn1.AsnType): Uint8Array => new Uint8Array(node.toBER())
export const sequence = (...value: asn1.AsnType[]) => new asn1.Sequence({ value })
export const oid = (value: string) => new asn1.ObjectIdentifier({ value })
export const octets = (value: Uint8Array) =>
  new asn1.OctetString({ valueHex: value.slice().buffer as ArrayBuffer })
export const bits = (value: Uint8Array) =>
  new asn1.BitString({ valueHex: value.slice().buffer as ArrayBuffer })
export const context = (tagNumber: number, ...value: asn1.AsnType[]) =>
  new asn1.Constructed({ idBlock: { tagClass: 3, tagNumber }, value })
export const uri = (text: string) => primitive(6, Uint8Array.from(Buffer.from(text, 'latin1')))
const primitive = (tagNumber: number, value: Uint8Array) =>
  new asn1.Primitive({ idBlock: { tagClass: 3, tagNumber }, valueHex: value.slice().buffer as ArrayBuffer })

/** Already DER. */
const parsed = (bytes: Uint8Array): asn1.AsnType => asn1.fromBER(bytes, { parseEmbedded: false }).result

function name(text: string): asn1.AsnType {
  if (text === '') return sequence()
  const read = parseName(text)
  if ('problem' in read) throw new Error(read.problem)
  return parsed(read.der)
}

function time(at: number): asn1.AsnType {
  const date = new Date(at)
  const text = date.toISOString().replace(/[-:T]|\.\d+/g, '')
  const utc = date.getUTCFullYear() < 2050
  const content = Uint8Array.from(Buffer.from(utc ? text.slice(2) : text, 'latin1'))
  return parsed(concat(Uint8Array.of(utc ? 23 : 24, content.length), content))
}

/** A key for `node:crypto`. */
export const keyObject = (key: TestKey): KeyObject =>
  createPrivateKey({ key: Buffer.from(pkcs8Of(key)), format: 'der', type: 'pkcs8' })

const RSASSA_PSS = '1.2.840.113549.1.1.10'

/** The same RSA key, as one that says of itself that it is for PSS only. RFC 4055 §1.2 */
export function rsaPssOnly(key: TestKey): TestKey {
  const pkcs1 = keyObject(key).export({ type: 'pkcs1', format: 'der' })
  const publicKey = createPublicKey(keyObject(key)).export({ type: 'pkcs1', format: 'der' })
  const spki = der(sequence(sequence(oid(RSASSA_PSS)), bits(new Uint8Array(publicKey))))
  return {
    spki,
    object: key.object,
    signing: {
      publicKey: decodePublicKeyDer(spki),
      form: 'pkcs1',
      secret: new Secret(new Uint8Array(pkcs1)),
    },
  }
}
