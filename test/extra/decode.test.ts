import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readCapture } from '../../core/capture/read.ts'
import { Decoder, type Packet } from '../../core/inspect/decoder.ts'
import { joinTables, type KeyTables, readKeyTable } from '../../core/inspect/key-tables.ts'
import { isMalformed, remarksOf } from '../../core/inspect/tree.ts'
import { fieldsOf } from '../../core/inspect/wireshark.ts'
import { expectSound } from '../inspect/trees.ts'
import { extraFiles, extraJson } from '../support/extra-vectors.ts'
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

async function packetsOf(file: string): Promise<readonly Packet[]> {
  const decoder = new Decoder(wholeRegistry(), keysOf(file))
  const packets: Packet[] = []
  for await (const frame of readCapture(resolve(vectors, 'captures', file)))
    packets.push(decoder.frame(frame))
  return packets
}

const files = extraFiles('captures')
  .map((name) => name.replace(/^captures\//, ''))
  .filter((name) => /\.(cap|pcap|pcapng)(\.gz)?$/.test(name))

test('every capture with facts is here', () => {
  expect(files).toEqual(expect.arrayContaining(Object.keys(facts)))
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
})
