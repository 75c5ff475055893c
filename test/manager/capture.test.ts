import { describe, expect, test } from 'vitest'
import { asEspSpi } from '../../core/bytes/brands.ts'
import { toHex } from '../../core/bytes/octets.ts'
import { Secret } from '../../core/bytes/secret.ts'
import type { ExposedKeys } from '../../core/ike/exposed-keys.ts'
import { Decoder } from '../../core/inspect/decoder.ts'
import { joinTables, readKeyTable } from '../../core/inspect/key-tables.ts'
import { remarksOf } from '../../core/inspect/tree.ts'
import { fieldsOf } from '../../core/inspect/wireshark.ts'
import { writeKeyTables } from '../../core/inspect/write-key-tables.ts'
import { captureOf } from '../../core/manager/capture.ts'
import { MessageLog } from '../../core/manager/message-log.ts'
import { logOf, OWN_CAPTURES } from '../support/own-captures.ts'
import { readCapture } from '../support/pcap.ts'
import { recorded } from '../support/recorded.ts'
import { connected, wholeRegistry } from '../support/two-peers.ts'

const keysIn = (tables: Readonly<Record<string, string>>) =>
  joinTables(
    Object.values(tables).map((text) => {
      const read = readKeyTable(text)
      if (!read.ok) throw new Error(read.problem)
      return read.keys
    }),
  )

function packetsOf(file: Uint8Array, tables: Readonly<Record<string, string>>) {
  const decoder = new Decoder(wholeRegistry(), keysIn(tables))
  return readCapture(file).map((frame, at) =>
    decoder.frame({ ...frame, atMs: at, wireBytes: frame.bytes.length }),
  )
}

/** By their numbers: main, transaction and quick mode; IKE_SA_INIT and IKE_AUTH. */
const EXCHANGES = {
  IKEv1: ['2', '2', '2', '2', '2', '2', '6', '6', '32', '32', '32'],
  IKEv2: ['34', '34', '35', '35'],
}

describe.each(['IKEv2', 'IKEv1'] as const)('%s', (version) => {
  test('what is captured opens with the keys that come along, message by message', () => {
    const { client, file, tables, messages } = OWN_CAPTURES[version]()
    const packets = packetsOf(file, tables)
    expect(packets).toHaveLength(messages)
    expect(packets.flatMap(({ tree }) => remarksOf(tree.root))).toEqual([])
    expect(packets.map((packet) => fieldsOf(packet)['isakmp.exchangetype'])).toEqual(EXCHANGES[version])
    expect(client.closed).toBeUndefined()
  })

  test('without the keys what is encrypted stays so', () => {
    const { file } = OWN_CAPTURES[version]()
    const remarks = packetsOf(file, {}).flatMap(({ tree }) => remarksOf(tree.root).map(({ kind }) => kind))
    expect(remarks).toContain('noKey')
  })
})

test('addresses, ports and the marker of RFC 3948 are those of the way', () => {
  const { client, file } = OWN_CAPTURES.IKEv2({ nat: true })
  const fields = packetsOf(file, {}).map((packet) => fieldsOf(packet))
  expect(fields[0]).toMatchObject({
    'ip.src': client.n.local?.address,
    'ip.dst': client.n.remote?.address,
    'udp.dstport': '500',
  })
  expect(fields[1]).toMatchObject({ 'ip.src': client.n.remote?.address })
  expect(fields.at(-1)).toMatchObject({ 'udp.srcport': '4500', 'isakmp.exchangetype': '35' })
})

