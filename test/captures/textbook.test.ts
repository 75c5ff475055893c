import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Decoder, type Packet } from '../../core/inspect/decoder.ts'
import { joinTables, NO_KEYS, readKeyTable } from '../../core/inspect/key-tables.ts'
import { packetLine } from '../../core/inspect/packet-line.ts'
import { referenceOf, remarksOf, sentenceOf, walk } from '../../core/inspect/tree.ts'
import { fieldsOf } from '../../core/inspect/wireshark.ts'
import { lessonOf } from '../../electron/lessons.ts'
import { expectSound } from '../inspect/trees.ts'
import { readCapture } from '../support/pcap.ts'
import { projectRoot } from '../support/project-root.ts'
import { wholeRegistry } from '../support/two-peers.ts'
import { TEXTBOOK, type TextbookCapture } from './textbook.ts'

const folder = join(projectRoot(), 'docs/lessons')
const all = new Map(TEXTBOOK.map((make) => make()).map((one) => [one.name, one]))

function packetsOf(name: string, withKeys = true): readonly Packet[] {
  const { pcapng, tables } = all.get(name) as TextbookCapture
  const keys = Object.values(tables).map((text) => {
    const read = readKeyTable(text)
    if (!read.ok) throw new Error(read.problem)
    return read.keys
  })
  const decoder = new Decoder(wholeRegistry(), withKeys ? joinTables(keys) : NO_KEYS)
  return readCapture(pcapng).map((frame, at) =>
    decoder.frame({ ...frame, number: at + 1, atMs: at, wireBytes: frame.bytes.length }),
  )
}

/** `MAIN SA VendorID`: what each message is and carries, without vendor IDs and notifies. */
const story = (name: string): readonly string[] =>
  packetsOf(name).map((packet) => {
    const line = packetLine(packet, packet.number, 'out', false)
    const payloads = line?.payloads.filter((one) => one !== 'VendorID' && !one.startsWith('N(')) ?? []
    return `${line?.exchange} ${payloads.join(' ')}`
  })

describe('the captures of the lessons', () => {
  test.each([...all.values()].map((one) => [one.name, one] as const))(
    '%s lies beside the lessons, octet for octet as it is made',
    (name, { pcapng, tables }) => {
      const place = join(folder, 'captures', name)
      expect(readdirSync(place).sort()).toEqual([`${name}.pcapng`, ...Object.keys(tables)].sort())
      expect(readFileSync(join(place, `${name}.pcapng`)).equals(Buffer.from(pcapng))).toBe(true)
      for (const [table, text] of Object.entries(tables))
        expect(readFileSync(join(place, table), 'utf8')).toBe(text)
    },
  )

  test('RFC 2409 §5.4, §5.5: main mode has six messages, quick mode three', () => {
    expect(story('ikev1-main-mode')).toEqual([
      'MAIN SA',
      'MAIN SA',
      'MAIN KE Nonce NATD NATD',
      'MAIN KE Nonce NATD NATD',
      'MAIN ID HASH',
      'MAIN ID HASH',
      'QUICK HASH SA Nonce ID ID',
      'QUICK HASH SA Nonce ID ID',
      'QUICK HASH',
    ])
  })

  test('RFC 2409 §5.4: aggressive mode has three', () => {
    const [first, second, third, ...rest] = story('ikev1-aggressive-mode')
    expect(first).toBe('AGGRESSIVE SA KE Nonce ID')
    expect(second).toMatch(/^AGGRESSIVE SA KE Nonce ID HASH/)
    expect(third).toMatch(/^AGGRESSIVE .*HASH/)
    expect(rest).toHaveLength(3)
  })

  test('RFC 7296 §1.2: IKEv2 has four', () => {
    expect(story('ikev2')).toEqual([
      'IKE_SA_INIT SA KE Nonce',
      'IKE_SA_INIT SA KE Nonce',
      'IKE_AUTH IDi IDr AUTH SA TSi TSr',
      'IKE_AUTH IDr AUTH SA TSi TSr',
    ])
  })

  test('names are encrypted in main mode and in IKEv2, and readable in aggressive mode', () => {
    const seen = (name: string, withKeys: boolean) =>
      packetsOf(name, withKeys).some((packet) => fieldsOf(packet)['isakmp.id.data.fqdn'] !== undefined)
    expect(['ikev1-main-mode', 'ikev2', 'ikev1-aggressive-mode'].map((name) => seen(name, false))).toEqual([
      false,
      false,
      true,
    ])
    expect(['ikev1-main-mode', 'ikev2'].map((name) => seen(name, true))).toEqual([true, true])
  })

  /** The numbers of the protocols, from the outside in: IP, AH, ESP. */
  test.each([
    ['ah-transport', ['51'], ['1'], undefined],
    ['ah-tunnel', ['51', '1'], ['4'], undefined],
    ['esp-transport', ['50'], undefined, ['0x01']],
    ['esp-tunnel', ['50', '1'], undefined, ['0x04']],
    ['ah-esp-transport', ['51'], ['50'], ['0x01']],
    ['ah-esp-tunnel', ['51', '1'], ['50'], ['0x04']],
  ])('RFC 4301 §3.2: %s, the chain of headers', (name, ip, ah, esp) => {
    const list = (value: unknown): readonly unknown[] | undefined =>
      value === undefined ? undefined : Array.isArray(value) ? value : [value]
    const packets = packetsOf(name)
    expect(packets).toHaveLength(4)
    for (const packet of packets) {
      const fields = fieldsOf(packet)
      expect(list(fields['ip.proto'])).toEqual(ip)
      expect(list(fields['ah.next_header'])).toEqual(ah)
      expect(
        list(fields['esp.protocol'])?.map((one) => `0x${Number(one).toString(16).padStart(2, '0')}`),
      ).toEqual(esp)
      expect(fields['icmp.type']).toBeDefined()
    }
  })
})

