import type { OsEdge } from '../net/plan.ts'
import type { Profile } from '../profile/schema.ts'
import type { ManagerDependencies } from './dependencies.ts'
import { EVERYTHING, type Hold, localWays } from './hold.ts'

/** The kill switch as one tunnel works it; without a hold it does nothing. */
export class KillSwitch {
  readonly #profile: Profile
  readonly #needs: ManagerDependencies
  readonly #hold: Hold | undefined
  /** An earlier connection, or an earlier run, has left traffic held back. */
  readonly wasOn: boolean
  /** The person has let traffic out until the tunnel stands again. */
  #waived = false

  constructor(profile: Profile, needs: ManagerDependencies, hold: Hold | undefined) {
    this.#profile = profile
    this.#needs = needs
    this.#hold = hold
    this.wasOn = hold?.held !== undefined
  }

  /** What is held back now, CIDR; nothing while it is off. */
  get networks(): readonly string[] | undefined {
    return this.#hold?.held?.networks
  }

  /** Before the first message to the gateway, which is at one of `addresses`. Throws `VpnFailure`. */
  async before(edge: OsEdge, addresses: readonly string[]): Promise<void> {
    if (this.#waived) return
    // Until the gateway has said what belongs into the tunnel, that may be everything.
    await this.#on(edge, this.networks ?? this.#profile.remoteSubnets ?? EVERYTHING, addresses)
  }

  /** The gateway has said what belongs into the tunnel. Throws `VpnFailure`. */
  async agreed(edge: OsEdge, networks: readonly string[], addresses: readonly string[]): Promise<void> {
    this.#waived = false
    if (networks.length > 0) await this.#on(edge, networks, addresses)
  }

  /** Lets traffic out: for good, or `untilAgreed`. Throws `VpnFailure`. */
  async letOut(edge: () => Promise<OsEdge>, untilAgreed = false): Promise<void> {
    this.#waived = untilAgreed
    if (this.networks !== undefined) await this.#hold?.lift(await edge())
  }

  /** Where the gateway is. While everything is held back no name server can be asked: it is where it was. */
  async lookUp(host: string): Promise<readonly string[]> {
    const { addresses: known = [], networks = [] } = this.#hold?.held ?? {}
    if (known.length > 0 && networks.some((network) => network.endsWith('/0'))) return known
    try {
      return await this.#needs.resolve(host)
    } catch (thrown) {
      if (known.length === 0) throw thrown
      return known
    }
  }

  async #on(edge: OsEdge, networks: readonly string[], addresses: readonly string[]): Promise<void> {
    const { id, name, gateway, allowLan, killSwitch } = this.#profile
    // Switched off since: what it held goes out again.
    if (killSwitch !== true) return this.letOut(async () => edge)
    const held = { profile: id, name, host: gateway.host, networks, addresses }
    const except = allowLan ? localWays(this.#needs.nearby?.() ?? []) : []
    await this.#hold?.on(edge, { ...held, sinceMs: this.#needs.clock.now() }, except)
  }
}
