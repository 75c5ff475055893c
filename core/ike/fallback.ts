import { asMillis, type Millis } from '../bytes/brands.ts'
import type { Random } from '../bytes/random.ts'
import type { CryptoRegistry } from '../crypto/transforms.ts'
import type { VpnError } from '../errors.ts'
import type { ConnectionConfig, ConnectionView } from './config.ts'
import type { ExposedKeys } from './exposed-keys.ts'
import type { IkeAction, IkeEvent, State, Step } from './session.ts'
import { unableTo } from './v1/exchanges/phase1.ts'
import { Idle as IdleV1 } from './v1/initiator.ts'
import { Negotiation as NegotiationV1 } from './v1/negotiation.ts'
import { exposedKeys as exposedKeysV1, viewOf as viewOfV1 } from './v1/view.ts'
import { Idle } from './v2/initiator.ts'
import { Negotiation } from './v2/negotiation.ts'
import { exposedKeys, viewOf } from './v2/view.ts'
import type { Counters } from './view.ts'

/** Ours: a gateway that answers nothing of IKEv2 for this long may know nothing of it. Four tries of IKE_SA_INIT. */
const SILENCE_MS = 8_000
const TIMER = 'ikev1 instead'

/**
 * IKEv2 first; IKEv1 where the gateway shows that it knows nothing else, or answers nothing at all. Nobody on the way
 * signs such an answer, so who can hold messages back can also force IKEv1: a profile that names one version never falls
 * back, and a connection that did says so. RFC 7296 §2.5
 */
export class Fallback implements State {
  readonly #v2: Negotiation
  readonly #v1: NegotiationV1
  #state: State
  /** Why it is IKEv1 now: a clause. */
  #reason: string | undefined
  #heard = false
  readonly #timers = new Set<string>()

  constructor(config: ConnectionConfig, registry: CryptoRegistry, random: Random) {
    this.#v2 = new Negotiation(config, registry, random)
    this.#v1 = new NegotiationV1(config, registry, random)
    this.#state = new Idle(this.#v2)
  }

  get name(): string {
    return this.#state.name
  }

  /** The negotiation that is under way. */
  get negotiation(): Negotiation | NegotiationV1 {
    return this.#reason === undefined ? this.#v2 : this.#v1
  }

  handle(event: IkeEvent, now: Millis): Step {
    if (this.#reason !== undefined || this.#v2.current !== undefined) return this.#pass(event, now)
    // Whoever takes TCP for it knows IKEv2. RFC 9329
    if (event.type === 'datagram' || (event.type === 'pathOpen' && event.remote.transport === 'tcp'))
      this.#heard = true
    if (event.type === 'timer' && event.timer === TIMER) {
      if (this.#heard || unableTo(this.#v1) !== undefined) return { next: this, actions: [] }
      // Nobody knows of this negotiation but we.
      this.#state.handle({ type: 'command', command: { type: 'disconnect' } }, now)
      return { next: this, actions: this.#begin('the gateway answers nothing to IKEv2', now) }
    }
    const step = this.#pass(event, now)
    const ending = step.actions.find((action) => action.do === 'closed')
    const reason = ending === undefined ? undefined : this.#reasonFor(ending.error)
    if (reason !== undefined) {
      const before = step.actions.filter((action) => action !== ending)
      return { next: this, actions: [...before, ...this.#begin(reason, now)] }
    }
    if (event.type === 'command' && event.command.type === 'connect')
      return { next: this, actions: [...step.actions, { do: 'setTimer', timer: TIMER, at: after(now) }] }
    return step
  }

  view(counters: Counters, toUnixMs: (at: Millis) => number): ConnectionView {
    if (this.#reason === undefined) return viewOf(this.#v2, counters, toUnixMs)
    const view = viewOfV1(this.#v1, counters, toUnixMs)
    const { phase1 } = view
    if (phase1 === undefined) return { ...view, step: `IKEv1: ${view.step}` }
    return { ...view, phase1: { ...phase1, version: `${phase1.version}, for ${this.#reason}` } }
  }

  keys(): Omit<ExposedKeys, 'esp'> {
    return this.#reason === undefined ? exposedKeys(this.#v2) : exposedKeysV1(this.#v1)
  }

  #pass(event: IkeEvent, now: Millis): Step {
    const { next, actions } = this.#state.handle(event, now)
    this.#state = next
    for (const action of actions) {
      if (action.do === 'setTimer') this.#timers.add(action.timer)
      if (action.do === 'clearTimer') this.#timers.delete(action.timer)
    }
    return { next: this, actions }
  }

  /** Why an end of IKEv2 is not the end; `undefined`: it is. */
  #reasonFor(error: VpnError | undefined): string | undefined {
    if (error === undefined || unableTo(this.#v1) !== undefined) return undefined
    if (error.kind === 'versionUnsupported') return `the gateway speaks IKE ${error.theirs}`
    if (error.kind === 'unreachable' && error.tries > 0) return 'the gateway answers nothing to IKEv2'
    // What a gateway says that has a tunnel for us, but none of IKEv2.
    if (error.kind === 'noProposalChosen' && error.phase === 1) return 'the gateway has no IKEv2 for us'
    return undefined
  }

  #begin(reason: string, now: Millis): readonly IkeAction[] {
    this.#reason = reason
    const forgotten = [...this.#timers, TIMER].map((timer): IkeAction => ({ do: 'clearTimer', timer }))
    this.#timers.clear()
    this.#state = new IdleV1(this.#v1)
    const { actions } = this.#pass({ type: 'command', command: { type: 'connect' } }, now)
    return [...forgotten, { do: 'note', text: `falling back to IKEv1: ${reason}` }, ...actions]
  }
}

const after = (now: Millis): Millis => asMillis(now + SILENCE_MS)
