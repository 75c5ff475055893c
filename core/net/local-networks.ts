import { networkInterfaces } from 'node:os'
import { equal } from '../bytes/octets.ts'
import { type Cidr, networkText, parseCidr } from './cidr.ts'

/** Our own devices, and those of other tunnels: what lies behind them is not the local network. */
const TUNNEL = /^(culvert|tun|tap|wg|ppp|ipsec)\d/

/**
 * What a network may call its own. Whoever runs a network says which addresses are local: with those of others in it,
 * traffic to them would go around the tunnel (TunnelCrack, CVE-2023-36672). RFC 1918 §3, RFC 3927 §2.1, RFC 4193 §3.1
 */
const PRIVATE = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '169.254.0.0/16', 'fc00::/7'].map(parseCidr)

/** The private networks this computer is directly attached to, CIDR, without loopback, link-local addresses and tunnels. */
export function localNetworks(interfaces = networkInterfaces()): readonly string[] {
  const networks = Object.entries(interfaces)
    .filter(([name]) => !TUNNEL.test(name))
    .flatMap(([, addresses]) => addresses ?? [])
    .flatMap(({ cidr, internal }) => (internal || cidr === null || cidr.startsWith('fe80:') ? [] : [cidr]))
    .map((cidr) => networkText(parseCidr(cidr)))
    // A link of one host has no neighbours; and a prefix of 0 would be everything.
    .filter((network) => !/\/(0|32|128)$/.test(network))
    .filter((network) => PRIVATE.some((range) => isInside(range, parseCidr(network))))
  return [...new Set(networks)]
}

/** Addresses of this computer, numeric, without loopback, link-local ones and those of tunnels. */
export const ownAddresses = (interfaces = networkInterfaces()): readonly string[] =>
  Object.entries(interfaces)
    .filter(([name]) => !TUNNEL.test(name))
    .flatMap(([, addresses]) => addresses ?? [])
    .flatMap(({ address, internal }) => (internal || address.startsWith('fe80:') ? [] : [address]))

const isInside = (outer: Cidr, { octets, bits }: Cidr): boolean =>
  octets.length === outer.octets.length &&
  bits >= outer.bits &&
  equal(parseCidr(networkText({ octets, bits: outer.bits })).octets, outer.octets)
