import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { importFiles } from '../../../core/profile/import/import-files.ts'
import { CORPUS } from '../../support/profile-corpus.ts'

const base = {
  uuid: '5d1c9b1e-6a1f-4f0c-8f52-0f3c6c1b7a10',
  name: 'School',
  type: 'ikev2-eap',
  remote: { addr: 'vpn.school.example' },
}
const run = (value: unknown) =>
  importFiles([{ name: 'a.sswan', bytes: new Uint8Array(Buffer.from(JSON.stringify(value))) }])

describe('.sswan', () => {
  test.each([
    [{ ...base, uuid: 'x' }, 'uuid', 'a UUID is expected'],
    [{ ...base, name: undefined }, 'name', 'it is missing'],
    [{ ...base, type: 'ikev2-magic' }, 'type', 'one of ikev2-eap'],
    [{ ...base, type: 7 }, 'type', 'one of ikev2-eap'],
    [{ ...base, remote: {} }, 'remote.addr', 'it is missing'],
    [{ ...base, mtu: 'large' }, 'mtu', 'a whole number is expected'],
    [{ ...base, remote: { addr: 'a', port: 70_000 } }, 'remote.port', 'from 1 to 65535'],
    [{ ...base, remote: { addr: 'a', cert: '!!' } }, 'remote.cert', 'Base64 is expected'],
    [{ ...base, remote: { addr: 'a', revocation: { crl: 'x' } } }, 'remote.revocation.crl', 'yes or no'],
    [{ ...base, local: { p12: 'A' } }, 'local.p12', 'Base64 is expected'],
    [{ ...base, local: { shared_secret: 7 } }, 'local.shared_secret', 'a text is expected'],
    [
      { ...base, 'split-tunneling': { subnets: '10.0.0.0/99' } },
      'split-tunneling.subnets',
      'networks such as',
    ],
  ])('what cannot be read is named with its form: %j', async (value, field, problem) => {
    await expect(run(value)).rejects.toMatchObject({
      error: { kind: 'profileInvalid', source: 'a.sswan', field, problem: expect.stringContaining(problem) },
    })
  })

  test('generators write booleans as texts and lists as one text', async () => {
    const { report } = await run({
      ...base,
      remote: { addr: 'a', certreq: 'true' },
      'split-tunneling': { subnets: '10.0.0.0/8 10.1.0.0-10.1.0.9' },
    })
    expect(report.map(({ field }) => field)).toContain('split-tunneling.subnets')
  })
})

describe('the key in a .sswan', () => {
  const sample = () => readFileSync(join(CORPUS, 'sswan/cert.sswan'))
  const give = (passphrase?: string) =>
    importFiles(
      [{ name: 'a.sswan', bytes: new Uint8Array(sample()) }],
      new Map(passphrase === undefined ? [] : [['passphrase', passphrase]]),
    )

  test('its passphrase is asked for, and then certificate, key and authority are there', async () => {
    expect((await give()).questions).toMatchObject([{ name: 'passphrase', needed: true, secret: true }])
    const { profiles } = await give('culvert')
    const [one] = profiles
    expect(one?.profile.auth).toMatchObject({ method: 'certificate', rsaPss: true })
    expect(one?.profile.gatewayAuth).toMatchObject({
      method: 'certificate',
      ca: expect.stringContaining('BEGIN'),
    })
    expect(one?.secrets.get('key')?.use((bytes) => Buffer.from(bytes).toString())).toContain('PRIVATE KEY')
    expect(one?.warnings).toEqual([expect.stringContaining('It brings its own authority, CN=Test EC root')])
  })

  test('a wrong one is asked for again, and nothing is imported meanwhile', async () => {
    const { profiles, questions } = await give('guess')
    expect(profiles).toEqual([])
    expect(questions).toMatchObject([
      { name: 'passphrase', prompt: expect.stringContaining('Not that one'), needed: true },
    ])
  })
})