/** They stand in an appendix, in a document older than numbered sections, or in none of the IETF. */
const WITHOUT_SECTION = /Appendix [A-Z]|^RFC (?:768|792)$|^of /

test('every node of every capture lies in its parent, says a sentence, and names a section', () => {
  const without = new Set<string>()
  for (const name of all.keys()) {
    for (const withKeys of [true, false]) {
      for (const { tree } of packetsOf(name, withKeys)) {
        expectSound(tree)
        for (const node of walk(tree.root)) {
          expect(sentenceOf(node), node.field.name).toMatch(/^[A-Z0-9].*[.?]$/)
          const reference = referenceOf(node)
          if (!reference.includes('§') && !WITHOUT_SECTION.test(reference))
            without.add(`${node.field.name}: ${reference}`)
        }
      }
    }
  }
  expect([...without].sort()).toEqual([])
})

test('what was meant for the keys of a capture opens all of it', () => {
  for (const name of all.keys())
    for (const { tree } of packetsOf(name)) expect(remarksOf(tree.root).map(({ text }) => text)).toEqual([])
})

describe('the pages of the lessons', () => {
  const pages = readdirSync(folder).filter((name) => /^\d/.test(name))

  test.each(pages)('%s', (name) => {
    const lesson = lessonOf(name, readFileSync(join(folder, name), 'utf8'))
    expect(lesson.captures.length).toBeGreaterThan(0)
    for (const capture of lesson.captures) expect([...all.keys()]).toContain(capture)
    expect(lesson.blocks.length).toBeGreaterThan(4)
    for (const { text } of lesson.blocks) for (const one of text) expect(one).not.toMatch(/[`*#]|^- /)
    expect(readFileSync(join(folder, 'README.md'), 'utf8')).toContain(`(${name})`)
  })

  test('each capture has its lesson', () => {
    const told = pages.flatMap((name) => lessonOf(name, readFileSync(join(folder, name), 'utf8')).captures)
    expect([...new Set(told)].sort()).toEqual([...all.keys()].sort())
  })
})
