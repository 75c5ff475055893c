import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { asEspSpi } from '../../core/bytes/brands.ts'
import { concat, fromHex, toHex } from '../../core/bytes/octets.ts'
import { Secret } from '../../core/bytes/secret.ts'
import type { EspSa } from '../../core/esp/engine.ts'
import { open } from '../../core/esp/open.ts'
import { ReplayWindow } from '../../core/esp/replay-window.ts'
import { parseInner } from '../../core/esp/selectors.ts'
import { createSuite, type EspSuite } from '../../core/esp/suite.ts'
import { classifyPort4500 } from '../../core/esp/udp-encapsulation.ts'
import { decodeEsp, decodeEspContent, encodeEspContent } from '../../core/wire/esp.ts'
import { frames, ipOf } from '../support/captures.ts'
import { espRegistry, NO_ICV } from '../support/esp-registry.ts'
import { extraFile, extraJson } from '../support/extra-vectors.ts'

/** `dpdk/esp-ah-packets.json`: whole packets before and after, BSD-3-Clause. */
interface DpdkCase {
  readonly key?: string
  readonly salt?: string
  readonly auth_key?: string
  readonly iv?: string
  readonly proto: string
  readonly algos: readonly string[]
  readonly input_text: string
  readonly output_text: string
}

const ENCRYPTION: Readonly<Record<string, number>> = {
  AEAD_AES_GCM: 20,
  AEAD_AES_CCM: 16,
  CIPHER_AES_CBC: 12,
  CIPHER_3DES_CBC: 3,
  CIPHER_AES_CTR: 13,
  CIPHER_NULL: 11,
}
const INTEGRITY: Readonly<Record<string, number>> = {
  AUTH_MD5_HMAC: 1,
  AUTH_AES_XCBC_MAC: 5,
  AUTH_SHA256_HMAC: 12,
  AUTH_SHA512_HMAC: 14,
}

function saOf(encryption: number, key: string, salt: string, integrity?: number, icvKey = ''): EspSa {
  return {
    spi: asEspSpi(256), // some captures use reserved SPIs; the header is taken from the packet instead
    encryption: { id: encryption, keyBits: key.length * 4 },
    encryptionKey: new Secret(fromHex(key + salt)),
    ...(integrity === undefined ? {} : { integrity, integrityKey: new Secret(fromHex(icvKey)) }),
    esn: false,
  }
}

function dpdkSuite(vector: DpdkCase): EspSuite {
  const encryption = ENCRYPTION[vector.algos[0]!]
  if (encryption === undefined) throw new Error(`no row for ${vector.algos[0]}`)
  const integrity = vector.algos[1] === undefined ? undefined : INTEGRITY[vector.algos[1]]
  return createSuite(
    espRegistry,
    saOf(encryption, vector.key ?? '', vector.salt ?? '', integrity, vector.auth_key),
  )
}

describe('packets of another implementation', () => {
  const all = extraJson<Record<string, DpdkCase>>('captures/dpdk/esp-ah-packets.json')
  const esp = Object.entries(all)
    .filter(([, vector]) => vector.proto === 'SA_PROTO_ESP')
    .map(([name, vector]) => {
      const outer = fromHex(vector.output_text)
      const version = outer[0]! >> 4
      return { name, vector, packet: outer.subarray(version === 4 ? 20 : 40) }
    })

  test('all ten are here', () => {
    expect(esp).toHaveLength(10)
  })

  test.each(esp)('RFC 4303 §3.4: $name opens to its plain packet', ({ vector, packet }) => {
    const suite = dpdkSuite(vector)
    const iv = packet.subarray(8, 8 + suite.ivBytes)
    expect(toHex(iv)).toBe(vector.iv ?? '')
    const sealed = packet.subarray(8 + suite.ivBytes)
    const plaintext = suite.unprotect(packet.subarray(0, 8), undefined, iv, sealed)
    if (plaintext === undefined) throw new Error('the ICV is wrong')
    const content = decodeEspContent(plaintext)
    if (!content.ok) throw content.error
    expect(toHex(content.value.payload)).toBe(vector.input_text)
    expect(parseInner(content.value.payload)?.version).toBe(content.value.nextHeader === 4 ? 4 : 6)
  })

  test.each(esp)('RFC 4303 §3.3: $name is sealed octet for octet', ({ vector, packet }) => {
    const suite = dpdkSuite(vector)
    const header = packet.subarray(0, 8)
    const payload = fromHex(vector.input_text)
    const iv = fromHex(vector.iv ?? '')
    const nextHeader = payload[0]! >> 4 === 4 ? 4 : 41
    const plaintext = encodeEspContent({ payload, nextHeader }, suite.blockBytes)
    expect(toHex(concat(header, iv, suite.protect(header, undefined, iv, plaintext)))).toBe(toHex(packet))
  })
})

