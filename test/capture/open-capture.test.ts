import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { messageTree } from '../../core/capture/explain.ts'
import { findMessages } from '../../core/capture/find.ts'
import { OpenCapture } from '../../core/capture/open-capture.ts'
import { readCapture } from '../../core/capture/read.ts'
import { Decoder } from '../../core/inspect/decoder.ts'
import { describe as inWords } from '../../core/inspect/describe.ts'
import { joinTables, type KeyTables, NO_KEYS, readKeyTable } from '../../core/inspect/key-tables.ts'
import { OWN_CAPTURES } from '../support/own-captures.ts'
import { pcapOf } from '../support/pcap-file.ts'
import { wholeRegistry } from '../support/two-peers.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'culvert-open-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function opened(name: string, content: Uint8Array, keys: KeyTables = NO_KEYS) {
  const path = join(folder, name)
  await writeFile(path, content)
  const capture = new OpenCapture(new Decoder(wholeRegistry(), keys))
  await capture.read(path, () => {})
  return { path, capture }
}

const keysIn = (tables: Readonly<Record<string, string>>): KeyTables =>
  joinTables(
    Object.values(tables).map((text) => {
      const read = readKeyTable(text)
      if (!read.ok) throw new Error(read.problem)
      return read.keys
    }),
  )

/** An IP packet with ESP of this SPI and sequence number. */
function espPacket(spi: number, sequence: number): Uint8Array {
  const packet = new Uint8Array(20 + 8 + 24)
  const view = new DataView(packet.buffer)
  packet.set([0x45, 0, 0, packet.length, 0, 1, 0, 0, 64, 50])
  packet.set([192, 0, 2, 1, 192, 0, 2, 2], 12)
  view.setUint32(20, spi)
  view.setUint32(24, sequence)
  return packet
}

describe('a capture in the Inspector', () => {
  test.each(['IKEv1', 'IKEv2'] as const)(
    '%s: every message by itself is what it was in its place',
    async (version) => {
      const { file, tables } = OWN_CAPTURES[version]()
      const keys = keysIn(tables)
      const { path, capture } = await opened(`${version}.pcapng`, file, keys)
      const decoder = new Decoder(wholeRegistry(), keys)
      const lines = capture.lines()
      const trees: unknown[] = []
      for await (const frame of readCapture(path)) trees.push(inWords(decoder.frame(frame).tree))
      expect(lines).toHaveLength(trees.length)
      // The last first: nothing of the others is needed.
      for (let at = lines.length; at >= 1; at -= 1) expect(inWords(capture.tree(at)!)).toEqual(trees[at - 1])
      expect(lines.map(({ problem }) => problem)).toEqual(lines.map(() => undefined))
      expect(capture.state).toMatchObject({ reading: false, packets: trees.length, other: 0, full: false })
    },
  )

  test('what was encrypted is named with the keys, and found; offered stands beside taken', async () => {
    const { file, tables } = OWN_CAPTURES.IKEv2()
    const { capture } = await opened('a.pcapng', file, keysIn(tables))
    const [init, answer, auth] = capture.lines()
    expect(init).toMatchObject({ direction: 'out', exchange: 'IKE_SA_INIT', response: false })
    expect(answer).toMatchObject({ direction: 'in', response: true, sa: init!.sa })
    expect(auth!.payloads).toEqual(expect.arrayContaining(['IDi', 'AUTH', 'SA', 'TSi', 'TSr']))
    expect(messageTree(capture, 2)?.agreement).toMatchObject({ answered: true })
    expect(await findMessages(capture, 'isakmp.id.type')).toMatchObject({ ok: true, numbers: [3, 4] })
    const without = await opened('b.pcapng', file)
    expect(without.capture.lines()[2]).toMatchObject({ payloads: ['SK'], problem: undefined })
  })

  test('with keys of another connection it says so, and goes on', async () => {
    const { file, tables } = OWN_CAPTURES.IKEv2()
    const wrong = Object.fromEntries(
      Object.entries(tables).map(([name, text]) => [name, text.replace(/^(\w+,\w+,)\w\w/, '$1ff')]),
    )
    const { capture } = await opened('wrong.pcapng', file, keysIn(wrong))
    expect(capture.lines()).toHaveLength(4)
    expect(capture.lines().some(({ problem }) => problem?.includes('integrity check'))).toBe(true)
  })

  test('of an SA with many packets the first are shown, and how many there were is said', async () => {
    const packets = Array.from({ length: 1_500 }, (_, at) => espPacket(at % 5 === 0 ? 0xb : 0xa, at))
    const { capture } = await opened('esp.pcap', pcapOf(packets))
    expect(capture.lines()).toHaveLength(1_300)
    expect(capture.state).toMatchObject({ sampled: 200, packets: 1_500 })
    expect(capture.lines()[0]).toMatchObject({ exchange: 'ESP', sa: '0x0000000b', messageId: 0 })
  })

  test('a repetition is known for one', async () => {
    const { file } = OWN_CAPTURES.IKEv2()
    const twice: Uint8Array[] = []
    const path = join(folder, 'once.pcapng')
    await writeFile(path, file)
    for await (const { bytes } of readCapture(path)) twice.push(bytes, bytes)
    const { capture } = await opened('twice.pcap', pcapOf(twice))
    expect(capture.lines().map(({ retransmission }) => retransmission)).toEqual(
      twice.map((_, at) => at % 2 === 1),
    )
  })

  test.each([
    ['what is no capture', 'text.pcap', new TextEncoder().encode('no packets here'), /no capture/],
    ['what breaks off', 'cut.pcapng', OWN_CAPTURES.IKEv2().file.subarray(0, -9), /breaks off/],
    [
      'what cannot be unpacked',
      'bad.pcap.gz',
      gzipSync(OWN_CAPTURES.IKEv2().file).subarray(0, 200),
      /unpacked/,
    ],
  ])('%s: a clause, and what came before it', async (_what, name, content, words) => {
    const { capture } = await opened(name, content)
    expect(capture.state.problem).toMatch(words)
    expect(capture.state.reading).toBe(false)
  })
})
