import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { asEspSpi } from '../../core/bytes/brands.ts'
import { concat, fromHex, toHex } from '../../core/bytes/octets.ts'
import { Secret } from '../../core/bytes/secret.ts'
import { createSuite } from '../../core/esp/suite.ts'
import { Decoder } from '../../core/inspect/decoder.ts'
import { summaryOf } from '../../core/inspect/format.ts'
import { NO_KEYS, readKeyTable } from '../../core/inspect/key-tables.ts'
import { remarksOf } from '../../core/inspect/tree.ts'
import { fieldsOf } from '../../core/inspect/wireshark.ts'
import { encodeEspContent, encodeEspHeader } from '../../core/wire/esp.ts'
import { wholeRegistry } from '../support/two-peers.ts'
import { vector } from '../support/vectors.ts'
import { expectSound } from './trees.ts'

const registry = wholeRegistry()
const RAW = 101
const frame = (bytes: Uint8Array, number = 1) => ({
  number,
  atMs: 0,
  linkType: RAW,
  bytes,
  wireBytes: bytes.length,
})

/** An IPv4 packet; the checksum is nobody's business here. `fragment`: flags and offset. */
function ipv4(protocol: number, payload: Uint8Array, fragment = 0): Uint8Array {
  const header = fromHex(`4500000000010000400000000a0000010a000002`)
  const view = new DataView(header.buffer)
  view.setUint16(2, 20 + payload.length)
  view.setUint16(6, fragment)
  header[9] = protocol
  return concat(header, payload)
}
function udp(port: number, payload: Uint8Array): Uint8Array {
  const header = new Uint8Array(8)
  const view = new DataView(header.buffer)
  view.setUint16(0, port)
  view.setUint16(2, port)
  view.setUint16(4, 8 + payload.length)
  return concat(header, payload)
}
const ESP = 50
const UDP = 17
const request = vector('ikev2/ike-sa-init-req.bin')
const one = (bytes: Uint8Array) => new Decoder(registry, NO_KEYS).frame(frame(bytes))

