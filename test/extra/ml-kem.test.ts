import { describe, expect, test } from 'vitest'
import { fromHex, toHex } from '../../core/bytes/octets.ts'
import { mlKems } from '../../core/crypto/ml-kem.ts'
import { extraJson } from '../support/extra-vectors.ts'
import type { StrongswanEntry } from '../support/strongswan-vectors.ts'
import { given } from '../vectors/cases.ts'

const row = (name: string) => mlKems().find((kem) => kem.name === name)!

interface Case {
  readonly tcId: number
  readonly seed?: string
  readonly m?: string
  readonly ek?: string
  readonly c: string
  readonly K: string
  readonly result: 'valid' | 'invalid' | 'acceptable'
}
interface File {
  readonly testGroups: readonly { readonly parameterSet: string; readonly tests: readonly Case[] }[]
}

describe.each(['mlkem_512', 'mlkem_768', 'mlkem_1024', 'mlkem_768_encaps'])('Wycheproof, %s', (name) => {
  const { testGroups } = extraJson<File>(`crypto/wycheproof/${name}_test.json`)

  test('every case', () => {
    let count = 0
    for (const { parameterSet, tests } of testGroups) {
      const kem = row(parameterSet.replaceAll('-', '_'))
      for (const one of tests) {
        const got =
          one.seed === undefined
            ? kem.respond(given(fromHex(one.m!)), fromHex(one.ek!))?.secret
            : decapsulated(kem, one)
        const text = got?.use((octets) => toHex(octets))
        if (one.result === 'valid') expect(text, `case ${one.tcId}`).toBe(one.K)
        else expect(text === undefined || text !== one.K || one.K === '', `case ${one.tcId}`).toBe(true)
        count++
      }
    }
    expect(count).toBeGreaterThan(100)
  })
})

function decapsulated(kem: ReturnType<typeof row>, { seed, ek, c }: Case) {
  if (seed!.length !== 128) return undefined
  const begun = kem.begin(given(fromHex(seed!)))
  if (ek !== undefined) expect(toHex(begun.data)).toBe(ek)
  return begun.finish(fromHex(c))
}

test('strongSwan’s: key pair, ciphertext and secret out of one seed', () => {
  const entries = extraJson<readonly StrongswanEntry[]>('crypto/strongswan/ml_kem.json')
  expect(entries.length).toBeGreaterThan(5)
  for (const { name, method, pub_i, pub_r, shared } of entries as readonly Record<string, string>[]) {
    const kem = row(method!)
    expect([pub_i!.length / 2, pub_r!.length / 2, shared!.length / 2], name).toEqual([
      kem.initiatorBytes,
      kem.responderBytes,
      32,
    ])
  }
})
