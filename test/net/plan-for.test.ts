import { describe, expect, test } from 'vitest'
import { addressBytes } from '../../core/bytes/address.ts'
import { rangeToCidrs } from '../../core/net/cidr.ts'
import { isFullTunnel, planFor } from '../../core/net/plan-for.ts'
import type { TrafficSelector } from '../../core/wire/ikev2/traffic-selector.ts'

const selector = (start: string, end: string): TrafficSelector => ({
  type: start.includes(':') ? 8 : 7,
  protocol: 0,
  startPort: 0,
  endPort: 65535,
  startAddress: addressBytes(start),
  endAddress: addressBytes(end),
})

const EVERYTHING_V4 = selector('0.0.0.0', '255.255.255.255')
const EVERYTHING_V6 = selector('::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff')

const configuration = { addresses: ['10.78.0.10'], dnsServers: [], subnets: [], dnsDomains: [] }
const base = { device: 'culvert0', configuration, local: [], remote: [EVERYTHING_V4] }

describe('ranges of addresses', () => {
  test('RFC 7296 §3.13.1: a range that is a prefix becomes that prefix', () => {
    expect(rangeToCidrs(addressBytes('10.1.0.0'), addressBytes('10.1.255.255'))).toEqual(['10.1.0.0/16'])
    expect(rangeToCidrs(EVERYTHING_V6.startAddress, EVERYTHING_V6.endAddress)).toEqual(['::/0'])
  })

  test('any other range becomes the fewest prefixes that cover exactly it', () => {
    expect(rangeToCidrs(addressBytes('10.0.0.1'), addressBytes('10.0.0.6'))).toEqual([
      '10.0.0.1/32',
      '10.0.0.2/31',
      '10.0.0.4/31',
      '10.0.0.6/32',
    ])
  })

  test('an empty range (start after end) covers nothing', () => {
    expect(rangeToCidrs(addressBytes('10.0.0.2'), addressBytes('10.0.0.1'))).toEqual([])
  })
})

describe('the plan of a tunnel', () => {
  test('RFC 7359 §5: all of IPv4 in the tunnel leaves IPv6 no way around it', () => {
    const plan = planFor(base)
    expect(plan.routes).toEqual(['0.0.0.0/0'])
    expect(plan.unreachable).toEqual(['::/0'])
    expect(isFullTunnel(plan.routes)).toBe(true)
  })

  test('both families in the tunnel: nothing is made unreachable', () => {
    const plan = planFor({
      ...base,
      configuration: { ...configuration, addresses: ['10.78.0.10', 'fd78::10/64'] },
      remote: [EVERYTHING_V4, EVERYTHING_V6],
    })
    expect(plan.routes).toEqual(['0.0.0.0/0', '::/0'])
    expect(plan.unreachable).toEqual([])
    expect(plan.addresses).toEqual(['10.78.0.10/32', 'fd78::10/128'])
  })

  test('IPv6 selectors without an IPv6 address of ours are no way for IPv6: it is kept from leaking', () => {
    const plan = planFor({ ...base, remote: [EVERYTHING_V4, EVERYTHING_V6] })
    expect(plan.routes).toEqual(['0.0.0.0/0'])
    expect(plan.unreachable).toEqual(['::/0'])
  })

  test('two networks: two routes, IPv6 untouched', () => {
    const remote = [selector('10.1.0.0', '10.1.255.255'), selector('10.2.0.0', '10.2.0.255')]
    const plan = planFor({ ...base, remote })
    expect(plan.routes).toEqual(['10.1.0.0/16', '10.2.0.0/24'])
    expect(plan.unreachable).toEqual([])
    expect(isFullTunnel(plan.routes)).toBe(false)
  })

  test('no address assigned: the host our own selector names is the address of the device', () => {
    const local = [selector('192.0.2.7', '192.0.2.7')]
    const plan = planFor({ ...base, configuration: { ...configuration, addresses: [] }, local })
    expect(plan.addresses).toEqual(['192.0.2.7/32'])
  })

  test('RFC 4301 §3.3: with networks on our side the tunnel is for what lies behind this computer, and for itself', () => {
    const plan = planFor({
      ...base,
      configuration: { ...configuration, addresses: [] },
      local: [selector('10.1.0.0', '10.1.0.255'), selector('fd01::', 'fd01::ffff')],
      remote: [selector('10.2.0.0', '10.2.0.255'), selector('fd02::', 'fd02::ffff')],
      own: ['192.0.2.7', '10.1.0.1', '2001:db8::7'],
    })
    expect(plan).toMatchObject({
      addresses: ['10.1.0.1/32'],
      behind: ['10.1.0.0/24', 'fd01::/112'],
      routes: ['10.2.0.0/24', 'fd02::/112'],
    })
  })

  test('an address from the gateway is for this computer alone', () => {
    const local = [selector('10.78.0.10', '10.78.0.10')]
    expect(planFor({ ...base, local, own: ['10.78.0.10'] })).not.toHaveProperty('behind')
  })

  test('choices: MTU, destinations that keep their way, name servers', () => {
    expect(planFor(base).mtu).toBe(1400)
    const plan = planFor({
      ...base,
      remote: [selector('10.1.0.0', '10.1.255.255')],
      configuration: {
        ...configuration,
        dnsServers: ['10.78.0.1', 'nonsense'],
        dnsDomains: ['corp.example'],
      },
      choices: {
        mtu: 1300,
        bypass: ['192.168.1.7/24'],
        dnsServers: ['10.78.0.2'],
        searchDomains: ['a.example'],
      },
    })
    expect(plan.mtu).toBe(1300)
    expect(plan.bypass).toEqual(['192.168.1.0/24'])
    expect(plan.dns).toEqual({
      servers: ['10.78.0.2', '10.78.0.1'],
      search: ['a.example'],
      only: ['corp.example'],
    })
  })

  test('RFC 8598 §5: under a full tunnel no name is asked outside, whatever domains a gateway lists', () => {
    const dns = { ...configuration, dnsServers: ['10.78.0.1'], dnsDomains: ['corp.example'] }
    expect(planFor({ ...base, configuration: dns }).dns?.only).toEqual([])
  })

  test('the machine keeps its name servers when there are none, or when the person says so', () => {
    expect(planFor(base).dns).toBeUndefined()
    const withDns = { ...configuration, dnsServers: ['10.78.0.1'] }
    expect(planFor({ ...base, configuration: withDns, choices: { keepDns: true } }).dns).toBeUndefined()
  })
})

