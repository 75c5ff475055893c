import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { Secret } from '../../core/bytes/secret.ts'
import { OpenCapture } from '../../core/capture/open-capture.ts'
import { readCapture } from '../../core/capture/read.ts'
import { VpnFailure } from '../../core/errors.ts'
import { Decoder, type Packet } from '../../core/inspect/decoder.ts'
import { joinTables, type KeyTables, NO_KEYS, readKeyTable } from '../../core/inspect/key-tables.ts'
import { isMalformed, remarksOf } from '../../core/inspect/tree.ts'
import { fieldsOf } from '../../core/inspect/wireshark.ts'
import { expectSound } from '../inspect/trees.ts'
import { extraFiles, extraJson } from '../support/extra-vectors.ts'
import { pcapOf } from '../support/pcap-file.ts'
import { SeededRandom } from '../support/seeded-random.ts'
import { wholeRegistry } from '../support/two-peers.ts'
import { tablesFor } from '../support/wireshark-tables.ts'

/** What tshark says of a frame. Several values of a field are joined with semicolons. */
type Fact = Readonly<Record<string, string>>
const facts = extraJson<Readonly<Record<string, readonly Fact[]>>>('captures/facts.json')
const vectors = resolve(
  process.env.CULVERT_VECTORS ?? resolve(import.meta.dirname, '../../../shared/vectors'),
)

/** Where we see it otherwise, and why: `file frame` → field → ours. */
const OTHERWISE: Readonly<Record<string, Readonly<Record<string, string | undefined>>>> = {
  // tshark takes number 15 for a payload of GDOI, fails and stops; it is NAT-D of an early draft.
  'tcpdump/ISAKMP_sa_setup.pcap 3': { 'isakmp.typepayload': '4;10;13;13;13;13;15;15' },
  'tcpdump/ISAKMP_sa_setup.pcap 4': { 'isakmp.typepayload': '4;10;13;13;13;13;15;15' },
  // tshark goes on behind a payload whose length cannot be; nobody knows where the next one begins.
  'corelight/ipsec-ikev1-payload-bad-length.pcap 1': { 'isakmp.typepayload': '1;2;3;13' },
  // tshark reads an address of one octet, or none, out of the octets behind the payload.
  'tcpdump/ikev2-id-normal.pcap 1': { 'isakmp.id.data.ipv4_addr': undefined },
  'tcpdump/ikev2-id-short.pcap 1': { 'isakmp.id.data.ipv4_addr': undefined },
}

/** Broken, though tshark does not say so: file → frame. */
const BROKEN_TOO: Readonly<Record<string, readonly string[]>> = {
  'tcpdump/ikev2-id-normal.pcap': ['1'],
  'tcpdump/ikev2-id-short.pcap': ['1'],
  'tcpdump/isakmp-no-none-np.pcapng': ['1'],
  'tcpdump/isakmp-pointer-loop.pcap': ['1'],
  'tcpdump/isakmp-rfc3948-oobr.pcap': ['1'],
}

const keysOf = (file: string): KeyTables =>
  joinTables(
    tablesFor(file).map((text) => {
      const table = readKeyTable(text)
      if (!table.ok) throw new Error(table.problem)
      return table.keys
    }),
  )

async function packetsOf(file: string, keys = keysOf(file)): Promise<readonly Packet[]> {
  const decoder = new Decoder(wholeRegistry(), keys)
  const packets: Packet[] = []
  for await (const frame of readCapture(resolve(vectors, 'captures', file)))
    packets.push(decoder.frame(frame))
  return packets
}

const folder = mkdtempSync(join(tmpdir(), 'culvert-decode-'))
afterAll(() => rmSync(folder, { recursive: true }))

