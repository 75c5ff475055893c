import { armor, Encrypter } from 'age-encryption'
import { strToU8, zipSync } from 'fflate'
import { describe, expect, test } from 'vitest'
import { importFiles } from '../../../core/profile/import/import-files.ts'
import { LIMITS } from '../../../core/profile/import/limits.ts'

const own = JSON.stringify({
  name: 'Office',
  gateway: { host: 'vpn.example.org' },
  localId: 'alice@example.org',
  auth: { method: 'psk' },
  secrets: { psk: 'a key of more than twenty characters' },
})

const problemOf = (bytes: Uint8Array) =>
  importFiles([{ name: 'a.zip', bytes }]).then(
    () => 'none',
    (thrown: { error?: { problem?: string } }) => thrown.error?.problem ?? String(thrown),
  )

describe('archives', () => {
  test('an archive is a folder', async () => {
    const { profiles } = await importFiles([
      { name: 'a.zip', bytes: zipSync({ 'x/office.json': strToU8(own) }) },
    ])
    expect(profiles.map(({ profile }) => profile.name)).toEqual(['Office'])
  })

  test('what unpacks to more than a profile can be is not unpacked', async () => {
    expect(await problemOf(zipSync({ zeros: new Uint8Array(LIMITS.fileOctets + 1) }))).toContain(
      'unpacks to more',
    )
  })

  test('a header that names a smaller size does not get more out', async () => {
    const bytes = zipSync({ zeros: new Uint8Array(1 << 20) })
    const entry = Buffer.from(bytes).indexOf('PK\x01\x02', 0, 'latin1')
    new DataView(bytes.buffer).setUint32(entry + 24, 100, true)
    expect(await problemOf(bytes)).toMatch(/damaged/)
  })

  test('many files are refused before they are unpacked', async () => {
    const many = Object.fromEntries(Array.from({ length: 501 }, (_, at) => [`${at}`, new Uint8Array(1)]))
    expect(await problemOf(zipSync(many))).toContain('more than 500 files')
  })

  test('a changed octet is found by its checksum', async () => {
    const bytes = zipSync({ 'office.json': strToU8(own) }, { level: 0 })
    const at = Buffer.from(bytes).indexOf('vpn.example.org')
    bytes[at] = 0x56
    expect(await problemOf(bytes)).toContain('damaged')
  })

  test('one file of an archive does not keep the others out', async () => {
    const bytes = zipSync({
      'a.json': strToU8('{"name": "x"}'),
      'b.json': strToU8(own),
      'c.txt': strToU8('hello'),
    })
    const { profiles, refused, report } = await importFiles([{ name: 'a.zip', bytes }])
    expect(profiles).toHaveLength(1)
    expect(refused).toEqual([{ name: 'a.json', reason: expect.stringContaining('gateway') }])
    expect(report).toContainEqual(expect.objectContaining({ file: 'c.txt', outcome: 'ignored' }))
  })
})

describe('sealed files', () => {
  const seal = async () => {
    const encrypter = new Encrypter()
    encrypter.setScryptWorkFactor(4)
    encrypter.setPassphrase('open sesame')
    return encrypter.encrypt(own)
  }

  test('the passphrase is asked for, and opens it, armored or not', async () => {
    const bytes = await seal()
    const asked = await importFiles([{ name: 'a.age', bytes }])
    expect(asked.questions).toMatchObject([{ name: 'passphrase', secret: true, needed: true }])
    for (const form of [bytes, strToU8(armor.encode(bytes))]) {
      const opened = await importFiles(
        [{ name: 'a.age', bytes: form }],
        new Map([['passphrase', 'open sesame']]),
      )
      expect(opened.profiles[0]?.secrets.get('psk')?.length).toBe(36)
    }
  })

  test('a wrong passphrase asks again; damage is one sentence', async () => {
    const bytes = await seal()
    const wrong = await importFiles([{ name: 'a.age', bytes }], new Map([['passphrase', 'guess']]))
    expect(wrong.questions).toMatchObject([
      { key: 'passphrase', prompt: 'Not that one: the passphrase of the file' },
    ])
    const damaged = bytes.map((octet, at) => (at === bytes.length - 1 ? octet ^ 1 : octet))
    await expect(
      importFiles([{ name: 'a.age', bytes: damaged }], new Map([['passphrase', 'open sesame']])),
    ).rejects.toMatchObject({ error: { source: 'a.age', problem: 'what is sealed in it is damaged' } })
  })
})
