import type { NetworkInterfaceInfo } from 'node:os'
import { expect, test } from 'vitest'
import { localNetworks } from '../../core/net/local-networks.ts'

const on = (cidr: string, internal = false): NetworkInterfaceInfo =>
  ({ cidr, internal, family: cidr.includes(':') ? 'IPv6' : 'IPv4' }) as NetworkInterfaceInfo

test('the networks of this computer, without tunnels, loopback and links of one host', () => {
  expect(
    localNetworks({
      eth0: [on('192.168.7.20/24'), on('fd12:3456::20/64'), on('fe80::1/64')],
      wlan0: [on('172.20.1.2/16'), on('192.168.7.30/24'), on('10.9.9.9/32')],
      lo: [on('127.0.0.1/8', true)],
      culvert0: [on('10.78.0.10/24')],
    }),
  ).toEqual(['192.168.7.0/24', 'fd12:3456::/64', '172.20.0.0/16'])
})

test('CVE-2023-36672 (TunnelCrack): a network that gives out addresses of others gets none of the traffic to them', () => {
  const hostile = [
    '142.250.185.78/24',
    '2001:db8::5/32',
    '128.0.0.1/1',
    '172.16.0.1/11',
    '8.8.8.8/0',
    '192.168.0.1/15',
  ]
  expect(localNetworks({ wlan0: [...hostile, '192.168.0.1/16'].map((cidr) => on(cidr)) })).toEqual([
    '192.168.0.0/16',
  ])
})
