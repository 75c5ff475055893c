import { createPrivateKey, createPublicKey, type KeyObject, type PrivateKeyInput } from 'node:crypto'
import { ed448 } from '@noble/curves/ed448.js'
import * as asn1 from 'asn1js'
import { Malformed } from '../bytes/malformed.ts'
import { Secret } from '../bytes/secret.ts'
import { signBareEcdsa, signBareRsa } from './bare-signature.ts'
import { type Der, octetString, oid, type Place, readDer, sequence } from './der.ts'
import { forge } from './forge.ts'
import { KeyAlgorithm, namedBy } from './oids.ts'
import { encodePem, type PemBlock } from './pem.ts'
import { decodePublicKeyDer, type PublicKey } from './public-key.ts'
import { type SignatureScheme, signWith } from './signature.ts'

/** A private key of ours. Its owner closes it. */
export interface SigningKey {
  readonly publicKey: PublicKey
  /** How `secret` is to be read: Electron's OpenSSL does not know PKCS#8 of every kind. */
  readonly form: 'pkcs8' | 'pkcs1' | 'seed'
  readonly secret: Secret
}

/** Why a key or a file with one cannot be used. `problem` is a clause without a full stop. */
export interface CredentialProblem {
  readonly why: 'passphraseMissing' | 'passphraseWrong' | 'malformed' | 'unsupported' | 'missing' | 'mismatch'
  readonly problem: string
}
export type KeyRead =
  | { readonly ok: true; readonly key: SigningKey }
  | { readonly ok: false; readonly problem: CredentialProblem }

const PLACE: Place = { what: 'PrivateKeyInfo', reference: 'RFC 5958 §2' }
const failed = (why: CredentialProblem['why'], problem: string): KeyRead => ({
  ok: false,
  problem: { why, problem },
})

/** The signature of `data`; ECDSA as DER SEQUENCE(r, s), or r ‖ s with `raw`. */
export function signData(
  key: SigningKey,
  scheme: SignatureScheme,
  data: Uint8Array,
  raw = false,
): Uint8Array {
  return key.secret.use((octets) => {
    if (key.form === 'seed') return ed448.sign(data, octets)
    const object = createPrivateKey({ key: asBuffer(octets), format: 'der', type: key.form })
    if (scheme.kind === 'rsaBare') return signBareRsa(object, data)
    if (scheme.kind === 'ecdsaBare' && key.publicKey.kind === 'ecdsa')
      return signBareEcdsa(object, key.publicKey.curve, data)
    return signWith(object, scheme, data, raw)
  })
}

/** The key as PKCS#8 in PEM, not encrypted, for a keychain. RFC 5958 §2; RFC 8410 §7 and RFC 4055 §1.2 for the kinds of their own. */
export function encodeKeyPem({ form, secret }: SigningKey): Secret {
  return secret.use((octets) => {
    const own = octets.slice()
    const der =
      form === 'pkcs8'
        ? own
        : form === 'seed'
          ? privateKeyInfo(KeyAlgorithm.ed448.oid, octetStringOf(own))
          : privateKeyInfo(KeyAlgorithm.rsassaPss.oid, own)
    const pem = Secret.fromText(encodePem({ label: 'PRIVATE KEY', der }))
    for (const bytes of [own, der]) bytes.fill(0)
    return pem
  })
}

const buffer = (octets: Uint8Array): ArrayBuffer => octets.slice().buffer as ArrayBuffer
const octetStringOf = (octets: Uint8Array): Uint8Array =>
  new Uint8Array(new asn1.OctetString({ valueHex: buffer(octets) }).toBER())

const privateKeyInfo = (algorithm: string, key: Uint8Array): Uint8Array =>
  new Uint8Array(
    new asn1.Sequence({
      value: [
        new asn1.Integer({ value: 0 }),
        new asn1.Sequence({ value: [new asn1.ObjectIdentifier({ value: algorithm })] }),
        new asn1.OctetString({ valueHex: buffer(key) }),
      ],
    }).toBER(),
  )

/** A key in PEM: PKCS#8, PKCS#1 or SEC1, encrypted or not. */
export function readPemKey(block: PemBlock, passphrase: string | undefined): KeyRead {
  if (block.encrypted && passphrase === undefined) return failed('passphraseMissing', 'the key is encrypted')
  if (block.label === 'ENCRYPTED PRIVATE KEY') return readEncrypted(block.der, passphrase ?? '')
  if (block.label === 'PRIVATE KEY') return readPkcs8(block.der)
  const input: PrivateKeyInput = { key: encodePem(block), ...(block.encrypted ? { passphrase } : {}) }
  return read(input, block.encrypted ? 'passphraseWrong' : 'malformed')
}

