import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { equal, fromHex, toHex } from '../../core/bytes/octets.ts'
import { Secret } from '../../core/bytes/secret.ts'
import { createRegistry } from '../../core/crypto/registry.ts'
import { derivedKeys, skeyidOfPsk, skeyidOfSignatures } from '../../core/ike/v1/keys.ts'
import { childKeys, ikeKeys, rekeyedSkeyseed, skeyseed } from '../../core/ike/v2/keys.ts'
import { loadAddon } from '../../core/native/load.ts'
import { extraFile, extraFiles, extraJson } from '../support/extra-vectors.ts'
import { knownAnswer, NOT_OFFERED, type StrongswanEntry } from '../support/strongswan-vectors.ts'
import { NOT_RUN } from '../support/vector-coverage.ts'
import { vector } from '../support/vectors.ts'
import { runKnownAnswer } from '../vectors/cases.ts'
import { Tally } from '../vectors/result.ts'
import { rfcTables } from '../vectors/rfc.ts'
import { WYCHEPROOF_FILES } from '../vectors/wycheproof.ts'

// Numbers under licences that keep them out of this repository; without them this file fails.
const addon = loadAddon()
const registry = createRegistry(addon)

const strongswan = extraFiles('crypto/strongswan').filter((file) => NOT_RUN[file] === undefined)

describe.each(strongswan)('%s', (file) => {
  const entries = extraJson<StrongswanEntry[]>(file)
  const answers = entries.flatMap((entry) => knownAnswer(entry) ?? [])
  const left = entries.length - answers.length

  test(`${answers.length} cases${left === 0 ? '' : `, ${left} of groups that are not offered`}`, () => {
    const tally = new Tally(file)
    for (const answer of answers) runKnownAnswer(tally, answer, { registry, addon })
    expect(tally.result().failed).toEqual([])
    expect(answers.length).toBeGreaterThan(0)
    const unoffered = entries.filter((entry) => NOT_OFFERED[String(entry.method)] !== undefined)
    expect(unoffered).toHaveLength(left)
  })
})

const cavp = 'crypto/kdf/nist-cavp-ike-samples.json'

describe(cavp, () => {
  type Sample = { inputs: Record<string, string>; outputs: Record<string, string> }
  const { ikev2, ikev1_dsa, ikev1_psk, ...others } = extraJson<Record<string, Sample>>(cavp)
  const input = (name: string): Uint8Array => fromHex(ikev2!.inputs[name]!)
  const output = (name: string): string => ikev2!.outputs[name]!
  const prf = registry.prf.get(2)! // the samples are of HMAC-SHA-1
  const suite = {
    encryption: registry.encryption.get(12)!,
    keyBits: 128,
    prf,
    integrity: registry.integrity.get(2)!,
    keyExchange: registry.keyExchange.get(31)!,
  }
  const [ni, nr] = [input('nInit'), input('nResp')]
  const hex = (secret: Secret): string => secret.use(toHex)
  const skD = () => new Secret(fromHex(output('derivedKeyingMaterial').slice(0, 2 * prf.keyBytes)))

  test('RFC 7296 §2.14: SKEYSEED and the seven keys', () => {
    const seed = skeyseed(prf, ni, nr, new Secret(input('gir')))
    expect(hex(seed)).toBe(output('sKeySeed'))
    const { d, ai, ar, ei, er, pi, pr } = ikeKeys(suite, seed, ni, nr, input('spiInit'), input('spiResp'))
    // 132 octets, which is what these seven take.
    expect([d, ai, ar, ei, er, pi, pr].map(hex).join('')).toBe(output('derivedKeyingMaterial'))
  })

  test.each([
    ['derivedKeyingMaterialChild', undefined],
    ['derivedKeyingMaterialDh', 'girNew'],
  ])('RFC 7296 §2.17: KEYMAT, %s', (wanted, shared) => {
    const secret = shared === undefined ? undefined : new Secret(input(shared))
    const { ei, ai, er, ar } = childKeys(prf, skD(), { ...suite, keyBits: 256, esn: false }, secret, ni, nr)
    expect([ei, ai, er, ar].map(hex).join('')).toBe(output(wanted).slice(0, 2 * 2 * (32 + 20)))
  })

  test('RFC 7296 §2.18: SKEYSEED of a rekeyed IKE SA', () => {
    const seed = rekeyedSkeyseed(prf, skD(), new Secret(input('girNew')), ni, nr)
    expect(hex(seed)).toBe(output('sKeySeedReKey'))
  })

  test.each([
    ['§5.1, of signatures', ikev1_dsa!],
    ['§5.4, of a pre-shared key', ikev1_psk!],
  ])('RFC 2409 %s: SKEYID and what is made of it', (_name, { inputs, outputs }) => {
    const octets = (name: string): Uint8Array => fromHex(inputs[name]!)
    const [i, r] = [octets('nInit'), octets('nResp')]
    const shared = new Secret(octets('gxy'))
    const skeyid =
      inputs.preSharedKey === undefined
        ? skeyidOfSignatures(prf, i, r, shared)
        : skeyidOfPsk(prf, new Secret(octets('preSharedKey')), i, r)
    const cookies = { initiatorCookie: octets('ckyInit'), responderCookie: octets('ckyResp') }
    const { d, a, e } = derivedKeys(prf, skeyid, shared, cookies)
    expect({ sKeyId: hex(skeyid), sKeyIdD: hex(d), sKeyIdA: hex(a), sKeyIdE: hex(e) }).toEqual(outputs)
  })

  test('nothing else is in the file', () => {
    expect(Object.keys(others)).toEqual([])
  })
})

describe('every file of vectors is run, or listed with a reason', () => {
  const copied = WYCHEPROOF_FILES.map((name) => `crypto/wycheproof/${name}`)
  const data = join(import.meta.dirname, '../vectors/data')
  const run = new Set([...copied, ...rfcTables(data).map((name) => `rfc/${name}.txt`), ...strongswan, cavp])
  const files = [...extraFiles('crypto'), ...extraFiles('rfc')]

  test('none is forgotten', () => {
    expect(files.filter((file) => !run.has(file) && NOT_RUN[file] === undefined)).toEqual([])
  })

  test('no reason is out of date', () => {
    expect(Object.keys(NOT_RUN).filter((file) => run.has(file) || !files.includes(file))).toEqual([])
  })

  test.each(copied.filter((file) => files.includes(file)))('%s is copied unchanged', (file) => {
    expect(equal(extraFile(file), vector(file.slice('crypto/wycheproof/'.length)))).toBe(true)
  })
})
