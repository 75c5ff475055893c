import { coversOutbound, type InnerPacket, parseInner } from '../esp/selectors.ts'
import type { AssignedConfiguration, AssignedResolver } from '../ike/session.ts'
import { forwardingCommand } from '../net/forwarding.ts'
import type { TunnelPlan } from '../net/plan.ts'
import { isHostToHost } from '../profile/child.ts'
import { isManual } from '../profile/manual.ts'
import { selectorOf } from '../profile/networks.ts'
import type { Profile } from '../profile/schema.ts'
import type { TrafficSelector } from '../wire/ikev2/traffic-selector.ts'
import type { Agreement, ManagerDependencies } from './dependencies.ts'

/** Ours: what is kept until the tunnel stands, as much as a moment of waiting can need. */
const MOST_PACKETS = 64
const MOST_OCTETS = 128 * 1024

/** Nobody in particular: what a system says to its neighbours by itself. RFC 4291 §2.7, RFC 5771, RFC 919 */
const TO_NEIGHBOURS = ['224.0.0.0/4', '255.255.255.255', '169.254.0.0/16', 'ff00::/8', 'fe80::/10']

const selectors = (networks: readonly string[]): readonly TrafficSelector[] =>
  networks.flatMap((network) => selectorOf(network) ?? [])

const EVERYTHING = selectors(['0.0.0.0/0', '::/0'])
const NEIGHBOURS = selectors(TO_NEIGHBOURS)

/** Whether the gateway is to give an inner address. */
export const asksForAddress = (profile: Profile): boolean =>
  !isHostToHost(profile) &&
  !isManual(profile) &&
  (profile.requestAddresses.ipv4 || profile.requestAddresses.ipv6)

export const NOTHING_ASSIGNED = { addresses: [], dnsServers: [], subnets: [], dnsDomains: [] } as const

/** Both sides as the profile has them: nobody has narrowed them yet. */
export function networksOf({ localSubnets, remoteSubnets }: Profile): Pick<Agreement, 'local' | 'remote'> {
  const has = (mark: string): boolean => localSubnets.some((network) => network.includes(mark))
  const all = [...(has('.') ? ['0.0.0.0/0'] : []), ...(has(':') ? ['::/0'] : [])]
  return { local: selectors(localSubnets), remote: selectors(remoteSubnets ?? all) }
}

/** A plan as it is shown, with what the gateway gave. `forwards`: whether this computer passes packets of a family on. */
export function networkOf(
  plan: TunnelPlan,
  { encryptedDns = [] }: Pick<AssignedConfiguration, 'encryptedDns'> = {},
  forwards?: ManagerDependencies['forwards'],
) {
  const { device, mtu, addresses, routes, dns, behind } = plan
  const hint = forwardingHint(behind ?? [], forwards)
  return {
    ...{ device, mtu, addresses, routes, dns: dns?.servers ?? [] },
    ...(encryptedDns.length === 0 ? {} : { encryptedDns: encryptedDns.map(resolverWords) }),
    ...(behind === undefined ? {} : { behind }),
    ...(hint === undefined ? {} : { hint }),
  }
}

/** It is never switched on from here: it would make this computer a router between all its networks. */
function forwardingHint(
  behind: readonly string[],
  forwards: ManagerDependencies['forwards'],
): string | undefined {
  const stuck = ([4, 6] as const).flatMap((family) => {
    const networks = behind.filter((network) => network.includes(':') === (family === 6))
    return networks.length === 0 || forwards?.(family) !== false ? [] : [{ family, networks }]
  })
  if (stuck.length === 0) return undefined
  const networks = stuck.flatMap((one) => one.networks).join(', ')
  const commands = stuck.map(({ family }) => forwardingCommand(family)).join('; ')
  return `This computer does not pass packets on, so ${networks} cannot use the tunnel. Who may switches it on with: ${commands}`
}

const PROTOCOLS: Readonly<Record<string, string>> = { dot: 'DoT', h2: 'DoH', h3: 'DoH3', doq: 'DoQ' }

/** `dns.example.org 10.77.0.53 (DoT)` */
const resolverWords = ({ name, addresses, alpn, port }: AssignedResolver): string => {
  const how = [...alpn.map((id) => PROTOCOLS[id] ?? id), ...(port === undefined ? [] : [`port ${port}`])]
  return `${name} ${addresses.join(' ')}${how.length === 0 ? '' : ` (${how.join(', ')})`}`
}

/** The packets that a tunnel is opened for, the first ones first, until it stands. RFC 4301 §4.4.1, "trap" of other implementations */
export class Kept {
  readonly #remote: readonly TrafficSelector[]
  readonly #local: readonly TrafficSelector[]
  #packets: Uint8Array[] = []
  #octets = 0
  /** Those there was no room for. */
  dropped = 0

  /** `plan`: what the device is for. */
  constructor(plan: Pick<TunnelPlan, 'addresses' | 'routes' | 'bypass' | 'behind'>) {
    this.#remote = selectors(plan.routes)
    const local = [...plan.addresses.map(hostOf), ...(plan.behind ?? [])]
    this.#local = local.length === 0 ? EVERYTHING : selectors(local)
  }

  /** Keeps it if the tunnel is for it and there is room; → whether the tunnel is for it. */
  offer(packet: Uint8Array): boolean {
    const inner = parseInner(packet)
    if (inner === undefined || !this.#isFor(inner)) return false
    if (this.#packets.length >= MOST_PACKETS || this.#octets + inner.length > MOST_OCTETS) {
      this.dropped++
      return true
    }
    this.#packets.push(packet.slice(0, inner.length))
    this.#octets += inner.length
    return true
  }

  /** What was kept, for the tunnel that stands now. */
  take(): readonly Uint8Array[] {
    this.#octets = 0
    return this.#packets.splice(0)
  }

  #isFor(inner: InnerPacket): boolean {
    const among = (local: readonly TrafficSelector[], remote: readonly TrafficSelector[]): boolean =>
      coversOutbound({ local, remote }, inner)
    return among(this.#local, this.#remote) && !among(EVERYTHING, NEIGHBOURS)
  }
}

const hostOf = (cidr: string): string => cidr.split('/')[0] ?? cidr
