import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { concat, equal, fromHex } from '../../core/bytes/octets.ts'
import type { Random } from '../../core/bytes/random.ts'
import type {
  AeadInfo,
  CryptoRegistry,
  EncryptionInfo,
  KeyExchangeInfo,
} from '../../core/crypto/transforms.ts'
import type { AeadName, NativeAddon } from '../../core/native/addon.ts'
import { Tally, type VectorResult } from './result.ts'

interface Case {
  readonly tcId: number
  readonly result: 'valid' | 'invalid' | 'acceptable'
  readonly [field: string]: unknown
}
interface Group {
  readonly ivSize: number
  readonly keySize: number
  readonly tagSize: number
  readonly tests: readonly Case[]
}

type RunFile = (
  file: string,
  groups: readonly Group[],
  registry: CryptoRegistry,
  addon: NativeAddon,
) => readonly VectorResult[]

/** What each file is run by. */
const FILES: Readonly<Record<string, RunFile>> = {
  aes_gcm: aead([18, 19, 20], (bits) => `aes-${bits}-gcm` as AeadName, true),
  aes_ccm: aead([14, 15, 16], (bits) => `aes-${bits}-ccm` as AeadName),
  camellia_ccm: aead([25, 26, 27], (bits) => `camellia-${bits}-ccm` as AeadName),
  chacha20_poly1305: aead([28], () => 'chacha20-poly1305'),
  aes_cbc_pkcs5: cbc(12),
  camellia_cbc_pkcs5: cbc(23),
  aes_cmac: mac(8, 8),
  hmac_sha1: mac(2, 7),
  hmac_sha256: mac(5, 12),
  hmac_sha384: mac(6, 13),
  hmac_sha512: mac(7, 14),
  ecdh_secp256r1_ecpoint: dh(19, fromPoint),
  ecdh_secp384r1_ecpoint: dh(20, fromPoint),
  ecdh_secp521r1_ecpoint: dh(21, fromPoint),
  ecdh_brainpoolP256r1: dh(28, fromKey('305a301406072a8648ce3d020106092b240303020801010703420004')),
  ecdh_brainpoolP384r1: dh(29, fromKey('307a301406072a8648ce3d020106092b240303020801010b03620004')),
  ecdh_brainpoolP512r1: dh(30, fromKey('30819b301406072a8648ce3d020106092b240303020801010d0381820004')),
  x25519: dh(31, fromHex),
  x448: dh(32, fromHex),
}

/** The names of the files below, such as `aes_gcm_test.json`. */
export const WYCHEPROOF_FILES: readonly string[] = Object.keys(FILES).map(fileName)

/** All Wycheproof files that concern a transform of the registry. `data`: their folder. */
export function runWycheproof(data: string, registry: CryptoRegistry, addon: NativeAddon): VectorResult[] {
  const groupsOf = (file: string) =>
    (JSON.parse(readFileSync(join(data, fileName(file)), 'utf8')) as { testGroups: Group[] }).testGroups
  return Object.entries(FILES).flatMap(([file, run]) => run(file, groupsOf(file), registry, addon))
}

function fileName(file: string): string {
  return `${file}_test.json`
}

/** Through the rows of the registry, and through the addon whatever the row is made of. */
function aead(ids: readonly number[], named: (keyBits: number) => AeadName, truncates = false): RunFile {
  return (file, groups, registry, addon) => [
    aeadFile(
      file,
      groups,
      ids.map((id) => registry.encryption.get(id) as AeadInfo),
      truncates,
    ),
    addonFile(groups, `${file} in the addon`, addon, named),
  ]
}

function cbc(id: number): RunFile {
  return (file, groups, registry) => [cbcFile(file, groups, registry.encryption.get(id)!)]
}

function mac(prf: number, integrity: number): RunFile {
  return (file, groups, registry) => [macFile(file, groups, registry, prf, integrity)]
}

function dh(id: number, toKe: (hex: string) => Uint8Array | undefined): RunFile {
  return (file, groups, registry) => [dhFile(file, groups, registry.keyExchange.get(id)!, toKe)]
}

const octets = (test: Case, field: string): Uint8Array => fromHex(test[field] as string)

/** `truncates`: a shorter ICV is the beginning of the long one (GCM), so each case serves every row. */
function aeadFile(
  file: string,
  groups: readonly Group[],
  rows: readonly AeadInfo[],
  truncates: boolean,
): VectorResult {
  const tally = new Tally(file)
  for (const row of rows) {
    for (const group of groups) {
      const fits = truncates || group.tagSize === row.icvBytes * 8
      if (group.ivSize !== (row.saltBytes + row.ivBytes) * 8 || !row.keyBits.includes(group.keySize) || !fits)
        continue
      for (const test of group.tests) {
        // A damaged ICV may be whole again once cut.
        if (test.result !== 'valid' && group.tagSize !== row.icvBytes * 8) continue
        tally.case(`${row.name} ${test.tcId}`, () => aeadCase(row, test))
      }
    }
  }
  return tally.result()
}

function aeadCase(row: AeadInfo, test: Case): boolean {
  const nonce = octets(test, 'iv')
  const aead = row.make(concat(octets(test, 'key'), nonce.subarray(0, row.saltBytes)))
  const iv = nonce.subarray(row.saltBytes)
  const sealed = concat(octets(test, 'ct'), octets(test, 'tag').subarray(0, row.icvBytes))
  const opened = aead.open(iv, octets(test, 'aad'), sealed)
  if (test.result === 'invalid') return opened === undefined
  if (!equal(aead.seal(iv, octets(test, 'aad'), octets(test, 'msg')), sealed)) return false
  if (opened === undefined || !equal(opened, octets(test, 'msg'))) return false
  // Whatever bit is changed, it must not open.
  return [0, sealed.length - 1].every((at) => {
    const changed = sealed.with(at, sealed[at]! ^ 0x80)
    return aead.open(iv, octets(test, 'aad'), changed) === undefined
  })
}