test('RFC 9329 §3: what went over TCP is there as TCP, behind the prefix, and opens again', () => {
  const { client } = connected()
  const overUdp = logOf(client)
  const log = new MessageLog()
  for (const line of overUdp.lines()) {
    const { message } = recorded(client)[line.number - 1] ?? {}
    const path = overUdp.datagram(line.number)?.path
    if (message === undefined || path === undefined) throw new Error('there is none')
    const [local, remote] = [path.local, path.remote].map((end) => ({
      ...end,
      port: 4500,
      transport: 'tcp' as const,
    }))
    log.add(message, line.atMs, { local: local!, remote: remote! })
  }
  const { pcapng } = captureOf('culvert0', log)
  const fields = packetsOf(new Uint8Array(Buffer.from(pcapng, 'base64')), {}).map((packet) =>
    fieldsOf(packet),
  )
  expect(fields.map((packet) => packet['isakmp.exchangetype'])).toEqual(['34', '34', '35', '35'])
  expect(fields.map((packet) => packet['tcp.dstport'])).toEqual(['4500', '4500', '4500', '4500'])
  expect(fields.every((packet) => packet['udp.dstport'] === undefined)).toBe(true)
  // Each goes on where the one before in its direction ended.
  const [first, answer, second] = fields
  expect(second?.['tcp.ack_raw']).toBe(`${1 + Number(answer?.['isakmp.length']) + 6}`)
  expect(second?.['tcp.seq_raw']).toBe(`${1 + Number(first?.['isakmp.length']) + 6 + 6}`)
})

test('a comment says what each packet is', () => {
  const { file } = OWN_CAPTURES.IKEv2()
  const text = Buffer.from(file).toString('latin1')
  expect(text).toContain('1: IKE_SA_INIT request\nSA, KE, Nonce')
  expect(text).toContain('IKE_AUTH response')
})

test('a message that went in fragments is in the file as its fragments', () => {
  const { client } = connected()
  const [first] = recorded(client)
  const path = logOf(client).datagram(1)?.path
  if (first === undefined || path === undefined) throw new Error('there is none')
  const log = new MessageLog()
  log.add({ ...first.message, fragments: 2 }, 1, path)
  log.add(first.message, 2, path)
  expect(captureOf('culvert0', log).messages).toBe(1)
  const without = new MessageLog()
  without.add(first.message, 1)
  expect(captureOf('culvert0', without).messages).toBe(0)
})

test('no key is in the file, and none in the answer unless it was asked for', () => {
  const { client } = connected()
  const { pcapng, tables } = captureOf('culvert0', logOf(client))
  expect(tables).toEqual({})
  const keys = client.n.current?.keys
  for (const key of [keys?.ei, keys?.er, keys?.d])
    expect(Buffer.from(pcapng, 'base64').toString('hex')).not.toContain(key?.use(toHex) ?? '-')
})

test('the keys that were handed over are wiped', () => {
  const key = new Secret(new Uint8Array(16))
  const keys: ExposedKeys = {
    ikev1: [{ initiatorCookie: new Uint8Array(8), cipher: key }],
    ikev2: [],
    esp: [],
  }
  captureOf('culvert0', new MessageLog(), keys)
  expect(key.closed).toBe(true)
})

describe('tables of keys', () => {
  const secret = (length: number) => new Secret(new Uint8Array(length).fill(7))
  const esp = (encryption: number, bytes: number, integrity?: number): ExposedKeys => ({
    ikev1: [],
    ikev2: [],
    esp: [
      {
        source: '192.0.2.1',
        destination: '192.0.2.2',
        sa: {
          spi: asEspSpi(0xabc),
          encryption: { id: encryption, keyBits: 0 },
          encryptionKey: secret(bytes),
          ...(integrity === undefined ? {} : { integrity, integrityKey: secret(20) }),
          esn: false,
        },
      },
    ],
  })

  test.each([
    [12, 16, 12],
    [12, 32, 14],
    [3, 24, 2],
    [13, 20, 13],
    [18, 20, undefined],
    [20, 36, undefined],
  ])('ESP with encryption %s is read back as it was', (encryption, bytes, integrity) => {
    const { tables, leftOut } = writeKeyTables(esp(encryption, bytes, integrity))
    expect(leftOut).toEqual([])
    expect(keysIn(tables).esp).toMatchObject([
      {
        source: '192.0.2.1',
        spi: 0xabc,
        encryption: { id: encryption },
        integrity: integrity === undefined ? undefined : { id: integrity },
      },
    ])
  })

  test('what Wireshark has no name for is said and left out', () => {
    const { tables, leftOut } = writeKeyTables(esp(28, 36))
    expect(tables).toEqual({})
    expect(leftOut).toEqual(['Wireshark has no name for the algorithms of ESP 0x00000abc.'])
  })
})
