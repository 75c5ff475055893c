import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ProfileSummary } from '../../core/contract/snapshot.ts'
import type { MessageTree } from '../../core/contract/tree.ts'
import { ProfileDesk } from '../../electron/profile-desk.ts'
import { fieldOf, linesOf, sameDocument, withField } from '../../renderer/state/document.ts'
import { Finder, rowsOf, sameProfiles } from '../../renderer/state/find.ts'
import { heightOf, rowsBetween } from '../../renderer/state/rows.ts'
import { viewOf } from '../../renderer/state/view.ts'
import { plainPhase2, protection } from '../../renderer/text/en.ts'
import { moment } from '../../renderer/text/figures.ts'
import { plainly, span, summary } from '../../renderer/text/plainly.ts'
import { SECTIONS } from '../../renderer/text/sections.ts'
import { around, fieldRows, openAtFirst, pathToOctet } from '../../renderer/ui/fields.ts'
import { octetLines } from '../../renderer/ui/octets.ts'
import { profileOf } from '../manager/world.ts'
import { PHASE2, TUNNEL } from '../support/snapshots.ts'

const summaryOf = (name: string, folder?: string): ProfileSummary => ({
  id: name,
  name,
  folder,
  gateway: `${name.toLowerCase()}.example.org`,
  signIn: 'IKEv2',
  saved: [],
})

describe('the list', () => {
  test('a list that came again is the same until a connection, or a word about one, is another', () => {
    const list = [summaryOf('Office', 'Work'), summaryOf('Home')]
    const [office, home] = list as [ProfileSummary, ProfileSummary]
    expect(sameProfiles(list, structuredClone(list))).toBe(true)
    for (const other of [
      [],
      [office],
      [home, office],
      [office, { ...home, name: 'At home' }],
      [office, { ...home, folder: 'Private' }],
      [office, { ...home, killSwitch: true as const }],
      [office, { ...home, saved: ['psk'] }],
    ])
      expect(sameProfiles(list, other)).toBe(false)
  })

  test('folders stand in the order of their names, connections without one first', () => {
    const rows = rowsOf([
      summaryOf('Home'),
      summaryOf('B', 'Work'),
      summaryOf('A', 'Clients'),
      summaryOf('C', 'Work'),
    ])
    expect(rows.map(({ key }) => key)).toEqual(['Home', 'folder Clients', 'A', 'folder Work', 'B', 'C'])
    expect(rows.map(({ top }) => top)).toEqual([0, 52, 82, 134, 164, 216])
    expect(heightOf(rows)).toBe(268)
  })

  test('only rows in view are drawn, whatever the heights', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('', 'a', 'b', 'c'), { maxLength: 60 }),
        fc.nat(4000),
        fc.nat(900),
        (folders, from, high) => {
          const rows = rowsOf(
            folders.map((folder, at) => summaryOf(`p${at}`, folder === '' ? undefined : folder)),
          )
          const height = (row: (typeof rows)[number]) => (row.kind === 'folder' ? 30 : 52)
          const seen = rows.filter((row) => row.top + height(row) > from && row.top < from + high)
          expect(rowsBetween(rows, from, from + high)).toEqual(seen)
        },
      ),
    )
  })

  test('every word somewhere in name, gateway or folder; marks and capitals aside', () => {
    const finder = new Finder([summaryOf('Café Ångström', 'Kunden'), summaryOf('Office')])
    const found = (wanted: string) => finder.find(wanted).map(({ name }) => name)
    expect(found('cafe angstrom')).toEqual(['Café Ångström'])
    expect(found('kund ÅNG')).toEqual(['Café Ångström'])
    expect(found('office.example')).toEqual(['Office'])
    expect(found('   ')).toHaveLength(2)
    expect(found('(.*')).toEqual([])
  })
})

describe('a document', () => {
  test('a field is replaced in a copy, made, or taken out', () => {
    const document = { a: { b: 1, c: 2 }, d: 3 }
    expect(withField(document, 'a.b', 9)).toEqual({ a: { b: 9, c: 2 }, d: 3 })
    expect(withField(document, 'x.y', 1)).toEqual({ ...document, x: { y: 1 } })
    expect(withField(document, 'd', undefined)).toEqual({ a: { b: 1, c: 2 } })
    expect(document).toEqual({ a: { b: 1, c: 2 }, d: 3 })
    expect(fieldOf(document, 'a.c')).toBe(2)
    expect(fieldOf(document, 'a.c.d.e')).toBeUndefined()
  })

  test('the order of fields says nothing', () => {
    const profile = profileOf('Office')
    const turned = Object.fromEntries(Object.entries(profile).reverse()) as typeof profile
    expect(sameDocument(profile, turned)).toBe(true)
    expect(sameDocument(profile, withField(profile, 'ike.dpdSeconds', 7))).toBe(false)
  })

  test('lines are a list without empty ones', () => {
    expect(linesOf(' 10.0.0.0/8 \n\n\t::/0\n')).toEqual(['10.0.0.0/8', '::/0'])
  })
})

