import { execFile, spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual, promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readKeys } from '../../core/capture/keys.ts'
import { readCapture } from '../../core/capture/read.ts'
import { exposedKeys } from '../../core/ike/v2/view.ts'
import { Decoder } from '../../core/inspect/decoder.ts'
import { fieldsOf } from '../../core/inspect/wireshark.ts'
import { captureOf } from '../../core/manager/capture.ts'
import type { MessageLog } from '../../core/manager/message-log.ts'
import { TEXTBOOK } from '../captures/textbook.ts'
import { run as signIn } from '../support/eap-peers.ts'
import { logOf, OWN_CAPTURES } from '../support/own-captures.ts'
import { connected, encr, integ, ke, prf, SHA256, sn, wholeRegistry } from '../support/two-peers.ts'

const run = promisify(execFile)
/** Debian: tshark. Without it the tests are skipped by name, and with CI=true they fail. */
const program = process.env.CULVERT_TSHARK ?? 'tshark'
const isMissing = process.env.CI !== 'true' && spawnSync(program, ['--version']).status !== 0
let home = ''
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'culvert-tshark-'))
})
afterAll(() => rm(home, { recursive: true }))

/**
 * Not compared: what has no name there; reserved octets, of which tshark names some and leaves out others; and vendor
 * IDs, which it calls as its list of hashes does, and we as their documents do.
 */
const NOT_COMPARED = /^(?:culvert\.|_ws\.|frame\.time|isakmp\.reserved$|isakmp\.vid_string$)/

/** Fields that are there or not: tshark gives them no value. */
const MARKS = /^(?:udpencap\.non_esp_marker|isakmp\.enc\.data|isakmp\.ts\.data|isakmp\.cert\.data)$/

/** As tshark gives it: an empty value is called missing. */
const sameWay = (field: string, values: readonly string[] = []): readonly string[] =>
  MARKS.test(field) ? values.map(() => '1') : values.filter((value) => value !== '<MISSING>')

/** It opens ESP only when it is told to. */
const ESP = ['-o', 'esp.enable_encryption_decode:TRUE', '-o', 'esp.enable_authentication_check:TRUE']

/** What tshark says of each packet, for these fields, with the tables of keys in its folder. */
async function tshark(file: string, config: string, fields: readonly string[]) {
  const wanted = fields.flatMap((field) => ['-e', field])
  const { stdout } = await run(program, [...ESP, '-r', file, '-T', 'json', ...wanted], {
    env: { ...process.env, WIRESHARK_CONFIG_DIR: config, LC_ALL: 'C' },
    maxBuffer: 1 << 26,
  })
  return (JSON.parse(stdout) as { _source: { layers: Record<string, readonly string[]> } }[]).map(
    ({ _source }) => _source.layers,
  )
}

const CASES = [
  ['IKEv2, AES-GCM', 'IKEv2', {}],
  ['IKEv2 behind a NAT', 'IKEv2', { nat: true }],
  [
    'IKEv2, AES-CBC and HMAC-SHA-256',
    'IKEv2',
    {
      client: {
        ikeProposals: [[encr(12, 256), integ(12), prf(SHA256), ke(19)]],
        espProposals: [[encr(12, 128), integ(12), sn(0)]],
      },
      gateway: {
        ikeProposals: [[encr(12, 256), integ(12), prf(SHA256), ke(19)]],
        espProposals: [[encr(12, 128), integ(12), sn(0)]],
      },
    },
  ],
  ['IKEv1, main mode', 'IKEv1', {}],
  [
    'IKEv1, aggressive mode',
    'IKEv1',
    { client: { ikev1: { aggressive: true } }, gateway: { ikev1: { aggressive: true } } },
  ],
] as const

/** Where we and tshark say different things of a capture: a row for each field. */
async function differencesIn(path: string, folder: string, keys: readonly string[]) {
  const decoder = new Decoder(wholeRegistry(), await readKeys(keys))
  const ours: Record<string, readonly string[]>[] = []
  for await (const frame of readCapture(path)) {
    const fields = Object.entries(fieldsOf(decoder.frame(frame), true))
    ours.push(
      Object.fromEntries(
        fields
          .filter(([field]) => !NOT_COMPARED.test(field))
          .map(([field, value]) => [field, typeof value === 'string' ? [value] : value]),
      ),
    )
  }
  const fields = [...new Set(ours.flatMap((packet) => Object.keys(packet)))]
  const theirs = await tshark(path, folder, fields)
  expect(theirs).toHaveLength(ours.length)
  return ours.flatMap((packet, at) =>
    fields.flatMap((field) => {
      const [we, they] = [sameWay(field, packet[field]), sameWay(field, theirs[at]?.[field])]
      return isDeepStrictEqual(we, they) ? [] : [{ packet: at + 1, field, we, they }]
    }),
  )
}

