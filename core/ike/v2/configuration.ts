import { addressBytes, addressText } from '../../bytes/address.ts'
import { concat, NO_OCTETS, utf8 } from '../../bytes/octets.ts'
import {
  decodeResolver,
  decodeResolverDigest,
  type EncryptedResolver,
  encodeResolver,
  encodeResolverDigest,
  type ResolverDigest,
} from '../../wire/ikev2/encrypted-dns.ts'
import type { ConfigurationAttribute, CpPayload, Payload } from '../../wire/ikev2/payload.ts'
import type { Assigned, ConnectionConfig } from '../config.ts'
import type { AssignedConfiguration, AssignedResolver } from '../session.ts'

/** Configuration Payload Attribute Types. RFC 7296 §3.15.1, RFC 8598, RFC 9464 */
export const CP = {
  INTERNAL_IP4_ADDRESS: 1,
  INTERNAL_IP4_DNS: 3,
  INTERNAL_IP6_ADDRESS: 8,
  INTERNAL_IP6_DNS: 10,
  INTERNAL_IP4_SUBNET: 13,
  INTERNAL_IP6_SUBNET: 15,
  INTERNAL_DNS_DOMAIN: 25,
  ENCDNS_IP4: 27,
  ENCDNS_IP6: 28,
  ENCDNS_DIGEST_INFO: 29,
} as const

/** To whom nothing is assigned, as to a responder. */
export const NOTHING_ASSIGNED: AssignedConfiguration = {
  addresses: [],
  dnsServers: [],
  subnets: [],
  dnsDomains: [],
}

const CFG_REQUEST = 1
const CFG_REPLY = 2

/**
 * CFG_REQUEST for addresses, DNS servers with the domains they are for, and networks of the wanted families. Digests of
 * certificates are not asked for: who resolves names here compares none. RFC 7296 §2.19, §3.15.1, RFC 8598 §3.1, RFC 9464 §4
 */
export function configurationRequest(want: ConnectionConfig['requestAddresses']): Payload {
  const types = [
    ...(want.ipv4
      ? [CP.INTERNAL_IP4_ADDRESS, CP.INTERNAL_IP4_DNS, CP.INTERNAL_IP4_SUBNET, CP.ENCDNS_IP4]
      : []),
    ...(want.ipv6
      ? [CP.INTERNAL_IP6_ADDRESS, CP.INTERNAL_IP6_DNS, CP.INTERNAL_IP6_SUBNET, CP.ENCDNS_IP6]
      : []),
    CP.INTERNAL_DNS_DOMAIN,
  ]
  const had = (want.preferred ?? []).map((cidr) => cidr.split('/')[0]!)
  const value = (type: number): Uint8Array => {
    const ipv6 = type === CP.INTERNAL_IP6_ADDRESS
    const address = had.find((a) => a.includes(':') === ipv6)
    if (address === undefined || (type !== CP.INTERNAL_IP4_ADDRESS && !ipv6)) return NO_OCTETS
    return ipv6 ? concat(addressBytes(address), Uint8Array.of(128)) : addressBytes(address)
  }
  return { type: 'CP', cfgType: CFG_REQUEST, attributes: types.map((type) => ({ type, value: value(type) })) }
}

/** The peer asks; what else a configuration payload could be for is nobody's business here. */
export const isRequest = (cp: CpPayload | undefined): cp is CpPayload => cp?.cfgType === CFG_REQUEST

/** CFG_REPLY with what of `assigns` was asked for; `undefined` when nothing was asked. RFC 7296 §2.19 */
export function configurationReply(
  request: CpPayload | undefined,
  assigns: Assigned,
): { readonly payload: Payload; readonly addresses: readonly string[] } | undefined {
  if (!isRequest(request)) return undefined
  const asked = (type: number): boolean => request.attributes.some((a) => a.type === type)
  const addresses = assigns.addresses
    .map((cidr) => cidr.split('/')[0]!)
    .filter((a) => asked(a.includes(':') ? CP.INTERNAL_IP6_ADDRESS : CP.INTERNAL_IP4_ADDRESS))
  const dns = assigns.dnsServers.filter((a) =>
    asked(a.includes(':') ? CP.INTERNAL_IP6_DNS : CP.INTERNAL_IP4_DNS),
  )
  const resolvers = (assigns.encryptedDns ?? []).filter((resolver) => asked(resolverType(resolver)))
  const attributes = [
    ...addresses.map((a) =>
      a.includes(':')
        ? { type: CP.INTERNAL_IP6_ADDRESS, value: concat(addressBytes(a), Uint8Array.of(128)) }
        : { type: CP.INTERNAL_IP4_ADDRESS, value: addressBytes(a) },
    ),
    ...dns.map((a) => ({
      type: a.includes(':') ? CP.INTERNAL_IP6_DNS : CP.INTERNAL_IP4_DNS,
      value: addressBytes(a),
    })),
    ...resolvers.flatMap((resolver) => resolverAttributes(resolver, resolvers.length > 1)),
    ...(dns.length + resolvers.length > 0 && asked(CP.INTERNAL_DNS_DOMAIN)
      ? (assigns.dnsDomains ?? [])
      : []
    ).map((domain) => ({ type: CP.INTERNAL_DNS_DOMAIN, value: utf8(domain) })),
  ]
  return { payload: { type: 'CP', cfgType: CFG_REPLY, attributes }, addresses }
}

