import { describe, expect, test } from 'vitest'
import { fromHex, toHex, utf8 } from '../../core/bytes/octets.ts'
import type { AssignedResolver } from '../../core/ike/session.ts'
import {
  configurationReply,
  configurationRequest,
  readConfiguration,
} from '../../core/ike/v2/configuration.ts'
import {
  decodeResolver,
  decodeResolverDigest,
  encodeResolver,
  encodeResolverDigest,
} from '../../core/wire/ikev2/encrypted-dns.ts'
import type { CpPayload } from '../../core/wire/ikev2/payload.ts'
import { connected } from '../support/two-peers.ts'

const RESOLVER = {
  priority: 1,
  addresses: ['10.77.0.53', '10.77.0.54'],
  name: 'dns.corp.example',
  alpn: ['dot', 'h2'],
  port: 8853,
  path: '/dns-query{?dns}',
} as const

/** As RFC 9464 §3.1 and RFC 9460 §2.2 lay it out: priority, counts, addresses, name, alpn, port, dohpath. */
const WIRE = [
  '0001 02 10',
  '0a4d0035 0a4d0036',
  toHex(utf8('dns.corp.example')),
  '0001 0007 03 646f74 02 6832',
  '0003 0002 2295',
  '0007 0010',
  toHex(utf8('/dns-query{?dns}')),
]
  .join('')
  .replaceAll(' ', '')

/** The fixed part and a name, then these parameters. */
const withParameters = (hex: string) =>
  decodeResolver(fromHex(`0001 01 05 0a4d0035 612e6578 6d ${hex}`.replaceAll(' ', '')), 4)

describe('RFC 9464 §3.1: ENCDNS_IP4 and ENCDNS_IP6', () => {
  test('decode', () => expect(decodeResolver(fromHex(WIRE), 4)).toEqual(RESOLVER))
  test('encode', () => expect(toHex(encodeResolver(RESOLVER))).toBe(WIRE))

  test('round trip with addresses of IPv6, and nothing said of the port', () => {
    const six = { priority: 2, addresses: ['fd77::53'], name: 'dns.corp.example', alpn: ['dot'] }
    expect(decodeResolver(encodeResolver(six), 16)).toEqual(six)
  })

  test('too short, wherever it ends', () => {
    const whole = fromHex(WIRE)
    for (let end = 0; end < whole.length; end++) {
      const found = decodeResolver(whole.subarray(0, end), 4)
      // Parameters are optional: an attribute that ends before one of them is whole.
      if (found !== undefined) expect([28, 39, 45]).toContain(end)
    }
  })

  test('a priority of 0 (AliasMode), no address and no name are not for an answer', () => {
    expect(decodeResolver(encodeResolver({ ...RESOLVER, priority: 0 }), 4)).toBeUndefined()
    expect(decodeResolver(encodeResolver({ ...RESOLVER, addresses: [] }), 4)).toBeUndefined()
    expect(decodeResolver(encodeResolver({ ...RESOLVER, name: '' }), 4)).toBeUndefined()
  })

  test('a name is a name: no terminators, no options for whoever reads it next', () => {
    for (const name of ['-a', 'a.-b', 'a\u0000', 'a\r', 'a b', '-x#y', 'a..b', `${'a'.repeat(64)}.example`])
      expect(decodeResolver(encodeResolver({ ...RESOLVER, name }), 4), name).toBeUndefined()
  })

  test('hints are superseded by the addresses and must not be there', () => {
    expect(withParameters('0001 0004 03646f74')).toMatchObject({ alpn: ['dot'] })
    expect(withParameters('0004 0004 c0000201')).toBeUndefined()
    expect(withParameters('0006 0010 20010db8000000000000000000000001')).toBeUndefined()
  })

  test('RFC 9460 §2.2, §8: keys ascend; what is mandatory must be known, what is not is passed over', () => {
    expect(withParameters('0003 0002 0355 0001 0004 03646f74')).toBeUndefined()
    expect(withParameters('0003 0002 0355 0003 0002 0355')).toBeUndefined()
    expect(withParameters('0000 0002 0001 0001 0004 03646f74')).toMatchObject({ alpn: ['dot'] })
    expect(withParameters('0000 0002 ff00 ff00 0000')).toBeUndefined()
    expect(withParameters('ff00 0001 00')).toMatchObject({ name: 'a.exm', alpn: [] })
    expect(withParameters('0001 0004 09646f74')).toBeUndefined()
    expect(withParameters('0003 0002 0000')).toBeUndefined()
  })
})

