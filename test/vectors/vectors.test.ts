import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createRegistry } from '../../core/crypto/registry.ts'
import { loadAddon } from '../../core/native/load.ts'
import { type KnownAnswer, runKnownAnswer } from './cases.ts'
import { Tally } from './result.ts'
import { runVectors } from './run.ts'

const addon = loadAddon()
const registry = createRegistry(addon)
const results = runVectors(join(import.meta.dirname, 'data'), registry, addon)

describe.each(results)('$name', ({ passed, failed }) => {
  test(`${passed} cases`, () => {
    expect(failed).toEqual([])
    expect(passed).toBeGreaterThan(0)
  })
})

describe('a table cannot pass by accident', () => {
  const zeros = { name: 'zeros', key: '00*16', data: '', mac: '00*16' }
  const faults = (answer: KnownAnswer): readonly string[] => {
    const tally = new Tally('one case')
    runKnownAnswer(tally, answer, { registry, addon })
    return tally.result().failed
  }

  test('a wrong number fails by everything that computes it', () => {
    expect(faults({ kind: 'mac', algorithm: 'AES-CMAC', ...zeros })).toEqual([
      'zeros by PRF_AES128_CMAC',
      'zeros by AUTH_AES_CMAC_96',
    ])
  })

  test('an algorithm nobody has is an error, not a case less', () => {
    expect(() => faults({ kind: 'mac', algorithm: 'HMAC-MD2', ...zeros })).toThrow('HMAC-MD2')
  })
})