const resolverType = ({ addresses }: AssignedResolver): number =>
  addresses.some((a) => a.includes(':')) ? CP.ENCDNS_IP6 : CP.ENCDNS_IP4

/** `several`: a digest says whose it is. RFC 9464 §3.2 */
const resolverAttributes = (
  resolver: AssignedResolver,
  several: boolean,
): readonly ConfigurationAttribute[] => [
  { type: resolverType(resolver), value: encodeResolver(resolver) },
  ...(resolver.digest === undefined
    ? []
    : [
        {
          type: CP.ENCDNS_DIGEST_INFO,
          value: encodeResolverDigest({ ...resolver.digest, ...(several ? { name: resolver.name } : {}) }),
        },
      ]),
]

/** What a CFG_REPLY gives us; attributes of a wrong length and unknown ones are passed over. RFC 7296 §3.15.1 */
export function readConfiguration(cp: CpPayload | undefined): AssignedConfiguration {
  const addresses: string[] = []
  const dnsServers: string[] = []
  const subnets: string[] = []
  const dnsDomains: string[] = []
  const resolvers: EncryptedResolver[] = []
  const digests: ResolverDigest[] = []
  for (const { type, value } of cp?.cfgType === CFG_REPLY ? cp.attributes : []) {
    if (type === CP.INTERNAL_IP4_ADDRESS && value.length === 4) addresses.push(`${addressText(value)}/32`)
    // The prefix length tells the link; the address alone is ours.
    else if (type === CP.INTERNAL_IP6_ADDRESS && (value.length === 17 || value.length === 16))
      addresses.push(`${addressText(value.subarray(0, 16))}/128`)
    else if (type === CP.INTERNAL_IP4_DNS && value.length === 4) dnsServers.push(addressText(value))
    else if (type === CP.INTERNAL_IP6_DNS && value.length === 16) dnsServers.push(addressText(value))
    else if (type === CP.INTERNAL_IP4_SUBNET && value.length === 8) {
      const bits = maskBits(value.subarray(4))
      if (bits !== undefined) subnets.push(`${addressText(value.subarray(0, 4))}/${bits}`)
    } else if (type === CP.INTERNAL_IP6_SUBNET && value.length === 17 && value[16]! <= 128) {
      subnets.push(`${addressText(value.subarray(0, 16))}/${value[16]}`)
    } else if (type === CP.INTERNAL_DNS_DOMAIN) {
      const domain = Buffer.from(value).toString('latin1')
      if (/^[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*\.?$/.test(domain) && domain.length <= 254)
        dnsDomains.push(domain)
    } else if (type === CP.ENCDNS_IP4 || type === CP.ENCDNS_IP6) {
      const resolver = decodeResolver(value, type === CP.ENCDNS_IP4 ? 4 : 16)
      if (resolver !== undefined) resolvers.push(resolver)
    } else if (type === CP.ENCDNS_DIGEST_INFO) {
      const digest = decodeResolverDigest(value)
      if (digest !== undefined) digests.push(digest)
    }
  }
  const encryptedDns = inOrder(resolvers, digests)
  // Domains without a server to ask for them mean nothing. RFC 8598 §3.2, RFC 9464 §4
  const served = dnsServers.length + encryptedDns.length > 0
  const domains = served ? [...new Set(dnsDomains.map(withoutRoot))] : []
  return {
    addresses,
    dnsServers,
    subnets,
    dnsDomains: domains.slice(0, MOST_DOMAINS),
    ...(encryptedDns.length === 0 ? {} : { encryptedDns }),
  }
}

/** The most wanted first, each once, with the digest that is of its name or of the only one. RFC 9464 §3.2, §4 */
function inOrder(
  resolvers: readonly EncryptedResolver[],
  digests: readonly ResolverDigest[],
): readonly AssignedResolver[] {
  const unlike = new Map(resolvers.map((resolver) => [JSON.stringify(resolver), resolver] as const))
  return [...unlike.values()]
    .sort((a, b) => a.priority - b.priority)
    .slice(0, MOST_RESOLVERS)
    .map((resolver) => {
      const digest = digests.find(({ name }) => name === undefined || name === resolver.name)
      return digest === undefined ? resolver : { ...resolver, digest }
    })
}

/** Ours: as many encrypted name servers of one gateway as plain ones. */
const MOST_RESOLVERS = 8
/** Ours: domains of one gateway that are kept. */
const MOST_DOMAINS = 64

const withoutRoot = (domain: string): string => domain.replace(/\.$/, '').toLowerCase()

function maskBits(mask: Uint8Array): number | undefined {
  const bits = mask.reduce((sum, octet) => sum + octet.toString(2).replaceAll('0', '').length, 0)
  const value = new DataView(mask.buffer, mask.byteOffset, 4).getUint32(0)
  return value === (bits === 0 ? 0 : (0xffff_ffff << (32 - bits)) >>> 0) ? bits : undefined
}