describe('RFC 9464 §3.2: ENCDNS_DIGEST_INFO', () => {
  const digest = { name: 'dns.corp.example', hash: 2, digest: new Uint8Array(32).fill(7) }

  test('round trip, with a name and without', () => {
    expect(decodeResolverDigest(encodeResolverDigest(digest))).toEqual(digest)
    const unnamed = { hash: 2, digest: digest.digest }
    expect(decodeResolverDigest(encodeResolverDigest(unnamed))).toEqual(unnamed)
  })

  test('an answer names one algorithm, and has a digest', () => {
    const bytes = encodeResolverDigest(digest)
    expect(decodeResolverDigest(bytes.subarray(0, 20))).toBeUndefined()
    bytes[0] = 2
    expect(decodeResolverDigest(bytes)).toBeUndefined()
  })
})

describe('RFC 9464 §4: name servers that are asked through TLS', () => {
  const PLAIN: AssignedResolver = {
    priority: 20,
    addresses: ['10.77.0.53'],
    name: 'b.example',
    alpn: ['dot'],
  }
  const FIRST: AssignedResolver = { ...PLAIN, priority: 3, name: 'a.example' }
  const gateway = (encryptedDns: readonly AssignedResolver[], more = {}) => ({
    gateway: { assigns: { addresses: ['10.8.0.2/32'], dnsServers: ['10.77.0.1'], encryptedDns, ...more } },
  })

  test('they are asked for with empty attributes of the families wanted, and no digest is', () => {
    const request = configurationRequest({ ipv4: true, ipv6: false }) as CpPayload
    expect(request.attributes.filter(({ type }) => type >= 27)).toEqual([
      { type: 27, value: new Uint8Array(0) },
    ])
    const both = configurationRequest({ ipv4: true, ipv6: true }) as CpPayload
    expect(both.attributes.map(({ type }) => type).filter((type) => type >= 27)).toEqual([27, 28])
  })

  test('the client gets them in the order of their priority', () => {
    const { client } = connected(gateway([PLAIN, FIRST]))
    expect(client.configuration?.encryptedDns).toEqual([FIRST, PLAIN])
  })

  test('who does not ask is told of none', () => {
    const silent: CpPayload = { type: 'CP', cfgType: 1, attributes: [{ type: 1, value: new Uint8Array(0) }] }
    const answer = configurationReply(silent, {
      addresses: ['10.8.0.2/32'],
      dnsServers: [],
      encryptedDns: [PLAIN],
    })
    expect((answer!.payload as CpPayload).attributes.map(({ type }) => type)).toEqual([1])
  })

  test('bitwise duplicates count once, and of a thousand eight are kept', () => {
    const attribute = (resolver: AssignedResolver) => ({ type: 27, value: encodeResolver(resolver) })
    const reply = (list: readonly AssignedResolver[]): CpPayload => ({
      type: 'CP',
      cfgType: 2,
      attributes: list.map(attribute),
    })
    expect(readConfiguration(reply([PLAIN, PLAIN])).encryptedDns).toEqual([PLAIN])
    const many = Array.from({ length: 1000 }, (_, at) => ({ ...PLAIN, priority: at + 1 }))
    expect(readConfiguration(reply(many)).encryptedDns).toHaveLength(8)
  })

  test('a digest belongs to the resolver of its name, or to the only one', () => {
    const digest = { hash: 2, digest: new Uint8Array(32).fill(9) }
    const [a, b] = connected(gateway([{ ...FIRST, digest }, PLAIN])).client.configuration?.encryptedDns ?? []
    expect(a?.digest).toEqual({ ...digest, name: 'a.example' })
    expect(b?.digest).toBeUndefined()
    const [only] = connected(gateway([{ ...PLAIN, digest }])).client.configuration?.encryptedDns ?? []
    expect(only?.digest).toEqual(digest)
  })

  test('INTERNAL_DNS_DOMAIN may come beside them alone', () => {
    const { client } = connected(gateway([PLAIN], { dnsServers: [], dnsDomains: ['corp.example'] }))
    expect(client.configuration).toMatchObject({ dnsServers: [], dnsDomains: ['corp.example'] })
  })
})