describe('in plain words', () => {
  const desk = new ProfileDesk({} as never)
  const words = (change: object) => {
    const profile = profileOf('Office', change)
    return plainly(profile, desk.check(profile))
      .map(({ text }) => text)
      .join(' ')
  }

  test('what goes through the tunnel, how long silence may last, what is weak', () => {
    expect(words({})).toContain('Everything the gateway allows goes through the tunnel')
    expect(words({ remoteSubnets: ['10.0.0.0/8'] })).toContain('Only 10.0.0.0/8 goes through the tunnel.')
    expect(words({ ike: { dpdSeconds: 0 } })).toContain('A gateway that falls silent is not asked after.')
    expect(words({ esp: { rekeySeconds: 3600, pfs: true } })).toContain('new ones every hour. Old keys')
    expect(words({ weak: ['sha1'], ike: { proposals: ['aes128-sha1-modp2048'] } })).toContain(
      'SHA-1 is weak: ',
    )
  })

  test('of DES, MD5 and groups 1 and 2, and of aggressive mode with a key, why each is weak, in a sentence', () => {
    const said = (weak: string, suite: string) =>
      words({ weak: [weak, 'aggressivepsk'], ike: { version: 1, aggressive: true, proposals: [suite] } })
    expect(said('des', 'des-sha256-modp2048')).toContain(
      'DES is weak: its keys of 56 bits are found by trying them all, within a day.',
    )
    expect(said('md5', 'aes128-md5-modp2048')).toContain(
      'MD5 is weak: MD5 is broken, and RFC 8247 forbids it.',
    )
    expect(said('modp768', 'aes128-sha256-modp768')).toContain(
      'Group 1 (MODP-768) is weak: a group of 768 bits has been broken in public.',
    )
    expect(said('modp1024', 'aes128-sha256-modp1024')).toContain(
      'Group 2 (MODP-1024) is weak: a group of 1024 bits can be broken by a rich attacker.',
    )
    expect(said('modp1024', 'aes128-sha256-modp1024')).toContain(
      'Aggressive mode with a key is weak: a hash made with the key travels in the clear, and anybody can guess at it offline.',
    )
  })

  test('which IKE is spoken', () => {
    expect(words({})).toContain('with IKEv2 and')
    expect(words({ ike: { version: 1 } })).toContain('with IKEv1 and')
    expect(words({ ike: { version: 'auto' } })).toContain('with IKEv2 or IKEv1 and')
  })

  test('who proves what: a key, or a certificate of somebody', () => {
    expect(words({})).toContain('The gateway must prove that it knows your key before')
    const certificate = { auth: { method: 'certificate' }, localId: undefined }
    expect(words(certificate)).toContain('signs in as whom your certificate names, by certificate')
    expect(words(certificate)).toContain(
      'The gateway must show a certificate for 192.0.2.1 from an authority this computer trusts before',
    )
  })

  test('what protects packets, and that AH hides nothing', () => {
    const line = (child: object, ike = {}) => {
      const profile = profileOf('Office', { child, ike })
      return summary('phase2', profile, desk.check(profile))
    }
    expect(line({})).toMatch(/^ESP tunnel, AES-256-GCM, /)
    expect(line({ protocol: 'ah', mode: 'transport' })).toMatch(/^AH transport, new keys/)
    expect(line({ protocol: 'ah+esp', mode: 'transportOrTunnel' }, { version: 1 })).toMatch(
      /^AH and ESP transport or tunnel, /,
    )
    expect(words({ child: { protocol: 'ah' } })).toContain('everybody on the way can read it')
    expect(words({ child: { mode: 'transport' } })).toContain(
      'Only what goes between this computer and the gateway itself is protected.',
    )
    expect(protection({ ...PHASE2, protocol: 'AH' })).not.toBe(protection(PHASE2))
    expect(plainPhase2({ ...PHASE2, protocol: 'AH', mode: 'transport' })).toContain('can be read there')
  })

  test('every section has one line, and every field of it a place in the profile', () => {
    const profile = { ...profileOf('Office', { mtu: 1300, folder: 'Work', remoteId: 'a.example.org' }) }
    for (const { id, fields } of SECTIONS) {
      expect(summary(id, profile, desk.check(profile))).not.toMatch(/undefined|^$/)
      for (const field of fields) {
        const shown = field.shown?.({ document: profile, checked: desk.check(profile) }) ?? true
        const says = field.optional || field.kind === 'choice' || field.partOf !== undefined
        if (shown && !says && field.unset === undefined)
          expect(fieldOf(profile, field.path), field.path).toBeDefined()
      }
    }
  })

  test('spans are as people say them', () => {
    expect([14_400, 3600, 5400, 60, 45, 1].map(span)).toEqual([
      '4 hours',
      '1 hour',
      '90 minutes',
      '1 minute',
      '45 seconds',
      '1 second',
    ])
  })
})

