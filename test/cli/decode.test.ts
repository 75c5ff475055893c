import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { decode } from '../../core/cli/commands/decode.ts'
import type { CliContext } from '../../core/cli/context.ts'
import { reporting } from '../../core/cli/context.ts'
import { vector } from '../support/vectors.ts'
import { FakeTerminal } from './desk.ts'

const data = (name: string): string => resolve(import.meta.dirname, '../vectors/data', name)
let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'culvert-decode-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function run(file: string, options: Partial<Parameters<typeof decode>[2]> = {}) {
  const terminal = new FakeTerminal()
  const context = { terminal } as unknown as CliContext
  const code = await reporting(terminal, false, () =>
    decode(context, file, { keys: [], json: false, brief: false, ...options }),
  )
  return { code, ...terminal }
}

describe('culvert decode', () => {
  test('a packet in words: every field with its value and its place', async () => {
    const { code, written } = await run(data('ikev1/ISAKMP_sa_setup.pcap'))
    expect(code).toBe(0)
    expect(written).toHaveLength(9)
    expect(written[0]).toContain('MAIN: Security Association')
    expect(written[0]).toMatch(/Exchange Type: MAIN \(2\) {2}\[Message 18\+1]/)
  })

  test('the same gzipped, one line a packet', async () => {
    const file = join(folder, 'a.pcap.gz')
    await writeFile(file, gzipSync(vector('ikev1/ISAKMP_sa_setup.pcap')))
    const { code, written } = await run(file, { brief: true })
    expect([code, written.length]).toEqual([0, 9])
    expect(written.every((line) => !line.includes('\n'))).toBe(true)
  })

  test("as JSON under Wireshark's names", async () => {
    const { written } = await run(data('ikev1/isakmp4500.pcap'), { json: true })
    const packets = written.map((line) => JSON.parse(line) as Record<string, string>)
    expect(packets[0]).toMatchObject({ 'frame.number': '1' })
    expect(packets.some((packet) => packet['isakmp.exchangetype'] === '2')).toBe(true)
    expect(packets.some((packet) => 'esp.spi' in packet)).toBe(true)
  })

  test('what is no capture, is not there or breaks off: one sentence, exit 1', async () => {
    const noise = join(folder, 'noise')
    await writeFile(noise, 'hello, this is no capture at all')
    expect(await run(noise)).toMatchObject({
      code: 1,
      complaints: [expect.stringMatching(/it is no capture/), expect.anything()],
    })
    expect((await run(join(folder, 'nothing'))).complaints[0]).toContain('there is no such file')
    const broken = join(folder, 'broken')
    const whole = vector('ikev1/ISAKMP_sa_setup.pcap')
    await writeFile(broken, whole.subarray(0, whole.length - 7))
    const { code, written, complaints } = await run(broken)
    expect([code, written.length]).toEqual([1, 8])
    expect(complaints[0]).toContain('it breaks off')
  })

  test('a folder of keys without a table, a table that is none', async () => {
    const file = data('ikev1/ISAKMP_sa_setup.pcap')
    expect((await run(file, { keys: [folder] })).complaints[0]).toContain(
      'there is no ikev1_decryption_table',
    )
    const table = join(folder, 'esp_sa')
    await writeFile(table, 'nonsense')
    expect((await run(file, { keys: [table] })).complaints[0]).toContain('line 1')
  })
})
