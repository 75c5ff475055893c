import { createHash } from 'node:crypto'
import { concat, equal, fromHex, NO_OCTETS } from '../../core/bytes/octets.ts'
import type { Random } from '../../core/bytes/random.ts'
import { Secret } from '../../core/bytes/secret.ts'
import { fips186Prf } from '../../core/crypto/fips186-2.ts'
import { legacyCrypto } from '../../core/crypto/legacy.ts'
import type {
  CryptoRegistry,
  EncryptionInfo,
  IntegrityInfo,
  KeyExchangeInfo,
  PrfInfo,
} from '../../core/crypto/transforms.ts'
import { prfPlus, skeyseed } from '../../core/ike/v2/keys.ts'
import type { AeadName, NativeAddon } from '../../core/native/addon.ts'
import type { Tally } from './result.ts'

/** Octets in hex; `dd*50` is one octet fifty times. */
type Hex = string

/** A known answer, as tables of any origin state it. `algorithm` is a key of the tables below. */
export type KnownAnswer = { readonly name: string } & (
  | {
      readonly kind: 'aead'
      readonly algorithm: string
      readonly key: Hex
      /** Salt and IV together. */
      readonly nonce: Hex
      readonly aad: Hex
      readonly plaintext: Hex
      /** Ciphertext and ICV together. */
      readonly sealed: Hex
    }
  | {
      readonly kind: 'cipher'
      readonly algorithm: string
      /** As KEYMAT gives it: of counter mode, the nonce comes after the key. */
      readonly key: Hex
      readonly iv: Hex
      readonly plaintext: Hex
      readonly ciphertext: Hex
    }
  /** `mac` may have been truncated. */
  | {
      readonly kind: 'mac'
      readonly algorithm: string
      readonly key: Hex
      readonly data: Hex
      readonly mac: Hex
    }
  | {
      readonly kind: 'dh'
      readonly group: number
      readonly privateI: Hex
      readonly publicI: Hex
      readonly privateR: Hex
      readonly publicR: Hex
      readonly shared: Hex
    }
  /** One multiplication on a Montgomery curve. */
  | {
      readonly kind: 'point'
      readonly group: number
      readonly scalar: Hex
      readonly point: Hex
      readonly result: Hex
    }
  /** RFC 7748 §5.2: the result becomes the scalar, and the scalar the point. */
  | {
      readonly kind: 'iterated'
      readonly group: number
      readonly start: Hex
      readonly afterOne: Hex
      readonly after1000: Hex
    }
  | {
      readonly kind: 'skeyseed'
      readonly algorithm: string
      readonly nonces: Hex
      readonly shared: Hex
      readonly result: Hex
    }
  | {
      readonly kind: 'prf+'
      readonly algorithm: string
      readonly key: Hex
      readonly seed: Hex
      readonly result: Hex
    }
  | { readonly kind: 'hash'; readonly algorithm: string; readonly data: Hex; readonly result: Hex }
  /** The generator of FIPS 186-2. */
  | { readonly kind: 'fips186'; readonly key: Hex; readonly result: Hex }
)

type Of<K extends KnownAnswer['kind']> = Extract<KnownAnswer, { kind: K }>
type Check = readonly [by: string, works: () => boolean]

interface Host {
  readonly registry: CryptoRegistry
  readonly addon: NativeAddon
}

/** Transform IDs that compute an AEAD, and its name in the addon. `truncates`: a short ICV begins the long one. */
const AEADS: Readonly<
  Record<string, { ids: readonly number[]; named: (keyBits: number) => AeadName; truncates?: true }>
> = {
  'AES-GCM': { ids: [18, 19, 20], named: (bits) => `aes-${bits}-gcm` as AeadName, truncates: true },
  'AES-CCM': { ids: [14, 15, 16], named: (bits) => `aes-${bits}-ccm` as AeadName },
  'CAMELLIA-CCM': { ids: [25, 26, 27], named: (bits) => `camellia-${bits}-ccm` as AeadName },
  'CHACHA20-POLY1305': { ids: [28], named: () => 'chacha20-poly1305' },
}