/** A key in DER, of whichever kind it is. */
export function readDerKey(der: Uint8Array, passphrase: string | undefined): KeyRead {
  const types = ['pkcs1', 'sec1'] as const
  const results = [
    readPkcs8(der),
    ...types.map((type) => read({ key: asBuffer(der), format: 'der', type }, 'malformed')),
  ]
  const good = results.find(({ ok }) => ok)
  if (good !== undefined) return good
  if (!looksEncrypted(der)) return failed('malformed', 'it holds no private key that can be read')
  return passphrase === undefined
    ? failed('passphraseMissing', 'the key is encrypted')
    : readEncrypted(der, passphrase)
}

/** PrivateKeyInfo in DER, not encrypted. RFC 5958 §2 */
export function readPkcs8(der: Uint8Array): KeyRead {
  let kind: string | undefined
  let inner: Uint8Array
  try {
    const [, algorithm, key] = sequence(readDer(der, PLACE), PLACE)
    kind = namedBy(KeyAlgorithm, oid(sequence(algorithm, PLACE)[0], PLACE))
    inner = octetString(key, PLACE)
    if (kind === 'ed448') return ed448Key(octetString(readDer(inner, PLACE), PLACE))
  } catch (error) {
    if (error instanceof Malformed) return failed('malformed', error.message)
    throw error
  }
  if (kind === undefined) return failed('unsupported', 'the key is of a kind that Culvert does not know')
  return kind === 'rsassaPss'
    ? pssOnly(read({ key: asBuffer(inner), format: 'der', type: 'pkcs1' }, 'malformed'), inner)
    : read({ key: asBuffer(der), format: 'der', type: 'pkcs8' }, 'malformed')
}

/** What the key says of itself is kept: it signs by RSASSA-PSS and in no other way. RFC 4055 §1.2 */
function pssOnly(read: KeyRead, pkcs1: Uint8Array): KeyRead {
  if (!read.ok || read.key.publicKey.kind !== 'rsa') return read
  read.key.secret.close()
  const publicKey = { ...read.key.publicKey, pssOnly: true }
  return { ok: true, key: { publicKey, form: 'pkcs1', secret: new Secret(pkcs1.slice()) } }
}

function ed448Key(seed: Uint8Array): KeyRead {
  if (seed.length !== 57) return failed('malformed', `an Ed448 key has 57 octets, not ${seed.length}`)
  const secret = new Secret(seed.slice())
  const point = secret.use((octets) => ed448.getPublicKey(octets))
  return { ok: true, key: { publicKey: { kind: 'ed448', point }, form: 'seed', secret } }
}

/** EncryptedPrivateKeyInfo. Node knows more ciphers, node-forge needs no help of the host for the keys it does not know. */
function readEncrypted(der: Uint8Array, passphrase: string): KeyRead {
  const direct = read({ key: asBuffer(der), format: 'der', type: 'pkcs8', passphrase }, 'passphraseWrong')
  if (direct.ok) return direct
  try {
    const info = forge.pki.decryptPrivateKeyInfo(
      forge.asn1.fromDer(asBuffer(der).toString('latin1')),
      passphrase,
    )
    return info === null ? direct : readPkcs8(Buffer.from(forge.asn1.toDer(info).getBytes(), 'latin1'))
  } catch {
    return direct
  }
}

function read(input: PrivateKeyInput, otherwise: 'malformed' | 'passphraseWrong'): KeyRead {
  let key: KeyObject
  try {
    key = createPrivateKey(input)
  } catch {
    return otherwise === 'passphraseWrong'
      ? failed('passphraseWrong', 'the passphrase does not open the key')
      : failed('malformed', 'the key cannot be read')
  }
  const isPss = key.asymmetricKeyType === 'rsa-pss'
  if (key.asymmetricKeyType === 'ed448' || isPss) {
    return readPkcs8(key.export({ format: 'der', type: 'pkcs8' }))
  }
  const publicKey = decodePublicKeyDer(createPublicKey(key).export({ format: 'der', type: 'spki' }))
  if (publicKey.kind === 'unusable') return failed('unsupported', `the key ${publicKey.why}`)
  const secret = new Secret(new Uint8Array(key.export({ format: 'der', type: 'pkcs8' })))
  return { ok: true, key: { publicKey, form: 'pkcs8', secret } }
}

/** SEQUENCE { SEQUENCE { OID … }, OCTET STRING }, RFC 5958 §3; nothing else of ours begins so. */
function looksEncrypted(der: Uint8Array): boolean {
  try {
    const [algorithm, data] = sequence(readDer(der, PLACE), PLACE) as [Der?, Der?]
    oid(sequence(algorithm, PLACE)[0], PLACE)
    octetString(data, PLACE)
    return true
  } catch {
    return false
  }
}

const asBuffer = (octets: Uint8Array): Buffer => Buffer.from(octets.buffer, octets.byteOffset, octets.length)
