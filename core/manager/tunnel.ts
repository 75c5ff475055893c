import { adviceFor } from '../advice.ts'
import type { Secret } from '../bytes/secret.ts'
import { isAlive, type NetworkSnapshot, type TunnelPhase, type TunnelSnapshot } from '../contract/snapshot.ts'
import type { VpnError } from '../errors.ts'
import {
  type Connection,
  type ConnectionConfig,
  type ConnectionListener,
  type ConnectionView,
  closeSecrets,
} from '../ike/config.ts'
import type { ExposedKeys } from '../ike/exposed-keys.ts'
import { TicketMemory } from '../ike/v2/tickets.ts'
import type { OsEdge } from '../net/plan.ts'
import { connectionConfig } from '../profile/config.ts'
import { isManual, manualConfig } from '../profile/manual.ts'
import { type Profile, sessionSecrets } from '../profile/schema.ts'
import { type Attempt, addressIn, newAttempt, phaseShown, release } from './attempt.ts'
import { isPassing } from './backoff.ts'
import type { Agreement, ManagerDependencies } from './dependencies.ts'
import { Endings } from './endings.ts'
import { expectedOf } from './exchanges.ts'
import { faultOf } from './fault.ts'
import { GatewayAddresses } from './gateway-addresses.ts'
import type { Hold } from './hold.ts'
import { KillSwitch } from './kill-switch.ts'
import { MessageLog } from './message-log.ts'
import { NextTry } from './next-try.ts'
import { networkOf } from './on-demand.ts'
import { SecondTry } from './second-try.ts'
import { Steps } from './steps.ts'
import { Totals } from './totals.ts'
import { Waiting } from './waiting.ts'

/** Ours: how long a gateway may take to answer our Delete before we leave without its answer. */
const FAREWELL_MS = 4_000

export interface TunnelOwner {
  changed(): void
  note(text: string): void
  edge(): Promise<OsEdge>
  /** As {@link ConnectionListener.ask}. */
  ask: ConnectionListener['ask']
  /** Nobody waits any longer for what was asked. */
  withdraw(): void
  /** The gateway let us in. */
  signedIn(): void
}

/** The life of one profile from Connect to the end, through as many connections as it takes. */
export class Tunnel {
  readonly profile: Profile
  readonly log: MessageLog
  readonly #device: string
  readonly #needs: ManagerDependencies
  readonly #owner: TunnelOwner
  readonly #steps: Steps
  readonly #secondTry: SecondTry
  readonly #totals = new Totals()
  /** With it an interrupted connection is taken up again. */
  readonly #tickets = new TicketMemory()
  readonly #switch: KillSwitch
  readonly #nextTry: NextTry
  readonly #waiting: Waiting
  readonly #addresses: GatewayAddresses
  #phase: TunnelPhase = 'idle'
  #sinceMs: number
  #step = ''
  #address: string | undefined
  #attempt: Attempt | undefined
  #lastView: ConnectionView | undefined
  #network: NetworkSnapshot | undefined
  #error: VpnError | undefined
  /** Stops waiting for the gateway's answer to our farewell. */
  #callOff: (() => void) | undefined
  #connectedAtMs: number | undefined
  #wasConnected = false
  #leaving = false
  #asleep = false
  /** What the gateway gave last, to be asked for again. */
  #hadAddresses: readonly string[] = []
  readonly #endings = new Endings()