const CIPHERS: Readonly<Record<string, { id: number; named?: (keyBits: number) => string }>> = {
  'DES-CBC': { id: 2 },
  '3DES-CBC': { id: 3, named: () => 'des-ede3-cbc' },
  NULL: { id: 11 },
  'AES-CBC': { id: 12, named: (bits) => `aes-${bits}-cbc` },
  'AES-CTR': { id: 13, named: (bits) => `aes-${bits}-ctr` },
  'CAMELLIA-CBC': { id: 23, named: (bits) => `camellia-${bits}-cbc` },
  'CAMELLIA-CTR': { id: 24, named: (bits) => `camellia-${bits}-ctr` },
}

const MACS: Readonly<Record<string, { prf: number; integrity: readonly number[] }>> = {
  'HMAC-MD5': { prf: 1, integrity: [1, 6] },
  'HMAC-SHA1': { prf: 2, integrity: [2, 7] },
  'AES-XCBC': { prf: 4, integrity: [5] },
  'HMAC-SHA256': { prf: 5, integrity: [12] },
  'HMAC-SHA384': { prf: 6, integrity: [13] },
  'HMAC-SHA512': { prf: 7, integrity: [14] },
  'AES-CMAC': { prf: 8, integrity: [8] },
}

/** The groups that node:crypto computes, by their name in the addon, which has them too. */
const CURVES: Readonly<Record<number, string>> = { 19: 'prime256v1', 20: 'secp384r1', 21: 'secp521r1' }

/** Runs a known answer by everything that can compute it; one that nothing takes has failed. */
export function runKnownAnswer(tally: Tally, answer: KnownAnswer, host: Host): void {
  const checks = checksOf(answer, host)
  if (checks.length === 0) tally.case(`${answer.name}: nothing here takes it`, () => false)
  for (const [by, works] of checks) tally.case(`${answer.name} by ${by}`, works)
}

function checksOf(answer: KnownAnswer, host: Host): readonly Check[] {
  switch (answer.kind) {
    case 'aead':
      return aeadChecks(answer, host)
    case 'cipher':
      return cipherChecks(answer, host)
    case 'mac':
      return macChecks(answer, host)
    case 'dh':
      return dhChecks(answer, host)
    case 'point':
      return [['the registry', () => same(multiply(group(host, answer.group), answer), answer.result)]]
    case 'iterated':
      return [['the registry', () => iterate(group(host, answer.group), answer)]]
    case 'skeyseed': {
      const { nonces, shared, result } = answer
      const derive = () =>
        skeyseed(prfOf(answer.algorithm, host), octets(nonces), NO_OCTETS, new Secret(octets(shared)))
      return [['skeyseed', () => derive().use((seed) => same(seed, result))]]
    }
    case 'prf+': {
      const { key, seed, result } = answer
      const derive = () =>
        prfPlus(prfOf(answer.algorithm, host), octets(key), octets(seed), octets(result).length)
      return [['prfPlus', () => same(derive(), result)]]
    }
    case 'hash': {
      const { algorithm, result } = answer
      const data = octets(answer.data)
      if (algorithm === 'md4') return [['libcrypto', () => same(host.addon.md4(data), result)]]
      return [['node:crypto', () => same(createHash(algorithm).update(data).digest(), result)]]
    }
    case 'fips186': {
      const wanted = octets(answer.result)
      return [
        [
          'fips186Prf',
          () => equal(fips186Prf(legacyCrypto(host.addon), octets(answer.key), wanted.length), wanted),
        ],
      ]
    }
  }
}