describe('RFC 9464 §4: encrypted name servers', () => {
  const dot = { addresses: ['10.78.0.2', '10.78.0.3'], name: 'dns.corp.example', alpn: ['dot', 'h2'] }
  const withResolvers = (...encryptedDns: readonly object[]) =>
    planFor({
      ...base,
      configuration: {
        ...configuration,
        dnsServers: ['10.78.0.1'],
        encryptedDns: encryptedDns as readonly (typeof dot)[],
      },
    }).dns

  test('those for DNS over TLS go before the plain ones, which stay for who cannot ask them', () => {
    expect(withResolvers(dot)).toMatchObject({
      servers: ['10.78.0.1'],
      encrypted: [
        { address: '10.78.0.2', port: 853, name: 'dns.corp.example' },
        { address: '10.78.0.3', port: 853, name: 'dns.corp.example' },
      ],
    })
    expect(withResolvers({ ...dot, port: 8853 })?.encrypted?.[0]?.port).toBe(8853)
  })

  test('one for HTTPS or QUIC alone, or with a digest that nobody here would compare, is not asked', () => {
    expect(withResolvers({ ...dot, alpn: ['h2', 'doq'] })?.encrypted).toBeUndefined()
    expect(
      withResolvers({ ...dot, digest: { hash: 2, digest: new Uint8Array(32) } })?.encrypted,
    ).toBeUndefined()
  })

  test('an address that is nobody’s is left out, so that the rest of the plan can be', () => {
    const nobody = ['0.0.0.0', '224.0.0.251', '255.255.255.255', '::', 'ff02::fb']
    expect(withResolvers({ ...dot, addresses: [...nobody, '10.78.0.2'] })?.encrypted).toEqual([
      { address: '10.78.0.2', port: 853, name: 'dns.corp.example' },
    ])
    const plain = { ...configuration, dnsServers: [...nobody, '10.78.0.1', 'fd78::1'] }
    expect(planFor({ ...base, configuration: plain }).dns?.servers).toEqual(['10.78.0.1', 'fd78::1'])
    expect(planFor({ ...base, configuration: { ...configuration, dnsServers: nobody } }).dns).toBeUndefined()
  })

  test('they are enough by themselves; name servers of the person come first and alone', () => {
    const only = { ...configuration, encryptedDns: [dot] }
    expect(planFor({ ...base, configuration: only }).dns).toMatchObject({ servers: [], only: [] })
    const choices = { dnsServers: ['192.0.2.9'] }
    expect(planFor({ ...base, configuration: only, choices }).dns?.encrypted).toBeUndefined()
    expect(planFor({ ...base, configuration: only, choices: { keepDns: true } }).dns).toBeUndefined()
  })
})
