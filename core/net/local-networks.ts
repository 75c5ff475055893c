import { networkInterfaces } from 'node:os'
import { networkText, parseCidr } from './cidr.ts'

/** Our own devices, and those of other tunnels: what lies behind them is not the local network. */
const TUNNEL = /^(culvert|tun|tap|wg|ppp|ipsec)\d/

/** The networks this computer is directly attached to, CIDR, without loopback, link-local addresses and tunnels. */
export function localNetworks(interfaces = networkInterfaces()): readonly string[] {
  const networks = Object.entries(interfaces)
    .filter(([name]) => !TUNNEL.test(name))
    .flatMap(([, addresses]) => addresses ?? [])
    .flatMap(({ cidr, internal }) => (internal || cidr === null || cidr.startsWith('fe80:') ? [] : [cidr]))
    .map((cidr) => networkText(parseCidr(cidr)))
    // A link of one host has no neighbours; and a prefix of 0 would be everything.
    .filter((network) => !/\/(0|32|128)$/.test(network))
  return [...new Set(networks)]
}
