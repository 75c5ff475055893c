import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Secret } from '../../core/bytes/secret.ts'
import { crashSecretIn } from '../../core/gateway/crash-secret.ts'
import { SeededRandom } from '../support/seeded-random.ts'

let folder: string
let file: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'culvert-crash-'))
  file = join(folder, 'secret')
})
afterEach(() => rmSync(folder, { recursive: true }))
const octets = (secret: Secret): Uint8Array => secret.use((bytes) => bytes.slice())

test('RFC 6290 §3: the secret of one start is that of the next', async () => {
  const first = await crashSecretIn(file, new SeededRandom(1))
  const second = await crashSecretIn(file, new SeededRandom(2))
  expect(octets(first)).toHaveLength(32)
  expect(octets(second)).toEqual(octets(first))
  expect(new Uint8Array(readFileSync(file))).toEqual(octets(first))
})

test('nobody but its owner reads it', async () => {
  await crashSecretIn(file, new SeededRandom(1))
  expect(statSync(file).mode & 0o777).toBe(0o600)
})

test('a short one, and a place where none can be, are refused', async () => {
  writeFileSync(file, 'short')
  await expect(crashSecretIn(file, new SeededRandom(1))).rejects.toMatchObject({
    error: { kind: 'profileInvalid', field: 'crashSecretFile' },
  })
  await expect(crashSecretIn(join(folder, 'no', 'such'), new SeededRandom(1))).rejects.toMatchObject({
    error: { kind: 'profileInvalid', problem: expect.stringContaining('ENOENT') },
  })
})
