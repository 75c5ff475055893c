import { asMillis, type Millis } from '../../bytes/brands.ts'
import type { VpnError } from '../../errors.ts'
import type { SelectorPair } from '../../esp/engine.ts'
import { NotifyType } from '../../iana/ikev2-notify.ts'
import type { Endpoint } from '../../net/plan.ts'
import type { Payload } from '../../wire/ikev2/payload.ts'
import type { AssignedConfiguration, IkeEvent, State } from '../session.ts'
import { Negotiation } from './negotiation.ts'
import { CHOICE } from './numbers.ts'
import { findNotify, notify } from './payloads.ts'

/** What came of an event that went to the second run. */
export type Progress =
  | { readonly outcome: 'goes on' }
  | { readonly outcome: 'failed'; readonly error: VpnError | undefined }
  | {
      readonly outcome: 'done'
      readonly fresh: Negotiation
      readonly configuration: AssignedConfiguration
      readonly selectors: SelectorPair
    }

const MARK = 'again>'

/**
 * IKE_SA_INIT and IKE_AUTH once more, beside the IKE SA that carries the traffic meanwhile. Both share the sockets, the
 * datapath and the clock; what the run does is done in the name of the old negotiation. RFC 7296 §2.8.3
 */
export class Reauthentication {
  readonly #old: Negotiation
  readonly #fresh: Negotiation
  readonly #timers = new Set<string>()
  #state: State

  /** Begins at once. */
  constructor(old: Negotiation, startOver: NonNullable<Negotiation['startOver']>, now: Millis) {
    this.#old = old
    // The path is shared with the tunnel that stands, which alone decides where it goes.
    const { tcp: _, ...config } = old.config
    // Two IKE SAs of ours stand for a moment, and the inner address has to stay. RFC 7296 §2.4, §3.15.1
    const again = {
      ...config,
      initialContact: false,
      redirect: false,
      requestAddresses: { ...config.requestAddresses, preferred: old.configuration?.addresses ?? [] },
    }
    this.#fresh = new Negotiation(again, old.registry, old.random)
    this.#fresh.initiated = true
    this.#fresh.startOver = startOver
    this.#fresh.local = old.local
    this.#fresh.remote = old.remote
    this.#fresh.spokenFor = old.isTaken
    this.#state = startOver(this.#fresh, now)
    this.#pass(this.#fresh.take())
  }

  feed(event: IkeEvent, now: Millis): Progress {
    const { next, actions } = this.#state.handle(event, now)
    this.#state = next
    return this.#pass(actions)
  }

  moved(local: Endpoint, remote: Endpoint): void {
    this.#fresh.local = local
    this.#fresh.remote = remote
  }

  /** → whether the timer was one of this run, and what came of it. */
  onTimer(timer: string, now: Millis): Progress | undefined {
    if (!timer.startsWith(MARK)) return undefined
    this.#timers.delete(timer.slice(MARK.length))
    return this.feed({ type: 'timer', timer: timer.slice(MARK.length) }, now)
  }

  /** All is over meanwhile: nothing of the run stays. */
  abandon(): void {
    // No time passes at an end.
    this.#state.handle({ type: 'command', command: { type: 'disconnect' } }, asMillis(0))
    this.#fresh.current?.close()
    this.#clearTimers()
  }

  #clearTimers(): void {
    for (const timer of this.#timers) this.#old.clearTimer(MARK + timer)
    this.#timers.clear()
  }

  #pass(actions: ReturnType<Negotiation['take']>): Progress {
    let progress: Progress = { outcome: 'goes on' }
    for (const action of actions) {
      switch (action.do) {
        case 'setTimer':
          this.#timers.add(action.timer)
          this.#old.setTimer(MARK + action.timer, action.at)
          break
        case 'clearTimer':
          this.#timers.delete(action.timer)
          this.#old.clearTimer(MARK + action.timer)
          break
        case 'established':
          progress = { outcome: 'done', fresh: this.#fresh, ...pick(action) }
          break
        case 'closed':
          progress = { outcome: 'failed', error: action.error }
          break
        default:
          this.#old.act(action)
      }
    }
    if (progress.outcome !== 'goes on') this.#clearTimers()
    return progress
  }
}

const pick = ({
  configuration,
  selectors,
}: {
  configuration: AssignedConfiguration
  selectors: SelectorPair
}) => ({
  configuration,
  selectors,
})

/** Seconds that AUTH_LIFETIME gives us, if there is one. RFC 4478 §3 */
export function authLifetime(payloads: readonly Payload[]): number | undefined {
  const data = findNotify(payloads, NotifyType.AUTH_LIFETIME.id)?.data
  return data?.length === 4 ? new DataView(data.buffer, data.byteOffset, 4).getUint32(0) : undefined
}

/** What a responder says that limits how long a proof lasts. RFC 4478 §2 */
export function lifetimeNotify({ config }: Negotiation): readonly Payload[] {
  const seconds = config.lifetimes.reauthSeconds
  if (seconds === undefined) return []
  const data = new Uint8Array(4)
  new DataView(data.buffer).setUint32(0, seconds)
  return [notify(NotifyType.AUTH_LIFETIME.id, data)]
}

/**
 * When to begin: early enough to be done in time, and never so soon after the last time that a gateway could keep us
 * busy with it. RFC 4478 §2, §5
 */
export function reauthAt(n: Negotiation, seconds: number, establishedAt: Millis, now: Millis): Millis {
  const lifetimeMs = seconds * 1000
  const early = Math.min(lifetimeMs * CHOICE.reauthEarly, CHOICE.reauthEarlyMostMs)
  return asMillis(Math.max(now + n.jittered(lifetimeMs - early), establishedAt + CHOICE.reauthLeastMs))
}