describe('packets', () => {
  test('RFC 3948 §2: on port 4500 a marker tells IKE from ESP, and one octet is a keepalive', () => {
    expect(one(ipv4(UDP, udp(500, request))).kind).toBe('ike')
    expect(one(ipv4(UDP, udp(4500, concat(new Uint8Array(4), request)))).kind).toBe('ike')
    expect(one(ipv4(UDP, udp(4500, fromHex('0000010000000001ffff')))).kind).toBe('esp')
    expect(one(ipv4(UDP, udp(4500, fromHex('ff')))).kind).toBe('keepalive')
  })

  test('RFC 791 §3.2: a message in fragments is read with the last of them, in any order', () => {
    const whole = udp(500, request)
    const decoder = new Decoder(registry, NO_KEYS)
    const last = decoder.frame(frame(ipv4(UDP, whole.subarray(160), 160 / 8), 1))
    const first = decoder.frame(frame(ipv4(UDP, whole.subarray(0, 160), 0x2000), 2))
    expect(last.kind).toBe('other')
    expect(summaryOf(first)).toMatch(/^IKE_SA_INIT request 0: Security Association/)
    expectSound(first.tree)
  })

  test('a fragment of IKEv1 that waits for others keeps its own octets, not the packet it came in', async () => {
    const decoder = new Decoder(registry, NO_KEYS)
    const came = (): WeakRef<ArrayBufferLike> => {
      // HDR, then a fragment of one octet: message 1, number 1, not the last.
      const message = fromHex(`${'01'.repeat(8)}${'02'.repeat(8)}841002000000000000000025000000090001010000`)
      const packet = ipv4(UDP, udp(500, message))
      const { tree } = decoder.frame(frame(packet))
      expect(remarksOf(tree.root).map(({ text }) => text)).toEqual(['part 1 of message 1'])
      return new WeakRef(packet.buffer)
    }
    const packet = came()
    await new Promise((soon) => setImmediate(soon))
    setFlagsFromString('--expose-gc')
    runInNewContext('gc')()
    expect(packet.deref()).toBeUndefined()
    // The decoder is still in use.
    decoder.frame(frame(ipv4(UDP, udp(500, request))))
  })

  test('RFC 4303 §3.4: ESP is opened with a key, and refused with another', () => {
    const key = '11'.repeat(20)
    const suite = createSuite(registry, {
      spi: asEspSpi(0x1234),
      encryption: { id: 20, keyBits: 128 },
      encryptionKey: new Secret(fromHex(key)),
      esn: false,
    })
    const inner = ipv4(1, fromHex('0800000000000000'))
    const header = encodeEspHeader(asEspSpi(0x1234), 7n)
    const iv = fromHex('0000000000000007')
    const packet = concat(
      header,
      iv,
      suite.protect(header, undefined, iv, encodeEspContent({ payload: inner, nextHeader: 4 }, 4)),
    )
    const with_ = (hex: string) => {
      const table = readKeyTable(`"IPv4","*","10.0.0.2","0x1234","AES-GCM [RFC4106]","0x${hex}","NULL",""`)
      if (!table.ok) throw new Error(table.problem)
      return new Decoder(registry, table.keys).frame(frame(ipv4(ESP, packet)))
    }
    const opened = with_(key)
    expect(fieldsOf(opened)).toMatchObject({
      'esp.spi': '0x00001234',
      'esp.sequence': '7',
      'ip.src': ['10.0.0.1', '10.0.0.1'],
      'icmp.type': '8',
    })
    expectSound(opened.tree)
    expect(remarksOf(with_('22'.repeat(20)).tree.root).map(({ kind }) => kind)).toEqual(['wrongKey'])
    expect(remarksOf(with_('22').tree.root).map(({ kind }) => kind)).toEqual(['wrongKey'])
  })

  test('RFC 4302 §2: AH around ESP', () => {
    const ah = fromHex(`32040000000000990000000501020304050607080900010a`)
    const packet = one(ipv4(51, concat(ah, fromHex('000001000000000a0102030405060708'))))
    expect(fieldsOf(packet)).toMatchObject({
      'ah.spi': '0x00000099',
      'ah.sequence': '5',
      'esp.spi': '0x00000100',
    })
    expect(summaryOf(packet)).toBe('AH 0x00000099 5, ESP 0x00000100 10')
  })

  test('of what the capture cut off, that is said', () => {
    const { tree } = new Decoder(registry, NO_KEYS).frame({
      ...frame(ipv4(UDP, udp(500, request))),
      wireBytes: 5_000,
    })
    expect(remarksOf(tree.root)[0]!.text).toMatch(/^the capture kept \d+ of 5000 octets$/)
  })

  test('whatever comes, a sound tree comes back, and what is remembered has a bound', () => {
    const decoder = new Decoder(registry, NO_KEYS)
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 120 }),
      fc
        .tuple(fc.constantFrom(1, 4, UDP, 41, ESP, 51), fc.uint8Array({ maxLength: 120 }), fc.nat(0xffff))
        .map(([protocol, payload, fragment]) => ipv4(protocol, payload, fragment)),
      fc.uint8Array({ minLength: 1, maxLength: 200 }).map((message) => ipv4(UDP, udp(500, message))),
      fc
        .uint8Array({ maxLength: 100 })
        .map((rest) => concat(fromHex('6000000000643240'), new Uint8Array(32), rest)),
    )
    fc.assert(
      fc.property(bytes, fc.constantFrom(0, 1, 12, RAW, 113, 276, 147), (octets, linkType) => {
        expectSound(decoder.frame({ ...frame(octets), linkType }).tree)
      }),
      { numRuns: 1_000 },
    )
  })
})

test("a packet as JSON has Wireshark's names; what stands there twice is a list", () => {
  const fields = fieldsOf(one(ipv4(UDP, udp(500, request))))
  expect(fields).toMatchObject({
    'frame.number': '1',
    'ip.src': '10.0.0.1',
    'udp.dstport': '500',
    'isakmp.exchangetype': '34',
    'isakmp.ispi': toHex(request.subarray(0, 8)),
  })
  expect(fields['isakmp.typepayload']).toBeInstanceOf(Array)
})
