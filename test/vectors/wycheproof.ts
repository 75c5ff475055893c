import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { concat, equal, fromHex } from '../../core/bytes/octets.ts'
import type { Random } from '../../core/bytes/random.ts'
import type { AeadInfo, CryptoRegistry, KeyExchangeInfo } from '../../core/crypto/transforms.ts'
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

/** All Wycheproof files that concern a transform of the registry. `data`: their folder. */
export function runWycheproof(data: string, registry: CryptoRegistry, addon: NativeAddon): VectorResult[] {
  const load = (name: string): Group[] =>
    (JSON.parse(readFileSync(join(data, `${name}_test.json`), 'utf8')) as { testGroups: Group[] }).testGroups
  const aead = (file: string, ids: readonly number[], truncates: boolean) =>
    aeadFile(
      file,
      load(file),
      ids.map((id) => registry.encryption.get(id) as AeadInfo),
      truncates,
    )
  const mac = (file: string, prf: number, integrity: number) =>
    macFile(file, load(file), registry, prf, integrity)
  const dh = (file: string, id: number, toKe: (hex: string) => Uint8Array | undefined) =>
    dhFile(file, load(file), registry.keyExchange.get(id)!, toKe)

  return [
    aead('aes_gcm', [18, 19, 20], true),
    aead('aes_ccm', [14, 15, 16], false),
    aead('chacha20_poly1305', [28], false),
    addonFile(load('aes_ccm'), 'aes_ccm in the addon', addon, (bits) => `aes-${bits}-ccm` as AeadName),
    addonFile(load('aes_gcm'), 'aes_gcm in the addon', addon, (bits) => `aes-${bits}-gcm` as AeadName),
    cbcFile('aes_cbc_pkcs5', load('aes_cbc_pkcs5'), registry),
    mac('aes_cmac', 8, 8),
    mac('hmac_sha1', 2, 7),
    mac('hmac_sha256', 5, 12),
    mac('hmac_sha384', 6, 13),
    mac('hmac_sha512', 7, 14),
    dh('ecdh_secp256r1_ecpoint', 19, fromPoint),
    dh('ecdh_secp384r1_ecpoint', 20, fromPoint),
    dh('ecdh_secp521r1_ecpoint', 21, fromPoint),
    dh('ecdh_brainpoolP256r1', 28, fromBrainpoolKey),
    dh('x25519', 31, fromHex),
    dh('x448', 32, fromHex),
  ]
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

function cbcFile(file: string, groups: readonly Group[], registry: CryptoRegistry): VectorResult {
  const tally = new Tally(file)
  const row = registry.encryption.get(12)!
  if (row.aead) throw new Error('ENCR_AES_CBC is no AEAD')
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
const fromPoint = (hex: string): Uint8Array => fromHex(hex.startsWith('04') ? hex.slice(2) : hex)

/** The one well-formed wrapping of a Brainpool point; other ASN.1 is not our subject. */
function fromBrainpoolKey(hex: string): Uint8Array | undefined {
  const prefix = '305a301406072a8648ce3d020106092b240303020801010703420004'
  return hex.startsWith(prefix) ? fromHex(hex.slice(prefix.length)) : undefined
}
