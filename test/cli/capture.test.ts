import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { capture } from '../../core/cli/commands/capture.ts'
import { type CliContext, reporting } from '../../core/cli/context.ts'
import { FakeTerminal } from './desk.ts'

let home = ''
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'culvert-capture-'))
})
afterEach(() => rm(home, { recursive: true }))

/** A Culvert that runs, with four messages and one table of keys. */
async function run(options: { withKeys?: boolean; yes?: boolean } = {}, terminal = new FakeTerminal()) {
  const asked: boolean[] = []
  const running = {
    close: () => {},
    capture: async (_: string, keys: boolean) => {
      asked.push(keys)
      const tables = keys ? { ikev2_decryption_table: 'the keys\n' } : {}
      return { pcapng: Buffer.from('packets').toString('base64'), messages: 4, tables, leftOut: [] }
    },
  }
  const context = {
    terminal,
    profiles: { find: async () => ({ id: 'office', name: 'Office' }) },
    findRunning: async () => running,
  } as unknown as CliContext
  const folder = join(home, 'out')
  const code = await reporting(terminal, false, () =>
    capture(context, 'office', folder, { withKeys: false, yes: false, json: false, ...options }),
  )
  return { code, asked, terminal, folder, files: await readdir(folder).catch(() => []) }
}

test('messages alone unless keys are asked for; their owner alone can read them', async () => {
  const { code, asked, files, folder, terminal } = await run()
  expect([code, asked, files]).toEqual([0, [false], ['office.pcapng']])
  expect(await readFile(join(folder, 'office.pcapng'), 'utf8')).toBe('packets')
  expect((await stat(join(folder, 'office.pcapng'))).mode & 0o777).toBe(0o600)
  expect(terminal.written).toEqual([`4 messages: ${join(folder, 'office.pcapng')}`])
})

test.each([
  ['y', true],
  ['', false],
  ['n', false],
  [undefined, false],
])('keys only after a question: %j', async (answer, keys) => {
  const terminal = new FakeTerminal()
  terminal.interactive = true
  terminal.answer = answer
  const { asked, files } = await run({ withKeys: true }, terminal)
  expect(terminal.asked[0]).toContain('whoever has these files reads everything')
  expect(asked).toEqual([keys])
  expect(files).toEqual(keys ? ['ikev2_decryption_table', 'office.pcapng'] : ['office.pcapng'])
})

test('a script is not asked, and has to say yes by itself', async () => {
  expect(await run({ withKeys: true })).toMatchObject({ code: 2, asked: [], files: [] })
  expect((await run({ withKeys: true, yes: true })).asked).toEqual([true])
})

test('nothing that is there already is overwritten', async () => {
  const { folder } = await run()
  await writeFile(join(folder, 'office.pcapng'), 'older')
  const again = await run()
  expect(again.code).toBe(1)
  expect(again.terminal.complaints.join()).toContain('nothing is overwritten')
  expect(await readFile(join(folder, 'office.pcapng'), 'utf8')).toBe('older')
})