type Facts = Record<string, readonly Record<string, string>[]>
const facts = extraJson<Facts>('captures/facts.json')

describe('captures with keys', () => {
  interface Key {
    readonly file: string
    readonly key: string
    readonly icv_octets: number
  }
  const keys = extraJson<readonly (Key | { readonly file: string; readonly keys: string })[]>(
    'captures/tcpdump/esp-keys.json',
  ).filter((row): row is Key => 'key' in row)

  test.each(keys)('RFC 2451 §2: $file, whose ICV key is not known', ({ file, key, icv_octets }) => {
    const suite = createSuite(espRegistry, saOf(3, key, '', NO_ICV))
    const window = new ReplayWindow(64)
    const seen = frames(extraFile(`captures/tcpdump/${file}`)).map((frame) => {
      const outer = ipOf(frame)
      const carried = outer.subarray(20)
      const over = outer[9] === 17 ? classifyPort4500(carried.subarray(8)) : undefined
      if (over !== undefined && over.kind !== 'esp') throw new Error(`not ESP but ${over.kind}`)
      const packet = decodeEsp((over?.packet ?? carried).subarray(0, -icv_octets))
      if (!packet.ok) throw packet.error
      const opened = open(suite, window, false, packet.value)
      if (!opened.ok) throw new Error(opened.fault)
      const inner = parseInner(opened.content.payload)!
      return [
        opened.sequence,
        opened.content.nextHeader,
        inner.source.join('.'),
        inner.destination.join('.'),
        inner.protocol,
        inner.ports?.source,
      ]
    })
    const told = facts[`tcpdump/${file}`]!.map((row) => [
      BigInt(row['esp.sequence']!),
      4,
      row['ip.src']!.split(';')[1],
      row['ip.dst']!.split(';')[1],
      1,
      Number(row['icmp.type']) << 8,
    ])
    expect(told.length).toBeGreaterThan(4)
    expect(seen).toEqual(told)
  })

  interface KeyedSa {
    readonly spi: string
    readonly key: string
    readonly ikey: string
  }
  const bug12671 = 'esp-bug-12671.pcapng.gz'
  const { sas } = extraJson<Record<typeof bug12671, { readonly sas: readonly KeyedSa[] }>>(
    'captures/wireshark/keys.json',
  )[bug12671]

  test(`RFC 4303 §3.4: ${bug12671}, both directions, every ICV verified`, () => {
    const ends = new Map(
      sas.map(({ spi, key, ikey }) => [
        Number.parseInt(spi, 16),
        { suite: createSuite(espRegistry, saOf(12, key, '', 2, ikey)), window: new ReplayWindow(64) },
      ]),
    )
    const seen = frames(gunzipSync(extraFile(`captures/wireshark/${bug12671}`))).map((frame) => {
      const packet = decodeEsp(ipOf(frame).subarray(20))
      if (!packet.ok) throw packet.error
      const { suite, window } = ends.get(packet.value.spi)!
      const opened = open(suite, window, false, packet.value)
      if (!opened.ok) throw new Error(opened.fault)
      const inner = parseInner(opened.content.payload)!
      return [packet.value.spi, opened.sequence, inner.source.join('.'), inner.ports?.source]
    })
    const told = facts[`wireshark/${bug12671}`]!.map((row) => [
      Number(row['esp.spi']),
      BigInt(row['esp.sequence']!),
      row['ip.src']!.split(';')[1],
      Number(row['icmp.type']) << 8,
    ])
    expect(told.length).toBeGreaterThan(4)
    expect(seen).toEqual(told)
  })
})
