import { asMillis, type Millis } from '../../bytes/brands.ts'
import type { VpnError } from '../../errors.ts'
import type { Payload } from '../../wire/ikev1/payload.ts'
import type { IsakmpSa, Opened, Outgoing } from './isakmp-sa.ts'
import type { Negotiation } from './negotiation.ts'
import { CHOICE, waitAfter } from './numbers.ts'

/**
 * `ignored`: it is not good. Else the exchange is over, perhaps with a last word, said again when the peer repeats
 * itself; `after` is what comes of it.
 */
export type Taken = 'ignored' | { readonly last?: Outgoing; readonly after?: (now: Millis) => void }

interface Handlers {
  /** For people and for the tables. */
  readonly label: string
  /** Checks the hash, and accepts what it takes. */
  onMessage(opened: Opened, now: Millis, messageId: number): Taken
  onFailed(error: VpnError, now: Millis): void
  /** Asks for the same under the ISAKMP SA that carries on. */
  readonly again?: (now: Millis) => void
  /** What was on offer, for "the gateway takes none of these". */
  readonly offered?: () => readonly string[]
}

export interface ExchangeAsked extends Handlers {
  readonly exchange: number
  /** What follows HASH(1). */
  readonly payloads: readonly Payload[]
}

export interface ExchangeAwaited extends Handlers {
  readonly messageId: number
  readonly message: Outgoing
}

/** An exchange in which the peer's next message is awaited. */
export interface OpenExchange {
  readonly sa: IsakmpSa
  readonly messageId: number
  readonly message: Outgoing
  /** We began it. */
  readonly ours: boolean
  readonly handlers: Handlers
  tries: number
}

/** The exchanges of phase 2 that are open. Each has a message ID of its own. RFC 2409 §5.5 */
export class Exchanges {
  readonly #n: Negotiation
  readonly #open = new Map<number, OpenExchange>()

  constructor(n: Negotiation) {
    this.#n = n
  }

  get full(): boolean {
    return this.#open.size >= CHOICE.openExchanges
  }

  has(label: string): boolean {
    return [...this.#open.values()].some((open) => open.handlers.label === label)
  }

  find(sa: IsakmpSa, messageId: number): OpenExchange | undefined {
    const open = this.#open.get(messageId)
    return open?.sa === sa ? open : undefined
  }

  /** Random, not zero, none in use. RFC 2408 §3.1 */
  freshId(): number {
    for (;;) {
      const id = new DataView(this.#n.random.bytes(4).buffer).getUint32(0)
      if (id !== 0 && !this.#open.has(id)) return id
    }
  }

  ask(sa: IsakmpSa, asked: ExchangeAsked, now: Millis): void {
    const messageId = this.freshId()
    const message = sa.seal(asked.exchange, messageId, asked.payloads, false)
    this.#begin({ sa, messageId, message, ours: true, handlers: asked, tries: 1 }, now)
  }

  await(sa: IsakmpSa, awaited: ExchangeAwaited, now: Millis): void {
    const { messageId, message } = awaited
    this.#begin({ sa, messageId, message, ours: false, handlers: awaited, tries: 1 }, now)
  }

  #begin(open: OpenExchange, now: Millis): void {
    this.#open.set(open.messageId, open)
    this.#n.send(open.message)
    this.#n.setTimer(`exchange:${open.messageId}`, asMillis(now + waitAfter(1)))
  }

  /** → whether it was taken. */
  onMessage(open: OpenExchange, bytes: Uint8Array, opened: Opened, now: Millis): boolean {
    const taken = open.handlers.onMessage(opened, now, open.messageId)
    if (taken === 'ignored') return false
    this.#close(open)
    if (taken.last !== undefined) this.#n.send(taken.last)
    open.sa.remember(bytes, taken.last)
    taken.after?.(now)
    return true
  }

  onTimer(messageId: number, now: Millis): void {
    const open = this.#open.get(messageId)
    if (open === undefined) return
    if (open.tries >= CHOICE.tries) {
      this.#close(open)
      const { label } = open.handlers
      return open.handlers.onFailed({ kind: 'noAnswer', exchange: label, tries: open.tries }, now)
    }
    open.tries++
    if (this.#n.lastWord !== undefined) this.#n.send(this.#n.lastWord, true)
    this.#n.send(open.message, true)
    this.#n.setTimer(`exchange:${messageId}`, asMillis(now + waitAfter(open.tries)))
  }

  /** The peer refuses, in an Informational that does not say what: the oldest exchange of ours. → what failed */
  refuse(): Handlers | undefined {
    const open = [...this.#open.values()].find((o) => o.ours)
    if (open === undefined) return undefined
    this.#close(open)
    return open.handlers
  }

  /** What is asked for has come on another way. */
  cancel(label: string): void {
    for (const open of [...this.#open.values()].filter((o) => o.handlers.label === label)) this.#close(open)
  }

  /** Another ISAKMP SA carries on: peers that have left the old one answer nothing there. */
  moveFrom(sa: IsakmpSa, now: Millis): void {
    for (const open of [...this.#open.values()].filter((o) => o.sa === sa && o.ours)) {
      const { again } = open.handlers
      if (again === undefined) continue
      this.#close(open)
      again(now)
    }
  }

  /** An ISAKMP SA is gone, and what ran under it. */
  forget(sa: IsakmpSa, now: Millis): void {
    for (const open of [...this.#open.values()].filter((o) => o.sa === sa)) {
      this.#close(open)
      open.handlers.onFailed({ kind: 'noAnswer', exchange: open.handlers.label, tries: open.tries }, now)
    }
  }

  #close(open: OpenExchange): void {
    this.#open.delete(open.messageId)
    open.sa.finish(open.messageId)
    this.#n.clearTimer(`exchange:${open.messageId}`)
  }
}
