import { describe, expect, test } from 'vitest'
import { configurationRequest, readConfiguration } from '../../core/ike/v2/configuration.ts'
import type { CpPayload } from '../../core/wire/ikev2/payload.ts'
import { connected } from '../support/two-peers.ts'

const DOMAIN = 25
const reply = (...attributes: [number, string | readonly number[]][]): CpPayload => ({
  type: 'CP',
  cfgType: 2,
  attributes: attributes.map(([type, value]) => ({
    type,
    value: typeof value === 'string' ? new TextEncoder().encode(value) : Uint8Array.from(value),
  })),
})
const SERVER: [number, readonly number[]] = [3, [10, 77, 0, 53]]
const domainsOf = (...attributes: [number, string | readonly number[]][]) =>
  readConfiguration(reply(...attributes)).dnsDomains

describe('RFC 8598: names that are asked inside, and those that are not', () => {
  const gateway = (dnsDomains: readonly string[], dnsServers = ['10.77.0.53']) => ({
    gateway: { assigns: { addresses: ['10.8.0.2/32'], dnsServers, dnsDomains } },
  })

  test('§3.1: an empty INTERNAL_DNS_DOMAIN beside the servers asks for them, and they come', () => {
    const request = configurationRequest({ ipv4: true, ipv6: false }) as CpPayload
    expect(request.attributes.filter(({ type }) => type === DOMAIN)).toEqual([
      { type: DOMAIN, value: new Uint8Array(0) },
    ])
    const { client } = connected(gateway(['corp.example', 'xn--bcher-kva.example']))
    expect(client.configuration?.dnsDomains).toEqual(['corp.example', 'xn--bcher-kva.example'])
  })

  test('§3.2: domains without a server mean nothing', () => {
    expect(connected(gateway(['corp.example'], [])).client.configuration?.dnsDomains).toEqual([])
    expect(domainsOf([DOMAIN, 'corp.example'])).toEqual([])
  })

  test('§3.1: presentation format; what is no name is passed over', () => {
    expect(
      domainsOf(
        SERVER,
        [DOMAIN, 'Corp.Example.'],
        [DOMAIN, 'corp.example'],
        [DOMAIN, 'a b.example'],
        [DOMAIN, 'evil.example\nnameserver 192.0.2.1'],
        [DOMAIN, '\u0004corp\u0007example\u0000'],
        [DOMAIN, `${'a'.repeat(64)}.example`],
        [DOMAIN, ''],
      ),
    ).toEqual(['corp.example'])
  })

  test('a gateway with a thousand of them gets 64 in', () => {
    const many = Array.from({ length: 1000 }, (_, at): [number, string] => [DOMAIN, `d${at}.example`])
    expect(domainsOf(SERVER, ...many)).toHaveLength(64)
  })
})
