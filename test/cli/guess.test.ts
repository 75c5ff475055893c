import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { guess } from '../../core/cli/commands/guess.ts'
import { type CliContext, reporting } from '../../core/cli/context.ts'
import { PSK } from '../support/certificate-pair.ts'
import { projectRoot } from '../support/project-root.ts'
import { FakeTerminal } from './desk.ts'

const capture = (name: string): string => join(projectRoot(), 'docs/lessons/captures', name, `${name}.pcapng`)
let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'culvert-guess-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function run(file: string, words: string, json = false) {
  const terminal = new FakeTerminal()
  const list = join(folder, 'words.txt')
  await writeFile(list, words)
  const context = { terminal } as unknown as CliContext
  const code = await reporting(terminal, false, () => guess(context, file, list, json))
  return { code, ...terminal }
}

describe('culvert guess', () => {
  test('RFC 2409 §5.4: the key of the lesson is in a short list', async () => {
    const { code, written } = await run(
      capture('ikev1-aggressive-mode'),
      `secret\r\nletmein\n\n${PSK}\nvpn\n`,
    )
    expect([code, written]).toEqual([
      0,
      [`Packet 2, the answer of 192.168.12.2: found, the key is "${PSK}". 3 words tried, nothing sent`],
    ])
  })

  test('it is in none of these words', async () => {
    const { code, written } = await run(capture('ikev1-aggressive-mode'), 'secret')
    expect([code, written[0]]).toEqual([0, expect.stringContaining('not found, 1 word tried')])
  })

  test('for machines', async () => {
    const { written } = await run(capture('ikev1-aggressive-mode'), PSK, true)
    expect(written.map((line) => JSON.parse(line) as unknown)).toEqual([
      { packet: 2, gateway: '192.168.12.2', tried: 1, key: PSK },
    ])
  })

  test.each(['ikev1-main-mode', 'ikev2', 'esp-tunnel'])('%s gives nothing to guess at', async (name) => {
    const { code, written, complaints } = await run(capture(name), PSK)
    expect([code, written]).toEqual([1, []])
    expect(complaints[0]).toContain('nothing to guess at')
  })

  test.each(['192.168.12.2', 'vpn.example.org', '/dev/null'])(
    'a gateway or a device is refused: %s',
    async (target) => {
      const { code, complaints } = await run(target, PSK)
      expect(code).toBe(1)
      expect(complaints[0]).toContain('never at a gateway')
    },
  )

  test('a list without words, and one that is longer than a lesson needs', async () => {
    const file = capture('ikev1-aggressive-mode')
    expect((await run(file, '\n\n')).complaints[0]).toContain('no words')
    expect((await run(file, 'word\n'.repeat(1_001))).complaints[0]).toContain('at most 1000')
    expect((await run(file, 'w'.repeat(65_537))).complaints[0]).toContain('at most 1000')
    expect((await run(file, 'word\n'.repeat(1_000))).code).toBe(0)
  })
})
