import type { VpnError } from '../errors.ts'
import type { Connection } from '../ike/config.ts'
import type { OsEdge, TunnelPlan } from '../net/plan.ts'
import type { Profile } from '../profile/schema.ts'
import { type Attempt, newAttempt } from './attempt.ts'
import type { ManagerDependencies } from './dependencies.ts'
import { Idle } from './idle.ts'
import { asksForAddress, Kept, NOTHING_ASSIGNED, networksOf } from './on-demand.ts'

/** What a tunnel hears while it is left to traffic to open and to close it. */
export interface WaitingOwner {
  /** From now on the first packet opens it. */
  waits(plan: TunnelPlan): void
  /** Somebody wants through: the first one since it waits. */
  wanted(attempt: Attempt, edge: OsEdge): void
  /** Nothing has gone through for the idle time. */
  idle(attempt: Attempt, connection: Connection): void
  over(attempt: Attempt, error: VpnError): void
}

/**
 * A tunnel between two connections: device and routes stand, the gateway knows nothing, and the first packet opens it.
 * And the idle time, which brings it back there.
 */
export class Waiting {
  readonly #profile: Profile
  readonly #needs: ManagerDependencies
  readonly #owner: WaitingOwner
  #idle: Idle | undefined
  #resting = false

  constructor(profile: Profile, needs: ManagerDependencies, owner: WaitingOwner) {
    this.#profile = profile
    this.#needs = needs
    this.#owner = owner
  }

  /** Whether it waits from the start: where the gateway gives the address, it has to be asked once before. */
  get fromTheStart(): boolean {
    const { onDemand, localSubnets } = this.#profile
    return onDemand === true && localSubnets.length > 0 && !asksForAddress(this.#profile)
  }

  /** Nothing moved any more: the tunnel is being closed for that. */
  get resting(): boolean {
    return this.#resting
  }

  /** Device and routes without a tunnel: whatever comes opens it. Throws `VpnFailure`. */
  async arm(attempt: Attempt, edge: OsEdge, device: string, gatewayAddress: string): Promise<void> {
    const profile = this.#profile
    const plan = this.#needs.planFor({
      ...{ profile, device, gatewayAddress, configuration: NOTHING_ASSIGNED },
      ...networksOf(profile),
    })
    attempt.plan = plan
    await edge.apply(plan)
    if (!attempt.over) this.#watch(attempt, plan)
  }

  /** The device of a connection that has ended stays as it is, for the next packet. */
  again({ edge, device, fd }: Attempt, plan: TunnelPlan): Attempt {
    return { ...newAttempt(), edge, device, fd, plan }
  }

  /** Looks for the packet that opens it. */
  watch(attempt: Attempt): void {
    if (attempt.plan !== undefined) this.#watch(attempt, attempt.plan)
  }

  #watch(attempt: Attempt, plan: TunnelPlan): void {
    const { fd, edge } = attempt
    if (fd === undefined || edge === undefined) return
    const kept = new Kept(plan)
    attempt.kept = kept
    let asleep = true
    this.#owner.waits(plan)
    attempt.stopWatching = this.#needs.watchDevice(
      fd,
      (packets) => {
        if (attempt.over) return
        const wanted = packets.filter((packet) => kept.offer(packet)).length > 0
        if (!wanted || !asleep) return
        asleep = false
        this.#owner.wanted(attempt, edge)
      },
      (problem) =>
        this.#owner.over(attempt, {
          ...{ kind: 'systemRefused', what: 'reading the tunnel device', problem },
        }),
    )
  }

  /** The tunnel stands: from now on silence closes it, where the profile wants that. */
  watchIdle(attempt: Attempt, connection: Connection): void {
    const { idleSeconds } = this.#profile
    this.stopIdle()
    if (idleSeconds === undefined) return
    const children = () => connection.view().phase2
    this.#idle = new Idle(this.#needs.clock, idleSeconds, children, () => {
      if (attempt.over) return
      this.#resting = true
      this.#owner.idle(attempt, connection)
    })
  }

  /** The connection has ended; → whether for the silence. */
  stopIdle(): boolean {
    const resting = this.#resting
    this.#resting = false
    this.#idle?.stop()
    this.#idle = undefined
    return resting
  }
}
