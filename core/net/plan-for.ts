import { addressBytes } from '../bytes/address.ts'
import type { TrafficSelector } from '../wire/ikev2/traffic-selector.ts'
import { networkText, parseCidr, rangeToCidrs } from './cidr.ts'
import type { DnsPlan, TlsServer, TunnelPlan } from './plan.ts'

/** Octets of the largest inner packet unless the profile says otherwise: ESP in UDP fits a 1500-octet link. Ours. */
const DEFAULT_MTU = 1400

/** Ours: as many as the helper takes. */
const MOST_SERVERS = 8

const EVERYTHING_V4 = '0.0.0.0/0'
const EVERYTHING_V6 = '::/0'

/** What a connection negotiated and what the person chose. */
export interface PlanInput {
  readonly device: string
  /** From the configuration payload; RFC 7296 §2.19. */
  readonly configuration: {
    readonly addresses: readonly string[]
    readonly dnsServers: readonly string[]
    readonly dnsDomains: readonly string[]
    readonly searchDomains?: readonly string[]
    readonly encryptedDns?: readonly OfferedResolver[]
  }
  /** Our side as negotiated: its single addresses become the device's when no address was assigned. */
  readonly local: readonly TrafficSelector[]
  /** Addresses of this computer: with those inside `local` it speaks through the tunnel itself. */
  readonly own?: readonly string[]
  /** The other side as negotiated: what goes into the tunnel. */
  readonly remote: readonly TrafficSelector[]
  readonly choices?: PlanChoices
}

/** A name server that is asked through TLS. RFC 9464 */
export interface OfferedResolver {
  readonly addresses: readonly string[]
  readonly name: string
  /** ALPN ids. */
  readonly alpn: readonly string[]
  readonly port?: number
  /** Its certificate is to be held against this alone. */
  readonly digest?: unknown
}

export interface PlanChoices {
  readonly mtu?: number
  /** Destinations that keep their usual way, CIDR. */
  readonly bypass?: readonly string[]
  /** Leave the machine's name servers as they are. */
  readonly keepDns?: boolean
  /** Name servers and search domains of the person, before the gateway's. */
  readonly dnsServers?: readonly string[]
  readonly searchDomains?: readonly string[]
}

/** What the operating system should look like for this tunnel. */
export function planFor(input: PlanInput): TunnelPlan {
  const choices = input.choices ?? {}
  const addresses = deviceAddresses(input)
  const behind = networksBehind(input)
  const speakers = [...addresses, ...behind]
  const hasV6 = speakers.some(isV6)
  const hasV4 = speakers.some((a) => !isV6(a))
  // A selector of a family we have no address in cannot be used: the gateway would not take the packets.
  const routes = unique(input.remote.flatMap((s) => rangeToCidrs(s.startAddress, s.endAddress))).filter(
    (cidr) => (isV6(cidr) ? hasV6 : hasV4),
  )
  const dns = dnsPlan(input, isFullTunnel(routes))
  return {
    device: input.device,
    mtu: choices.mtu ?? DEFAULT_MTU,
    addresses,
    ...(behind.length === 0 ? {} : { behind }),
    routes,
    bypass: unique((choices.bypass ?? []).map((cidr) => networkText(parseCidr(cidr)))),
    unreachable: leaks(routes),
    ...(dns && { dns }),
  }
}

/** True when a family goes into the tunnel whole. */
export const isFullTunnel = (routes: readonly string[]): boolean =>
  routes.includes(EVERYTHING_V4) || routes.includes(EVERYTHING_V6)

/** Who sends all of IPv4 through a tunnel expects IPv6 not to go around it. RFC 7359 §5 */
function leaks(routes: readonly string[]): readonly string[] {
  return routes.includes(EVERYTHING_V4) && !routes.some(isV6) ? [EVERYTHING_V6] : []
}

/**
 * One host each: a netmask or prefix that came along (INTERNAL_IP4_NETMASK, the prefix of
 * INTERNAL_IP6_ADDRESS) says nothing about what lies behind the tunnel; the selectors do.
 */
function deviceAddresses(input: PlanInput): readonly string[] {
  const assigned = input.configuration.addresses
  if (assigned.length > 0) return unique(assigned.map(hostOf))
  const local = localNetworksOf(input)
  const own = (input.own ?? []).map(hostOf)
  const among = own.filter((host) => networksBehind(input).some((network) => lies(host, network)))
  return unique([...local.filter(isHost), ...among])
}

/** Site to site: our side is networks, and not addresses of this computer alone. RFC 4301 §3.3 */
function networksBehind(input: PlanInput): readonly string[] {
  if (input.configuration.addresses.length > 0) return []
  return unique(localNetworksOf(input).filter((cidr) => !isHost(cidr)))
}

const localNetworksOf = ({ local }: PlanInput): readonly string[] =>
  local.flatMap((s) => rangeToCidrs(s.startAddress, s.endAddress))

const isHost = (cidr: string): boolean => cidr.endsWith(isV6(cidr) ? '/128' : '/32')

function lies(host: string, network: string): boolean {
  const { octets, bits } = parseCidr(network)
  const inside = { octets: parseCidr(host).octets, bits }
  return inside.octets.length === octets.length && networkText(inside) === networkText({ octets, bits })
}

function hostOf(cidr: string): string {
  const { octets } = parseCidr(cidr)
  return networkText({ octets, bits: octets.length * 8 })
}

/** Under a full tunnel every name is asked inside, or what a person looks up would be seen outside. RFC 8598 §5 */
function dnsPlan(input: PlanInput, full: boolean): DnsPlan | undefined {
  const choices = input.choices ?? {}
  if (choices.keepDns) return undefined
  const servers = unique([...(choices.dnsServers ?? []), ...input.configuration.dnsServers])
    .filter(namesHost)
    .slice(0, MOST_SERVERS)
  const encrypted = (choices.dnsServers ?? []).length > 0 ? [] : tlsServers(input.configuration)
  if (servers.length + encrypted.length === 0) return undefined
  return {
    servers,
    ...(encrypted.length === 0 ? {} : { encrypted }),
    search: unique([...(choices.searchDomains ?? []), ...(input.configuration.searchDomains ?? [])]),
    only: full ? [] : unique(input.configuration.dnsDomains),
  }
}

/** Where DNS over TLS is asked unless something else is said. RFC 7858 §3.1 */
const TLS_PORT = 853

/**
 * Of the encrypted name servers those that the system's resolver can ask: by DNS over TLS, with a certificate that it can judge
 * by its name. One that is to be held against a digest alone would be refused or, worse, believed for another reason. RFC 9464 §4
 */
export const tlsServers = ({ encryptedDns = [] }: PlanInput['configuration']): readonly TlsServer[] =>
  encryptedDns
    .filter(({ alpn, digest }) => alpn.includes('dot') && digest === undefined)
    .flatMap(({ addresses, name, port = TLS_PORT }) =>
      addresses.filter(namesHost).map((address) => ({ address, port, name })),
    )
    .slice(0, MOST_SERVERS)

/** Numeric, and of one host: of any other the helper would refuse the whole plan. */
function namesHost(address: string): boolean {
  try {
    const [first = 0, ...rest] = addressBytes(address)
    if (isV6(address)) return first !== 0xff && (first !== 0 || rest.some((octet) => octet !== 0))
    return first > 0 && first < 224
  } catch {
    return false
  }
}

const isV6 = (address: string): boolean => address.includes(':')

const unique = (list: readonly string[]): readonly string[] => [...new Set(list)]
