import { describe, expect, test } from 'vitest'
import { fromHex, utf8 } from '../../../core/bytes/octets.ts'
import { ConfigurationAttribute as A } from '../../../core/iana/ikev1.ts'
import { readConfiguration } from '../../../core/ike/v1/configuration.ts'
import { networkText, readUnity, unityReply, unityRequest } from '../../../core/ike/v1/unity.ts'

const text = ({ id }: { id: number }, value: string) => ({ type: id, bytes: utf8(value) })
const octets = ({ id }: { id: number }, hex: string) => ({ type: id, bytes: fromHex(hex) })

describe("what Cisco's gateways add to Mode Config", () => {
  test('networks of fourteen octets; the last one may end after its mask', () => {
    const { include, exclude } = readUnity([
      octets(A.UNITY_SPLIT_INCLUDE, '0a4d0000ffffff00000000000000c0a80100ffffff00'),
      octets(A.UNITY_LOCAL_LAN, 'c0a80000ffff0000000000000000'),
    ])
    expect(include.map(networkText)).toEqual(['10.77.0.0/24', '192.168.1.0/24'])
    expect(exclude.map(networkText)).toEqual(['192.168.0.0/16'])
  })

  test('they and the names become routes and split DNS', () => {
    const configuration = readConfiguration([
      octets(A.INTERNAL_IP4_ADDRESS, '0a4e0005'),
      octets(A.UNITY_SPLIT_INCLUDE, '0a4d0000ffffff00000000000000'),
      text(A.UNITY_SPLIT_DNS, 'corp.example,lab.example'),
      text(A.UNITY_DEF_DOMAIN, 'corp.example'),
    ])
    expect(configuration).toEqual({
      addresses: ['10.78.0.5/32'],
      dnsServers: [],
      subnets: ['10.77.0.0/24'],
      dnsDomains: ['corp.example', 'lab.example'],
      searchDomains: ['corp.example'],
    })
  })

  test('banner, group, other gateways, and whether the password may be kept', () => {
    expect(
      readUnity([
        text(A.UNITY_BANNER, 'Authorized\u001b[2J users\u0007 only\n'),
        { type: A.UNITY_PFS.id, value: 14 },
        text(A.UNITY_BACKUP_SERVERS, '192.0.2.9 vpn2.example.org'),
        { type: A.UNITY_SAVE_PASSWD.id, value: 0 },
      ]),
    ).toMatchObject({
      banner: 'Authorized [2J users  only',
      pfsGroup: 14,
      backupServers: ['192.0.2.9', 'vpn2.example.org'],
      savePassword: false,
    })
  })

  test.each([
    'corp.example; rm -rf /',
    '$(reboot).example',
    'corp.example\nnameserver 203.0.113.1',
    '-option.example',
    `${'a'.repeat(64)}.example`,
    '../../etc/hosts',
  ])('a domain with more in it than a domain, %j, is not believed', (value) => {
    const { searchDomains = [], dnsDomains } = readConfiguration([
      text(A.UNITY_DEF_DOMAIN, value),
      text(A.UNITY_SPLIT_DNS, value),
    ])
    const allowed = new Set(['corp.example', 'rm', 'nameserver', '203.0.113.1', '-rf'])
    for (const domain of [...searchDomains, ...dnsDomains]) {
      expect(domain).toMatch(/^[a-z0-9][a-z0-9.-]*$/)
      expect(allowed.has(domain)).toBe(true)
    }
  })

  test('lists without end and text without end are cut', () => {
    const many = 'a.example,'.repeat(10_000)
    const { splitDns, banner, include } = readUnity([
      text(A.UNITY_SPLIT_DNS, many),
      text(A.UNITY_BANNER, many),
      octets(A.UNITY_SPLIT_INCLUDE, '0a4d0000ffffff00000000000000'.repeat(4_000)),
    ])
    expect([splitDns.length, include.length]).toEqual([256, 256])
    expect(banner?.length).toBeLessThanOrEqual(4_096)
  })

  test('a mask with holes is no network, and octets that are none are passed over', () => {
    const { include } = readUnity([
      octets(A.UNITY_SPLIT_INCLUDE, '0a4d0000ff00ff00000000000000'),
      octets(A.UNITY_SPLIT_INCLUDE, '0a4d00'),
      octets(A.UNITY_SPLIT_INCLUDE, ''),
    ])
    expect(include).toEqual([])
  })
})

test('all of it is asked for by number, and of a gateway of ours only what was asked for comes back', () => {
  const asked = unityRequest()
  expect(asked.map(({ type }) => type)).toEqual([7, 28672, 28673, 28674, 28675, 28676, 28678, 28679, 28681])
  const network = readUnity([octets(A.UNITY_SPLIT_INCLUDE, '0a4d0000ffffff00000000000000')]).include
  const reply = unityReply(asked, network, 'culvert.test')
  expect(readUnity(reply)).toMatchObject({
    domain: 'culvert.test',
    splitDns: ['culvert.test'],
    include: network,
  })
  expect(unityReply([], network, 'culvert.test')).toEqual([])
})
