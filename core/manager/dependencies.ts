import type { Random } from '../bytes/random.ts'
import type { Secret } from '../bytes/secret.ts'
import type { PastConnection, Probe } from '../contract/snapshot.ts'
import type { Connection, ConnectionConfig, ConnectionListener } from '../ike/config.ts'
import type { ManualConfig } from '../ike/manual.ts'
import type { AssignedConfiguration } from '../ike/session.ts'
import type { OsEdge, TunnelPlan } from '../net/plan.ts'
import type { Profile } from '../profile/schema.ts'
import type { ProfileList } from '../profile/store.ts'
import type { TrafficSelector } from '../wire/ikev2/traffic-selector.ts'
import type { HoldRecord } from './hold.ts'

export interface Clock {
  /** Unix time in ms. */
  now(): number
  /** Runs `work` once after `ms`; the function it returns calls it off. */
  after(ms: number, work: () => void): () => void
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after: (ms, work) => {
    const timer = setTimeout(work, ms)
    return () => clearTimeout(timer)
  },
}

/** What a gateway agreed to, for the plan. */
export interface Agreement {
  readonly profile: Profile
  readonly device: string
  readonly configuration: AssignedConfiguration
  readonly local: readonly TrafficSelector[]
  readonly remote: readonly TrafficSelector[]
  readonly gatewayAddress: string
}

/** All the manager touches of the world, handed in so that tests can be the world. */
export interface ManagerDependencies {
  readonly profiles: { list(): Promise<ProfileList>; find(name: string): Promise<Profile> }
  /** A secret of a profile, from wherever it is kept or asked for. Throws `VpnFailure` (`secretMissing`, `cancelled`). */
  secret(profile: Profile, name: string): Promise<Secret>
  /** Whether there is a person who answers prompts; left out: there is none. */
  attended?(profile: string): boolean
  /** Keeps an answer once a gateway has taken it: for good (`save`), or for this run. Never throws. */
  keep?(profile: Profile, name: string, secret: Secret, save: boolean): Promise<void>
  /** Numeric addresses of a host, best first. Throws `VpnFailure` (`nameNotResolved`). */
  resolve(host: string): Promise<readonly string[]>
  /** The edge of a place, opened when the first tunnel there needs it. */
  openEdge(place: string): Promise<OsEdge>
  /** Which place a profile's tunnels are in; `''`, or left out, is this machine. Tunnels of one place share an edge. */
  placeOf?(profile: Profile): string
  /** Tries the tunnel of a profile out, where somebody is known to answer behind it. */
  probe?(profile: Profile): AsyncIterable<Probe> | undefined
  /** Takes over the configuration with its secrets. */
  startConnection(options: {
    readonly config: ConnectionConfig
    readonly edge: OsEdge
    readonly listener: ConnectionListener
  }): Connection
  /** The same for keys by hand, which it takes over. */
  startManual(options: {
    readonly config: ManualConfig
    readonly edge: OsEdge
    readonly listener: ConnectionListener
  }): Connection
  planFor(agreement: Agreement): TunnelPlan
  /** The networks this computer is on, CIDR; left out: none is known. */
  nearby?(): readonly string[]
  /** Whether this computer passes packets of a family on; left out, or `undefined`: nobody knows. */
  forwards?(family: 4 | 6): boolean | undefined
  /** Where holds of kill switches are written down; left out: nowhere. */
  readonly holds?: HoldRecord
  closeFd(fd: number): void
  /** Packets that a system sends into a device nobody else reads; the function it returns ends that. `onEnd`: a code. */
  watchDevice(
    fd: number,
    onPackets: (packets: readonly Uint8Array[]) => void,
    onEnd: (code: string) => void,
  ): () => void
  /** Writes down a connection that was. */
  record?(profile: Profile, past: PastConnection): void
  readonly clock: Clock
  readonly random: Random
}