  /** `hold`: its kill switch, which may be on already. `log`: of an earlier tunnel of this profile, to go on with. */
  constructor(
    profile: Profile,
    device: string,
    needs: ManagerDependencies,
    owner: TunnelOwner,
    hold?: Hold,
    log = new MessageLog(),
  ) {
    this.profile = profile
    this.log = log
    this.#switch = new KillSwitch(profile, needs, hold)
    this.#nextTry = new NextTry(needs.clock, needs.random)
    this.#addresses = new GatewayAddresses(profile.gateway.host, (host) => this.#switch.lookUp(host))
    this.#device = device
    this.#needs = needs
    this.#owner = owner
    this.#sinceMs = needs.clock.now()
    this.#steps = new Steps((version) => expectedOf(profile, version))
    this.#secondTry = new SecondTry(profile, owner.ask, needs.clock, () => owner.withdraw())
    this.#waiting = new Waiting(profile, needs, {
      waits: (plan) => {
        this.#network = { ...networkOf(plan, {}, needs.forwards), engine: '' }
        this.#enter('waiting', '')
      },
      wanted: (attempt, edge) => this.#wake(attempt, edge),
      idle: (attempt, connection) => {
        if (this.#leaving) return
        owner.note(`nothing went through for ${profile.idleSeconds} seconds: closing the tunnel`)
        this.#bidFarewell(attempt, connection)
      },
      over: (attempt, error) => void this.#over(attempt, error),
    })
  }

  get device(): string {
    return this.#device
  }

  /** Whether it has come to its end: by request, or by a fault that needs a person. */
  get ended(): boolean {
    return !isAlive({ state: this.#phase })
  }

  start(): void {
    if (this.#waiting.fromTheStart) {
      this.#enter('phase1', 'getting ready')
      void this.#arm()
      return
    }
    this.#enter('phase1', `looking up ${this.profile.gateway.host}`)
    void this.#begin()
  }

  /** Resolves when phase 2 stands and the machine is at its plan, or when it waits for a packet; throws `VpnFailure` if that will not be. */
  connected(): Promise<void> {
    if (this.#phase === 'connected' || this.#phase === 'waiting') return Promise.resolve()
    return this.#endings.connected()
  }

  /** Resolves when it has ended, for whatever reason. Never throws. */
  finished(): Promise<void> {
    return this.ended ? Promise.resolve() : this.#endings.finished()
  }

  /** Tells the gateway, restores the machine, and resolves when both are done. Never throws. */
  disconnect(): Promise<void> {
    if (this.ended) return Promise.resolve()
    const gone = this.finished()
    if (this.#leaving) return gone
    this.#leaving = true
    const attempt = this.#attempt
    this.#nextTry.callOff()
    if (attempt === undefined || attempt.connection === undefined) {
      if (attempt !== undefined) attempt.over = true
      void this.#finish(attempt, undefined)
      return gone
    }
    this.#bidFarewell(attempt, attempt.connection)
    return gone
  }

  #bidFarewell(attempt: Attempt, connection: Connection): void {
    this.#enter('disconnecting', 'telling the gateway')
    this.#callOff?.()
    this.#callOff = this.#needs.clock.after(FAREWELL_MS, () => {
      this.#owner.note('the gateway did not answer our farewell')
      connection.close()
      void this.#over(attempt, undefined)
    })
    connection.command({ type: 'disconnect' })
  }

  /** Lets out what its kill switch holds back, until it stands again. Throws `VpnFailure`; traffic then still waits. */
  async letOut(): Promise<void> {
    await this.#switch.letOut(() => this.#owner.edge(), !this.ended && !this.#leaving)
    if (this.#phase === 'blocked') this.#enter(this.#error === undefined ? 'idle' : 'failed', '')
    else this.#owner.changed()
  }

  /** What its kill switch holds back while it does not stand. */
  get held(): readonly string[] | undefined {
    return this.#phase === 'connected' ? undefined : this.#switch.networks
  }

  /** Does not wait any longer for the next try; returns whether there was one to wait for. */
  retry(): boolean {
    return this.#nextTry.hurry()
  }

  /** The computer goes to sleep: nothing is tried, and silence is held against nobody, until `wake`. */
  sleep(): void {
    this.#asleep = true
    this.#nextTry.hold()
    this.#attempt?.connection?.pause()
  }

  /** It is awake. What stood may be gone at the gateway, which is asked at once. */
  wake(): void {
    this.#asleep = false
    if (!this.retry()) this.#attempt?.connection?.resume()
  }

  /** The computer has these addresses now. */
  lookAgain(addresses: readonly string[]): void {
    if (this.retry() || this.#phase !== 'connected') return
    const attempt = this.#attempt
    const local = addressIn(attempt?.connection?.view().phase1?.localEndpoint)
    if (attempt?.connection === undefined) return
    if (local === undefined || addresses.includes(local)) {
      attempt.connection.command({ type: 'probe' })
      return
    }
    if (attempt.connection.view().movable === true) {
      attempt.connection.command({ type: 'move', addresses })
      return
    }
    attempt.connection.close()
    const { host } = this.profile.gateway
    void this.#over(attempt, { kind: 'unreachable', host, tries: 0, hint: 'this network was left' })
  }

  snapshot(): TunnelSnapshot {
    const view = this.#attempt?.connection?.view() ?? this.#lastView
    const live = this.#attempt?.connection !== undefined && !this.#attempt.over
    const phase = live ? phaseShown(this.#phase, view?.state) : this.#phase
    const { held } = this
    const negotiating = phase === 'phase1' || phase === 'phase2'
    return {
      profile: this.profile.id,
      name: this.profile.name,
      state: phase,
      step: negotiating && view !== undefined && this.#step === '' ? view.step : this.#step,
      sinceMs: this.#sinceMs,
      steps: this.#steps.list,
      gateway: { host: this.profile.gateway.host, address: this.#address },
      phase1: live ? view?.phase1 : undefined,
      phase2: live ? (view?.phase2 ?? []) : [],
      network: this.#network,
      error: this.#errorShown(phase),
      retryAtMs: this.#nextTry.dueMs,
      rekeys: view?.rekeys ?? { ike: 0, child: 0 },
      ...(isManual(this.profile) ? { keys: 'manual' } : {}),
      ...(held === undefined ? {} : { held }),
    }
  }

  /** While traffic waits a new try does not hide what it waits for. */
  #errorShown(phase: TunnelPhase): TunnelSnapshot['error'] {
    const shown = !isAlive({ state: phase }) || phase === 'reconnecting' || this.held !== undefined
    if (this.#error === undefined || !shown) return undefined
    return { kind: this.#error.kind, fault: this.#error, ...adviceFor(this.#error) }
  }

  /** The fault behind `snapshot().error`, with all its fields. */
  get error(): VpnError | undefined {
    return this.#error
  }

  async #begin(): Promise<void> {
    const attempt = newAttempt()
    this.#attempt = attempt
    this.#steps.restart(this.#needs.clock.now())
    try {
      const edge = await this.#prepare(attempt)
      if (edge !== undefined) await this.#negotiate(attempt, edge)
    } catch (thrown) {
      await this.#over(attempt, faultOf(thrown))
    }
  }

  /** Address, permission and device; `undefined`: called off meanwhile. */
  async #prepare(attempt: Attempt): Promise<OsEdge | undefined> {
    const address = await this.#addresses.take()
    if (attempt.over) return undefined
    this.#address = address
    this.#reach('prepare')
    this.#enter('phase1', 'getting ready')
    const edge = await this.#owner.edge()
    if (attempt.over) return undefined
    attempt.edge = edge
    await this.#switch.before(edge, this.#addresses.all)
    if (attempt.over) return undefined
    await this.#openDevice(attempt, edge)
    if (!attempt.over) return edge
    await this.#release(attempt)
    return undefined
  }

  /** What is looked up for the tunnel is looked up before it is wanted. */
  async #arm(): Promise<void> {
    const attempt = newAttempt()
    this.#attempt = attempt
    try {
      const edge = await this.#prepare(attempt)
      if (edge === undefined) return
      await this.#waiting.arm(attempt, edge, this.#device, this.#address ?? '')
      if (!attempt.over) this.#endings.tell(undefined)
    } catch (thrown) {
      await this.#over(attempt, faultOf(thrown))
    }
  }

  /** Somebody wants through. */
  #wake(attempt: Attempt, edge: OsEdge): void {
    this.#steps.restart(this.#needs.clock.now())
    this.#reach('prepare')
    this.#owner.note('a packet wants through: opening the tunnel')
    this.#enter('phase1', 'opening the tunnel for a packet')
    void this.#negotiate(attempt, edge).catch((thrown) => this.#over(attempt, faultOf(thrown)))
  }

  async #negotiate(attempt: Attempt, edge: OsEdge): Promise<void> {
    const secrets = await this.#secrets()
    if (attempt.over) {
      for (const secret of secrets.values()) secret.close()
      return this.#release(attempt)
    }
    this.#enter('phase1', '')
    if (isManual(this.profile)) attempt.connection = this.#manual(attempt, edge, secrets)
    else attempt.connection = this.#negotiated(attempt, edge, secrets)
    if (this.#asleep) attempt.connection.pause()
    attempt.connection.command({ type: 'connect' })
  }

  /** Keys by hand: there is nothing to agree on. */
  #manual(attempt: Attempt, edge: OsEdge, secrets: ReadonlyMap<string, Secret>): Connection {
    const config = manualConfig(this.profile, secrets, this.#address ?? '')
    return this.#needs.startManual({ config, edge, listener: this.#listen(attempt) })
  }

  #negotiated(attempt: Attempt, edge: OsEdge, secrets: ReadonlyMap<string, Secret>): Connection {
    const agreed = this.#withHadAddresses(connectionConfig(this.profile, secrets, this.#address ?? ''))
    const config = this.profile.ike.resumption !== false ? { ...agreed, tickets: this.#tickets } : agreed
    this.#reach('agree')
    return this.#connection(attempt, edge, config)
  }

  /** What waits in the device has the addresses of before. RFC 7296 §3.15.1 */
  #withHadAddresses(config: ConnectionConfig): ConnectionConfig {
    if (this.profile.onDemand !== true || this.#hadAddresses.length === 0) return config
    return { ...config, requestAddresses: { ...config.requestAddresses, preferred: this.#hadAddresses } }
  }

  /** Before the first message: a computer without TUN need not trouble the gateway. */
  async #openDevice(attempt: Attempt, edge: OsEdge): Promise<void> {
    // Named before it exists, so that a failure half-way is undone as well.
    attempt.device = this.#device
    const tun = await edge.openTun(this.#device)
    attempt.fd = tun.fd
    attempt.device = tun.device
  }

  /** All secrets of the profile, by name; none is left open if one is missing. */
  async #secrets(): Promise<ReadonlyMap<string, Secret>> {
    const secrets = new Map<string, Secret>()
    try {
      for (const name of sessionSecrets(this.profile)) {
        secrets.set(name, this.#secondTry.secret(name) ?? (await this.#needs.secret(this.profile, name)))
      }
      return secrets
    } catch (thrown) {
      for (const secret of secrets.values()) secret.close()
      throw thrown
    }
  }

  /** It closes the secrets of its configuration when it ends. */
  #connection(attempt: Attempt, edge: OsEdge, config: ConnectionConfig): Connection {
    try {
      return this.#needs.startConnection({ config, edge, listener: this.#listen(attempt) })
    } catch (thrown) {
      closeSecrets(config)
      throw thrown
    }
  }

  /** Those in use now; the caller closes them. */
  keys(): ExposedKeys {
    return this.#attempt?.connection?.keys() ?? { ikev1: [], ikev2: [], esp: [] }
  }

  #listen(attempt: Attempt): ConnectionListener {
    return {
      changed: () => {
        if (attempt.over) return
        if (this.#phase === 'connected') this.#totals.look(attempt.connection?.view().phase2 ?? [])
        this.#owner.changed()
      },
      established: (configuration, remote, local) => {
        if (attempt.over) return
        this.#owner.signedIn()
        if (this.profile.ike.redirect) this.#addresses.others(configuration.otherGateways ?? [])
        const agreement: Agreement = {
          profile: this.profile,
          device: attempt.device ?? this.#device,
          configuration,
          remote,
          local,
          gatewayAddress: this.#address ?? '',
        }
        // Other terms may come while the machine is still being brought to the first ones.
        const bringUp = () => this.#bringUp(attempt, agreement)
        attempt.bringUp = attempt.bringUp === undefined ? bringUp() : attempt.bringUp.then(bringUp)
      },
      closed: (error) => void this.#over(attempt, error),
      message: (message, path) => {
        this.log.add(message, this.#needs.clock.now(), path)
        if (!attempt.over) this.#steps.follow(message, this.#needs.clock.now())
      },
      note: (text) => this.#owner.note(text),
      ask: this.#secondTry.ask,
    }
  }

  /** The machine to its plan, then packets: never the other way round, or the first ones would take the old way. */
  async #bringUp(attempt: Attempt, agreement: Agreement): Promise<void> {
    const { edge, connection, fd } = attempt
    if (edge === undefined || connection === undefined || fd === undefined || attempt.over) return
    try {
      this.#reach('open')
      this.#enter('phase2', 'opening the tunnel')
      const plan = this.#needs.planFor(agreement)
      attempt.plan = plan
      const networks = [...new Set([...plan.routes, ...plan.unreachable])]
      await this.#switch.agreed(edge, networks, this.#addresses.all)
      await edge.apply(plan)
      if (attempt.over || this.#leaving) return
      attempt.stopWatching?.()
      attempt.stopWatching = undefined
      if (!attempt.attached) connection.attachTun(fd, attempt.kept?.take() ?? [])
      attempt.attached = true
      const shown = networkOf(plan, agreement.configuration, this.#needs.forwards)
      this.#network = { ...shown, engine: connection.engine }
      if (shown.hint !== undefined) this.#owner.note(shown.hint)
      this.#hadAddresses = agreement.configuration.addresses
      this.#waiting.watchIdle(attempt, connection)
      this.#wasConnected = true
      this.#connectedAtMs = this.#needs.clock.now()
      this.#steps.finish(this.#connectedAtMs)
      this.#error = undefined
      this.#enter('connected', '')
      this.#endings.tell(undefined)
    } catch (thrown) {
      if (attempt.over) return
      void this.#over(attempt, faultOf(thrown))
      // The gateway must not keep a session nobody uses.
      connection.command({ type: 'disconnect' })
      connection.close()
    }
  }

  /** A connection has ended. What follows depends on who wanted it, and on whether the fault may pass. */
  async #over(attempt: Attempt, error: VpnError | undefined): Promise<void> {
    if (attempt.over) return
    attempt.over = true
    this.#callOff?.()
    // The gateway that asked is not there any more.
    this.#owner.withdraw()
    this.#lastView = attempt.connection?.view()
    this.#record(error)
    const resting = this.#waiting.stopIdle()
    if (resting && !this.#leaving && this.profile.onDemand === true) return this.#rest(attempt)
    if (this.#leaving || error === undefined) return this.#finish(attempt, this.#leaving ? undefined : error)
    await this.#cleanUp(attempt)
    if (this.#leaving) return this.#finish(undefined, undefined)
    if (error.kind === 'unreachable' && this.#addresses.next !== undefined) {
      this.#owner.note(`${this.#address} does not answer; trying ${this.#addresses.next}`)
      this.#enter('phase1', 'trying the next address')
      return this.#begin()
    }
    if (!this.#wasConnected) {
      // Nothing runs while the person thinks.
      this.#attempt = undefined
      const again = await this.#secondTry.wanted(error)
      if (this.#leaving) return
      if (again) {
        this.#enter('phase1', 'trying once more')
        return this.#begin()
      }
    }
    // A first connection that fails is an answer the person waits for; only one that stood is worth waiting for.
    if (!this.#wasConnected || !isPassing(error.kind)) return this.#finish(undefined, error)
    this.#reconnectLater(error)
  }

  /** The device stays as it is, for the next packet. */
  async #rest(before: Attempt): Promise<void> {
    await before.bringUp
    this.#connectedAtMs = undefined
    if (before.plan === undefined) return this.#finish(undefined, undefined)
    const attempt = this.#waiting.again(before, before.plan)
    this.#attempt = attempt
    if (this.#leaving) return this.#finish(attempt, undefined)
    this.#waiting.watch(attempt)
  }

  #reconnectLater(error: VpnError): void {
    const { clock } = this.#needs
    const stoodMs = this.#connectedAtMs === undefined ? 0 : clock.now() - this.#connectedAtMs
    this.#connectedAtMs = undefined
    this.#error = error
    this.#addresses.forget()
    this.#attempt = undefined
    this.#nextTry.wait(stoodMs, () => {
      this.#enter('reconnecting', `looking up ${this.profile.gateway.host}`)
      void this.#begin()
    })
    if (this.#asleep) this.#nextTry.hold()
    this.#enter('reconnecting', 'waiting for the next try')
  }

  /** A connection that stood goes into the history. */
  #record(error: VpnError | undefined): void {
    const sinceMs = this.#connectedAtMs
    if (sinceMs === undefined) return
    this.#totals.look(this.#lastView?.phase2 ?? [])
    this.#needs.record?.(this.profile, {
      sinceMs,
      untilMs: this.#needs.clock.now(),
      ...this.#totals.take(),
      ended: this.#leaving ? 'person' : this.#waiting.resting ? 'idle' : (error?.kind ?? 'person'),
    })
  }

  #reach(what: Parameters<Steps['reach']>[0]): void {
    this.#steps.reach(what, this.#needs.clock.now())
  }

  async #finish(attempt: Attempt | undefined, error: VpnError | undefined): Promise<void> {
    if (attempt !== undefined) await this.#cleanUp(attempt)
    this.#attempt = undefined
    this.#secondTry.close()
    this.#tickets.forget()
    this.#error = error
    // By the person's own wish traffic goes out again; whatever else ended the tunnel, it waits.
    const calledOff = error?.kind === 'cancelled' && !this.#wasConnected && !this.#switch.wasOn
    if (this.#leaving || calledOff) await this.letOut().catch((thrown) => (this.#error = faultOf(thrown)))
    const held = this.#switch.networks !== undefined
    this.#enter(held ? 'blocked' : this.#error === undefined ? 'idle' : 'failed', '')
    this.#endings.tell({ error: this.#error })
  }

  /** The machine as it was before this attempt. */
  async #cleanUp(attempt: Attempt): Promise<void> {
    await attempt.bringUp
    this.#network = undefined
    if (attempt.device !== undefined) this.#enter('disconnecting', 'putting routes back')
    await this.#release(attempt)
  }

  #release(attempt: Attempt): Promise<void> {
    return release(attempt, this.#needs.closeFd, (text) => this.#owner.note(text))
  }

  #enter(phase: TunnelPhase, step: string): void {
    if (phase !== this.#phase) this.#sinceMs = this.#needs.clock.now()
    this.#phase = phase
    this.#step = step
    this.#owner.changed()
  }
}