/**
 * Where we see it otherwise in IKE_AUTH with a certificate: the hashes of RFC 7427 are a list to us, and to tshark data too;
 * of an AUTH payload by RFC 7427 we tell algorithm and signature apart.
 */
const EAP_OTHERWISE = ['isakmp.notify.data', 'isakmp.auth.data']

describe.skipIf(isMissing)('our own captures: what Wireshark says of them, field by field', () => {
  test.each(CASES)('%s', async (name, version, options) => {
    const { file, tables } = OWN_CAPTURES[version](options)
    const folder = join(home, name.replace(/\W+/g, '-'))
    await mkdir(folder)
    const path = join(folder, 'a.pcapng')
    await writeFile(path, file)
    for (const [table, text] of Object.entries(tables)) await writeFile(join(folder, table), text)

    expect(await differencesIn(path, folder, [folder])).toEqual([])
  })

  test.each(TEXTBOOK.map((make) => make()).map((one) => [one.name, one] as const))(
    'of the lessons: %s',
    async (name, { pcapng, tables }) => {
      const folder = join(home, name)
      await mkdir(folder)
      const path = join(folder, 'a.pcapng')
      await writeFile(path, pcapng)
      for (const [table, text] of Object.entries(tables)) await writeFile(join(folder, table), text)
      const keys = Object.keys(tables).map((table) => join(folder, table))
      expect(await differencesIn(path, folder, keys)).toEqual([])
    },
  )

  test('EAP inside IKEv2, step by step', async () => {
    const { client } = signIn({ methods: ['mschapv2'] })
    const folder = join(home, 'eap')
    await mkdir(folder)
    const { pcapng, tables } = captureOf('culvert0', logOf(client), { ...exposedKeys(client.n), esp: [] })
    const path = join(folder, 'a.pcapng')
    await writeFile(path, Buffer.from(pcapng, 'base64'))
    for (const [table, text] of Object.entries(tables)) await writeFile(join(folder, table), text)
    const differences = await differencesIn(path, folder, [folder])
    expect(differences.filter(({ field }) => !EAP_OTHERWISE.includes(field))).toEqual([])
  })

  test('RFC 7383 §2.5: a message in fragments, each by itself and the last with what they make together', async () => {
    const long = (letter: number) => ({
      localIdentity: { type: 11, data: new Uint8Array(1_500).fill(letter) },
      remoteIdentity: undefined,
      fragmentDatagramBytes: 576,
    })
    const { client } = connected({ client: long(0x61), gateway: long(0x62) })
    const ours = await compared('fragments', logOf(client), [exposedKeys(client.n)])
    expect(ours.differences).toEqual([])
    // Of either end at least three: 1,500 octets do not go into less. Only the last shows what they make.
    const fragments = ours.theirs.filter((packet) => packet['isakmp.frag.total'] !== undefined)
    expect(fragments.length).toBeGreaterThanOrEqual(6)
    expect(fragments.filter((packet) => packet['isakmp.id.type'] !== undefined)).toHaveLength(2)
  })

  test('RFC 7296 §2.8: new keys for the CHILD_SA and for the IKE SA, and what goes under them', async () => {
    const { client, gateway, net } = connected()
    const keys = [exposedKeys(client.n)]
    for (const [peer, what] of [
      [client, 'rekeyChild'],
      [gateway, 'rekeyChild'],
      [client, 'rekeyIke'],
    ] as const) {
      peer.command(what)
      net.settle()
    }
    keys.push(exposedKeys(client.n))
    gateway.command('rekeyChild')
    net.settle()
    const ours = await compared('rekeys', logOf(client), keys)
    expect(ours.differences).toEqual([])
    // Four of them, and their answers.
    const children = ours.theirs.filter((packet) => packet['isakmp.exchangetype']?.includes('36'))
    expect(children).toHaveLength(8)
    // Opened by tshark too, also under the keys that came later.
    expect(children.filter((packet) => packet['isakmp.nonce'] !== undefined)).toHaveLength(8)
  })
})

/** What a client's messages are to us and to tshark, with these keys. */
async function compared(name: string, log: MessageLog, keys: readonly ReturnType<typeof exposedKeys>[]) {
  const folder = join(home, name)
  await mkdir(folder)
  const ikev2 = keys.flatMap((one) => one.ikev2)
  const { pcapng, tables } = captureOf('culvert0', log, { ikev1: [], ikev2, esp: [] })
  const path = join(folder, 'a.pcapng')
  await writeFile(path, Buffer.from(pcapng, 'base64'))
  for (const [table, text] of Object.entries(tables)) await writeFile(join(folder, table), text)
  const fields = ['isakmp.exchangetype', 'isakmp.frag.total', 'isakmp.id.type', 'isakmp.nonce']
  const theirs = await tshark(path, folder, fields)
  return { theirs, differences: await differencesIn(path, folder, [folder]) }
}