test('octets as a dump: sixteen a row, and what of them can be read', () => {
  const lines = octetLines(`${'41'.repeat(17)}00`, 16)
  expect(lines.map(({ offset, octets }) => [offset, octets.length])).toEqual([
    ['0000', 16],
    ['0010', 2],
  ])
  expect(lines[1]!.octets).toEqual([
    { at: 16, hex: '41', letter: 'A' },
    { at: 17, hex: '00', letter: '·' },
  ])
  expect(octetLines('', 16)).toEqual([])
  expect(octetLines('41'.repeat(9), 8).map(({ offset }) => offset)).toEqual(['0000', '0008'])
})

describe('the fields of a message', () => {
  const leaf = (name: string, at: number, length: number, layer = 0) => ({
    name,
    value: '',
    says: '',
    reference: '',
    layer,
    at,
    length,
  })
  const tree: MessageTree = {
    layers: [
      { name: 'Message', hex: '00'.repeat(20) },
      { name: 'Decrypted', hex: '00'.repeat(8) },
    ],
    root: {
      ...leaf('message', 0, 20),
      children: [
        { ...leaf('header', 0, 10), children: [leaf('flags', 4, 1), leaf('response', 4, 1)] },
        {
          ...leaf('sealed', 10, 10),
          children: [{ ...leaf('inside', 0, 8, 1), children: [leaf('nonce', 0, 8, 1)] }],
        },
      ],
    },
  }
  const names = (open: Iterable<string>) => fieldRows(tree, new Set(open)).map(({ node }) => node.name)

  test('at first the payloads are seen, and what was decrypted', () => {
    expect(names(openAtFirst(tree))).toEqual(['message', 'header', 'sealed', 'inside', 'nonce'])
  })

  test('an octet leads to the smallest field that holds it, in its own layer', () => {
    expect(pathToOctet(tree, 0, 4)).toBe('0.0.1')
    expect(pathToOctet(tree, 0, 7)).toBe('0.0')
    expect(pathToOctet(tree, 1, 4)).toBe('0.1.0.0')
    expect(pathToOctet(tree, 1, 9)).toBeUndefined()
    expect(names(around('0.0.1'))).toEqual(['message', 'header', 'flags', 'response', 'sealed'])
  })
})

test('a question makes a connection ask, and traffic held back makes it blocked', () => {
  expect(viewOf({ ...TUNNEL, state: 'phase1' }, undefined, true)).toBe('asking')
  expect(viewOf({ ...TUNNEL, state: 'reconnecting', held: ['0.0.0.0/0'] }, undefined)).toBe('blocked')
  expect(viewOf({ ...TUNNEL, state: 'reconnecting' }, undefined)).toBe('reconnecting')
  expect(viewOf({ ...TUNNEL, state: 'blocked', held: ['0.0.0.0/0'] }, undefined)).toBe('blocked')
})

test('a moment is told as people tell it', () => {
  const noon = new Date(2026, 10, 24, 12, 0).getTime()
  expect(moment(new Date(2026, 10, 24, 8, 12).getTime(), noon)).toBe('Today 08:12')
  expect(moment(new Date(2026, 10, 23, 7, 58).getTime(), noon)).toBe('Yesterday 07:58')
  expect(moment(new Date(2026, 10, 20, 13, 30).getTime(), noon)).toBe('20 Nov 13:30')
})