function aeadChecks(answer: Of<'aead'>, { registry, addon }: Host): readonly Check[] {
  const { ids, named, truncates } = known(AEADS, answer.algorithm)
  const [key, nonce, aad] = [octets(answer.key), octets(answer.nonce), octets(answer.aad)]
  const [plaintext, sealed] = [octets(answer.plaintext), octets(answer.sealed)]
  const tagBytes = sealed.length - plaintext.length
  const name = named(key.length * 8)
  const checks: Check[] = [
    [
      `the addon's ${name}`,
      () =>
        bothWays(
          (data) => addon.aeadSeal(name, key, nonce, aad, data, tagBytes),
          (data) => addon.aeadOpen(name, key, nonce, aad, data, tagBytes),
          plaintext,
          sealed,
        ),
    ],
  ]
  for (const id of ids) {
    const row = encryption(registry, id)
    if (!row.aead) throw new Error(`${row.name} is no AEAD`)
    const cut = tagBytes - row.icvBytes
    if (nonce.length !== row.saltBytes + row.ivBytes || !(cut === 0 || (truncates && cut > 0))) continue
    const iv = nonce.subarray(row.saltBytes)
    const aead = () => row.make(concat(key, nonce.subarray(0, row.saltBytes)))
    checks.push([
      row.name,
      () =>
        bothWays(
          (data) => aead().seal(iv, aad, data),
          (data) => aead().open(iv, aad, data),
          plaintext,
          sealed.subarray(0, sealed.length - cut),
        ),
    ])
  }
  return checks
}

/** Seals to the octets wanted, opens them again, and opens nothing that was changed. */
function bothWays(
  seal: (data: Uint8Array) => Uint8Array,
  open: (data: Uint8Array) => Uint8Array | undefined,
  plaintext: Uint8Array,
  sealed: Uint8Array,
): boolean {
  const opened = open(sealed)
  const changed = (at: number) => sealed.with(at, sealed[at]! ^ 1)
  return (
    equal(seal(plaintext), sealed) &&
    opened !== undefined &&
    equal(opened, plaintext) &&
    [0, sealed.length - 1].every((at) => open(changed(at)) === undefined)
  )
}

function cipherChecks(answer: Of<'cipher'>, { registry, addon }: Host): readonly Check[] {
  const { id, named } = known(CIPHERS, answer.algorithm)
  const row = encryption(registry, id)
  if (row.aead) throw new Error(`${row.name} is an AEAD`)
  const [whole, iv] = [octets(answer.key), octets(answer.iv)]
  const { plaintext, ciphertext } = answer
  const checks: Check[] = [
    [
      row.name,
      () =>
        same(row.make(whole).encrypt(iv, octets(plaintext)), ciphertext) &&
        same(row.make(whole).decrypt(iv, octets(ciphertext)), plaintext),
    ],
  ]
  if (named === undefined) return checks
  const end = whole.length - row.saltBytes
  const key = whole.subarray(0, end)
  // RFC 3686 §4: nonce, IV, and a counter that begins at one.
  const block = row.saltBytes === 0 ? iv : concat(whole.subarray(end), iv, Uint8Array.of(0, 0, 0, 1))
  const name = named(key.length * 8)
  const pass = (encrypt: boolean, data: Hex) => addon.cipher(name, encrypt, key, block, octets(data))
  checks.push([
    `the addon's ${name}`,
    () => same(pass(true, plaintext), ciphertext) && same(pass(false, ciphertext), plaintext),
  ])
  return checks
}

function macChecks(answer: Of<'mac'>, host: Host): readonly Check[] {
  const prf = prfOf(answer.algorithm, host)
  const [key, data, mac] = [octets(answer.key), octets(answer.data), octets(answer.mac)]
  const checks: Check[] = [[prf.name, () => equal(prf.compute(key, data).subarray(0, mac.length), mac)]]
  for (const id of known(MACS, answer.algorithm).integrity) {
    const row = present<IntegrityInfo>(host.registry.integrity, id, 'integrity')
    if (row.keyBytes !== key.length || row.icvBytes > mac.length) continue
    checks.push([row.name, () => equal(row.compute(key, data), mac.subarray(0, row.icvBytes))])
  }
  return checks
}

