import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createRegistry } from '../../core/crypto/registry.ts'
import { loadAddon } from '../../core/native/load.ts'
import { runVectors } from './run.ts'

const addon = loadAddon()
const results = runVectors(join(import.meta.dirname, 'data'), createRegistry(addon), addon)

describe.each(results)('$name', ({ passed, failed }) => {
  test(`${passed} cases`, () => {
    expect(failed).toEqual([])
    expect(passed).toBeGreaterThan(0)
  })
})