const files = extraFiles('captures')
  .map((name) => name.replace(/^captures\//, ''))
  .filter((name) => /\.(cap|pcap|pcapng)(\.gz)?$/.test(name))

test('every capture with facts is here, and none of the facts is empty by mistake', () => {
  expect(files).toEqual(expect.arrayContaining(Object.keys(facts)))
  expect(Object.values(facts).flat().length).toBeGreaterThan(300)
})

describe.each(files)('%s', (file) => {
  test('says of every packet what tshark says', async () => {
    const packets = await packetsOf(file)
    for (const { tree } of packets) expectSound(tree)
    const ours = new Map(packets.map((packet) => [`${packet.number}`, fieldsOf(packet, true)]))
    for (const fact of facts[file] ?? []) {
      const frame = fact['frame.number']!
      const fields = ours.get(frame)
      expect(fields, `frame ${frame}`).toBeDefined()
      const wanted = Object.entries({ ...fact, ...OTHERWISE[`${file} ${frame}`] }).filter(
        ([name]) => name !== '_ws.malformed',
      )
      const said = wanted.map(([name]) => {
        const value = fields?.[name]
        return [name, typeof value === 'object' ? value.join(';') : value]
      })
      expect(Object.fromEntries(said), `frame ${frame}`).toEqual(Object.fromEntries(wanted))
    }
  })

  test('a packet tshark finds no fault with has none here', async () => {
    const theirs = (facts[file] ?? [])
      .filter((fact) => '_ws.malformed' in fact)
      .map((fact) => fact['frame.number']!)
    const ours = (await packetsOf(file)).filter(({ tree }) => remarksOf(tree.root).some(isMalformed))
    const known = [...theirs, ...(BROKEN_TOO[file] ?? [])]
    expect(ours.map(({ number }) => `${number}`).filter((frame) => !known.includes(frame))).toEqual([])
  })

  test('cut and changed anywhere, a sound tree comes of every packet', async () => {
    const random = new SeededRandom(file.length)
    const decoder = new Decoder(wholeRegistry(), keysOf(file))
    for await (const frame of readCapture(resolve(vectors, 'captures', file))) {
      for (let round = 0; round < 8; round++) {
        const bytes = mutated(frame.bytes, random)
        expectSound(decoder.frame({ ...frame, bytes }).tree)
      }
    }
  })

  test('with keys of somebody else nothing opens, and it is said of the packet', async () => {
    const keys = keysOf(file)
    const opened = (await packetsOf(file)).filter(isOpened)
    const others = await packetsOf(file, otherKeys(keys))
    for (const { number } of opened) {
      const { root } = others.find((packet) => packet.number === number)!.tree
      expect(remarksOf(root).map(({ kind }) => kind)).toEqual(
        expect.arrayContaining([expect.stringMatching(/^(wrongKey|badLength|incomplete)$/)]),
      )
    }
  })

  test('a file that breaks off anywhere is a fault of the file', async () => {
    const path = resolve(vectors, 'captures', file)
    const whole = new Uint8Array(readFileSync(path))
    const random = new SeededRandom(file.length)
    for (let round = 0; round < 4; round++) {
      const cut = join(folder, `cut${/(\.\w+)+$/.exec(file)?.[0] ?? ''}`)
      writeFileSync(cut, whole.subarray(0, random.below(whole.length)))
      const decoder = new Decoder(wholeRegistry(), NO_KEYS)
      try {
        for await (const frame of readCapture(cut)) expectSound(decoder.frame(frame).tree)
      } catch (thrown) {
        if (!(thrown instanceof VpnFailure)) throw thrown
        expect(thrown.error.kind).toBe('fileUnreadable')
      }
    }
  })
})

test('200 MB are read to their end in bounded memory', async () => {
  const path = join(folder, 'large.pcap')
  writeLarge(path, 150_000)
  expect(statSync(path).size).toBeGreaterThan(200 << 20)
  const before = process.memoryUsage().rss
  const capture = new OpenCapture(new Decoder(wholeRegistry(), NO_KEYS))
  let most = 0
  await capture.read(path, () => {
    most = Math.max(most, process.memoryUsage().rss - before)
  })
  const { packets, messages, sampled, problem } = capture.state
  capture.close()
  expect({ packets, messages, sampled, problem }).toEqual({
    packets: 150_000,
    messages: 40_000,
    sampled: 110_000,
    problem: undefined,
  })
  expect(most).toBeLessThan(256 << 20)
}, 180_000)

/** A pcap of so many ESP packets of 1400 octets, of forty SAs in turns. */
function writeLarge(path: string, count: number): void {
  const packet = new Uint8Array(1_400)
  packet.set([0x45, 0, 1_400 >> 8, 1_400 & 0xff, 0, 1, 0, 0, 64, 50])
  packet.set([192, 0, 2, 1, 192, 0, 2, 2], 12)
  const view = new DataView(packet.buffer)
  const file = openSync(path, 'w')
  const atOnce = 1_000
  for (let done = 0; done < count; done += atOnce) {
    const packets = Array.from({ length: atOnce }, (_, at) => {
      view.setUint32(20, 1 + ((done + at) % 40))
      view.setUint32(24, done + at)
      return packet.slice()
    })
    const piece = pcapOf(packets)
    writeSync(file, done === 0 ? piece : piece.subarray(PCAP_HEADER))
  }
  closeSync(file)
}
const PCAP_HEADER = 24

/** Cut short, or some octets of it other ones. */
function mutated(bytes: Uint8Array, random: SeededRandom): Uint8Array {
  if (random.oneIn(3)) return bytes.subarray(0, random.below(bytes.length))
  const changed = bytes.slice()
  for (let times = 1 + random.below(6); times > 0 && changed.length > 0; times--)
    changed[random.below(changed.length)] = random.below(256)
  return changed
}

const DECRYPTED = /^Decrypted/
const isOpened = ({ tree }: Packet): boolean => tree.layers.some(({ name }) => DECRYPTED.test(name))

/** For the same SAs and of the same lengths, but other ones. */
const otherKeys = ({ ikev1, ikev2, esp }: KeyTables): KeyTables => ({
  ikev1: ikev1.map((row) => ({ ...row, key: other(row.key) })),
  ikev2: ikev2.map((row) => ({
    ...row,
    ei: other(row.ei),
    er: other(row.er),
    ai: other(row.ai),
    ar: other(row.ar),
  })),
  esp: esp.map((row) => ({
    ...row,
    encryptionKey: other(row.encryptionKey),
    integrityKey: other(row.integrityKey),
  })),
})
const other = (key: Secret): Secret => key.use((octets) => new Secret(octets.map((octet) => octet ^ 0x5a)))