function dhChecks(answer: Of<'dh'>, host: Host): readonly Check[] {
  const row = group(host, answer.group)
  const [privateI, privateR] = [octets(answer.privateI), octets(answer.privateR)]
  const [publicI, publicR, shared] = [octets(answer.publicI), octets(answer.publicR), octets(answer.shared)]
  const begins = (own: Uint8Array, ownPublic: Uint8Array, peer: Uint8Array) => () => {
    const begun = row.begin(given(own))
    const secret = begun.finish(peer)
    return equal(begun.data, ownPublic) && secret?.use((got) => equal(got, shared)) === true
  }
  const responds = () => {
    const answered = row.respond(given(privateR), publicI)
    return (
      answered !== undefined &&
      equal(answered.data, publicR) &&
      answered.secret.use((got) => equal(got, shared))
    )
  }
  const checks: Check[] = [
    [`${row.name}, beginning`, begins(privateI, publicI, publicR)],
    [`${row.name}, beginning as the other end`, begins(privateR, publicR, publicI)],
    [`${row.name}, responding`, responds],
  ]
  const curve = CURVES[answer.group]
  if (curve === undefined) return checks
  const byAddon = (own: Uint8Array, ownPublic: Uint8Array, peer: Uint8Array) => {
    const got = host.addon.ecShared(curve, own, peer)
    return equal(host.addon.ecPublic(curve, own), ownPublic) && got !== undefined && equal(got, shared)
  }
  checks.push([
    `the addon's ${curve}`,
    () => byAddon(privateI, publicI, publicR) && byAddon(privateR, publicR, publicI),
  ])
  return checks
}

function multiply(
  row: KeyExchangeInfo,
  { scalar, point }: { scalar: Hex; point: Hex },
): Uint8Array | undefined {
  return row
    .begin(given(octets(scalar)))
    .finish(octets(point))
    ?.use((got) => got.slice())
}

function iterate(row: KeyExchangeInfo, { start, afterOne, after1000 }: Of<'iterated'>): boolean {
  let [scalar, point] = [start, start]
  for (let round = 1; round <= 1000; round++) {
    const result = multiply(row, { scalar, point })
    if (result === undefined) return false
    if (round === 1 && !same(result, afterOne)) return false
    ;[scalar, point] = [Buffer.from(result).toString('hex'), scalar]
  }
  return same(octets(scalar), after1000)
}

/** Octets of a table's notation. */
export function octets(hex: Hex): Uint8Array {
  const repeated = /^([0-9a-f]{2})\*(\d+)$/.exec(hex)
  return fromHex(repeated ? repeated[1]!.repeat(Number(repeated[2])) : hex)
}

/** Gives this private value, padded on the left to the length asked for and never shortened. */
export const given = (value: Uint8Array): Random => ({
  bytes: (count) => concat(new Uint8Array(Math.max(0, count - value.length)), value),
})

const same = (got: Uint8Array | undefined, wanted: Hex): boolean =>
  got !== undefined && equal(got, octets(wanted))

function known<T>(table: Readonly<Record<string, T>>, algorithm: string): T {
  const found = table[algorithm]
  if (found === undefined) throw new Error(`no algorithm is called ${algorithm}`)
  return found
}

/** In a test that has the addon every transform is there; an absent one is a failure, never a skip. */
function present<T>(rows: ReadonlyMap<number, T>, id: number, type: string): T {
  const row = rows.get(id)
  if (row === undefined) throw new Error(`the registry has no ${type} transform ${id}`)
  return row
}

const encryption = (registry: CryptoRegistry, id: number): EncryptionInfo =>
  present<EncryptionInfo>(registry.encryption, id, 'encryption')

const prfOf = (algorithm: string, { registry }: Host): PrfInfo =>
  present<PrfInfo>(registry.prf, known(MACS, algorithm).prf, 'PRF')

const group = ({ registry }: Host, id: number): KeyExchangeInfo =>
  present<KeyExchangeInfo>(registry.keyExchange, id, 'key exchange')