/** The primitive itself, with every nonce and tag length it takes. */
function addonFile(
  groups: readonly Group[],
  name: string,
  addon: NativeAddon,
  named: (keyBits: number) => AeadName,
): VectorResult {
  const tally = new Tally(name)
  for (const group of groups) {
    if (group.ivSize > 1024) continue // more than libcrypto takes, and eleven times what ESP and IKE use
    for (const test of group.tests) {
      tally.case(`${test.tcId}`, () => {
        const sealed = concat(octets(test, 'ct'), octets(test, 'tag'))
        const open = () =>
          addon.aeadOpen(
            named(group.keySize),
            octets(test, 'key'),
            octets(test, 'iv'),
            octets(test, 'aad'),
            sealed,
            group.tagSize / 8,
          )
        if (test.result === 'invalid') return refuses(open)
        const opened = open()
        return opened !== undefined && equal(opened, octets(test, 'msg'))
      })
    }
  }
  return tally.result()
}

/** `undefined` for a wrong ICV, an exception for parameters the algorithm does not have. */
function refuses(open: () => Uint8Array | undefined): boolean {
  try {
    return open() === undefined
  } catch {
    return true
  }
}

function cbcFile(file: string, groups: readonly Group[], row: EncryptionInfo): VectorResult {
  const tally = new Tally(file)
  if (row.aead) throw new Error(`${row.name} is an AEAD`)
  for (const group of groups) {
    for (const test of group.tests) {
      // The invalid cases are about PKCS#5 padding, which ESP and IKE do not have.
      if (test.result !== 'valid') continue
      tally.case(`${test.tcId}`, () => {
        const cipher = row.make(octets(test, 'key'))
        const msg = octets(test, 'msg')
        const pad = 16 - (msg.length % 16)
        const padded = concat(msg, new Uint8Array(pad).fill(pad))
        const iv = octets(test, 'iv')
        return (
          equal(cipher.encrypt(iv, padded), octets(test, 'ct')) &&
          equal(cipher.decrypt(iv, octets(test, 'ct')), padded)
        )
      })
    }
  }
  return tally.result()
}

/** Whole tags through the PRF, truncated ones through the integrity algorithm of the same key and length. */
function macFile(
  file: string,
  groups: readonly Group[],
  registry: CryptoRegistry,
  prfId: number,
  integrityId: number,
): VectorResult {
  const tally = new Tally(file)
  const prf = registry.prf.get(prfId)!
  const integrity = registry.integrity.get(integrityId)!
  for (const group of groups) {
    const whole =
      group.tagSize === prf.outputBytes * 8 && (!prf.fixedKey || group.keySize === prf.keyBytes * 8)
    const cut = group.tagSize === integrity.icvBytes * 8 && group.keySize === integrity.keyBytes * 8
    for (const test of group.tests) {
      const matches = (computed: Uint8Array) =>
        equal(computed, octets(test, 'tag')) === (test.result === 'valid')
      const [key, msg] = [octets(test, 'key'), octets(test, 'msg')]
      if (whole) tally.case(`${prf.name} ${test.tcId}`, () => matches(prf.compute(key, msg)))
      if (cut) tally.case(`${integrity.name} ${test.tcId}`, () => matches(integrity.compute(key, msg)))
    }
  }
  return tally.result()
}

function dhFile(
  file: string,
  groups: readonly Group[],
  row: KeyExchangeInfo,
  toKe: (hex: string) => Uint8Array | undefined,
): VectorResult {
  const tally = new Tally(file)
  for (const test of groups.flatMap((group) => group.tests)) {
    const peer = toKe(test.public as string)
    if (peer === undefined) continue
    tally.case(`${test.tcId}`, () => {
      const shared = octets(test, 'shared')
      const secret = row.begin(exactly(octets(test, 'private'))).finish(peer)
      // RFC 8031 §5: of the Montgomery curves an all-zero result is refused; elsewhere x = 0 is a point like any other.
      const isRefused = row.id >= 31 && shared.every((octet) => octet === 0)
      if (test.result === 'invalid' || isRefused) return secret === undefined
      if (secret === undefined) return test.result === 'acceptable'
      return secret.use((got) => equal(got, shared))
    })
  }
  return tally.result()
}

/** Gives this private value, brought to the length that is asked for. */
function exactly(value: Uint8Array): Random {
  return {
    bytes: (count) => {
      const cut = value.subarray(Math.max(0, value.length - count))
      return concat(new Uint8Array(count - cut.length), cut)
    },
  }
}

/** KE data is a SEC1 point without the 04 in front; other forms do not exist in IKE and are handed over as they are. */
function fromPoint(hex: string): Uint8Array {
  return fromHex(hex.startsWith('04') ? hex.slice(2) : hex)
}

/** Takes a point out of its one well-formed wrapping, which begins so; other ASN.1 is not our subject. */
function fromKey(wrapping: string): (hex: string) => Uint8Array | undefined {
  return (hex) => (hex.startsWith(wrapping) ? fromHex(hex.slice(wrapping.length)) : undefined)
}
