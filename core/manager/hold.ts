import type { TunnelSnapshot } from '../contract/snapshot.ts'
import type { OsEdge } from '../net/plan.ts'

/** Traffic a kill switch holds back, as it is written down: whoever starts after a crash finds it. */
export interface HeldTraffic {
  /** The device of the tunnel it belongs into: also the name of the hold. */
  readonly device: string
  /** The profile's id, its name and its gateway. */
  readonly profile: string
  readonly name: string
  readonly host: string
  /** What is held back, CIDR. */
  readonly networks: readonly string[]
  /** Where the gateway was last known to be: no name server may be reachable now. */
  readonly addresses: readonly string[]
  /** Unix time in ms. */
  readonly sinceMs: number
}

/** Where holds are written down, outside this process. */
export interface HoldRecord {
  list(): readonly HeldTraffic[]
  /** In the place of an earlier one of the same device. Throws `VpnFailure` when it cannot be written. */
  put(held: HeldTraffic): void
  /** Throws like `put`. */
  drop(device: string): void
}

/** Until the gateway has said what belongs into the tunnel, that may be everything. */
export const EVERYTHING: readonly string[] = ['0.0.0.0/0', '::/0']

/** A link's own addresses, its neighbours in general, and DHCP's way to everybody. RFC 6890, RFC 4291 §2.7 */
const OF_THE_LINK: readonly string[] = [
  ...['169.254.0.0/16', '224.0.0.0/24', '239.255.255.250/32', '255.255.255.255/32'],
  ...['fe80::/10', 'ff02::/16'],
]

/** The destinations that keep their way where the local network may. `nearby`: the networks this computer is on. */
export const localWays = (nearby: readonly string[]): readonly string[] => [...nearby, ...OF_THE_LINK]

/** The kill switch of one profile: on from the first message to the gateway until a person lets traffic out. */
export class Hold {
  readonly device: string
  readonly #record: HoldRecord | undefined
  #held: HeldTraffic | undefined

  /** `held`: what an earlier run, or an earlier connection, left on. */
  constructor(device: string, record: HoldRecord | undefined, held?: HeldTraffic) {
    this.device = device
    this.#record = record
    this.#held = held
  }

  /** What is held back now; nothing when it is off. */
  get held(): HeldTraffic | undefined {
    return this.#held
  }

  /** Turns it on, or changes it in one step. Throws `VpnFailure`; it is then as it was before. */
  async on(edge: OsEdge, held: Omit<HeldTraffic, 'device'>, except: readonly string[]): Promise<void> {
    const before = this.#held
    const now = { ...held, sinceMs: before?.sinceMs ?? held.sinceMs, device: this.device }
    // Written down first: a hold nobody knows of could not be lifted.
    this.#record?.put(now)
    this.#held = now
    try {
      await edge.hold({ device: this.device, networks: now.networks, except })
    } catch (thrown) {
      this.#held = before
      this.#writeDown(before)
      throw thrown
    }
  }

  /** Lets traffic out. Throws `VpnFailure`; it then still waits. */
  async lift(edge: OsEdge): Promise<void> {
    await edge.letOut(this.device)
    this.#held = undefined
    this.#writeDown(undefined)
  }

  /** A full disk changes nothing of what is held: at worst the next run lifts once more what is lifted already. */
  #writeDown(held: HeldTraffic | undefined): void {
    try {
      if (held === undefined) this.#record?.drop(this.device)
      else this.#record?.put(held)
    } catch {
      // Said when it was written first, where it mattered.
    }
  }
}

/** What an earlier run holds back, as a tunnel that has ended. */
export const asTunnel = (held: HeldTraffic): TunnelSnapshot => ({
  profile: held.profile,
  name: held.name,
  state: 'blocked',
  step: '',
  sinceMs: held.sinceMs,
  steps: [],
  gateway: { host: held.host, address: undefined },
  phase1: undefined,
  phase2: [],
  network: undefined,
  error: undefined,
  retryAtMs: undefined,
  rekeys: { ike: 0, child: 0 },
  held: held.networks,
})
