import { asMillis, type Millis } from '../../bytes/brands.ts'
import { equal, NO_OCTETS } from '../../bytes/octets.ts'
import type { VpnError } from '../../errors.ts'
import type { Message } from '../../wire/ikev1/message.ts'
import type { Answer } from '../session.ts'
import { answerPhase1, beginPhase1, beginsPhase1 } from './exchanges/begin-phase1.ts'
import type { Phase1, Phase1Step } from './exchanges/phase1.ts'
import type { IsakmpSa } from './isakmp-sa.ts'
import type { Negotiation, PeerFacts } from './negotiation.ts'
import { CHOICE, waitAfter } from './numbers.ts'

/** What renewal asks of the connection it renews. */
export interface Renewed {
  readonly n: Negotiation
  leave(error: VpnError): void
  /** Another ISAKMP SA carries on. */
  adopt(sa: IsakmpSa, facts: PeerFacts, now: Millis): void
}

interface Run {
  readonly phase1: Phase1
  tries: number
  readonly ours: boolean
  /** Ours was due meanwhile. */
  due?: boolean
  /** The message that our latest answers. */
  heard: Uint8Array | undefined
  /** The message an answer is waited for to go on with. */
  judging?: Uint8Array
}

/**
 * Another phase 1 beside the one that stands: there is no renewal in place. Ours, or one that the peer begins.
 * RFC 2408 §4.3
 */
export class Renewal {
  readonly #of: Renewed
  #run: Run | undefined
  #usedUp: IsakmpSa | undefined

  constructor(of: Renewed) {
    this.#of = of
  }

  /** Of ours, while it runs. */
  get ourCookie(): Uint8Array | undefined {
    return this.#run?.phase1.ourCookie
  }

  get underWay(): boolean {
    return this.#run !== undefined
  }

  begin(now: Millis): void {
    const { n } = this.#of
    if (this.#run !== undefined) {
      this.#run.due = true
      return
    }
    const phase1 = beginPhase1(n)
    if (!('onMessage' in phase1)) return this.#of.leave(phase1)
    this.#run = { phase1, tries: 1, ours: true, heard: undefined }
    n.send(phase1.outgoing!)
    n.setTimer('renewal', asMillis(now + waitAfter(1)))
  }

  /** In place of one that has encrypted what it may. Once: where that fails, the timer tries again. */
  beginOnce(sa: IsakmpSa, now: Millis): void {
    if (this.#usedUp === sa) return
    this.#usedUp = sa
    this.begin(now)
  }

  onTimer(now: Millis): void {
    const { n } = this.#of
    const run = this.#run
    if (run === undefined) return
    if (run.tries >= CHOICE.tries || !run.ours) return this.#abandon(now, 'nobody answers')
    run.tries++
    n.send(run.phase1.outgoing!, true)
    n.setTimer('renewal', asMillis(now + waitAfter(run.tries)))
  }

  /** A message that belongs to no ISAKMP SA that stands. */
  onMessage(message: Message, bytes: Uint8Array, now: Millis): void {
    const { n } = this.#of
    const { initiatorCookie } = message.header
    const run = this.#run
    if (run?.heard !== undefined && equal(bytes, run.heard)) {
      if (!run.ours && run.phase1.outgoing !== undefined) n.send(run.phase1.outgoing, true)
      return
    }
    if (run !== undefined && equal(run.phase1.initiatorCookie, initiatorCookie))
      return this.#onStep(run, run.phase1.onMessage(bytes, message, now), bytes, now)
    if (run !== undefined || !beginsPhase1(n, message))
      return n.note('dropped a message that belongs to no ISAKMP SA')
    const phase1 = answerPhase1(n, message, now)
    if (!('onMessage' in phase1)) {
      if (phase1.reply !== undefined) n.send(phase1.reply)
      return n.note(`dropped a message: ${phase1.why}`)
    }
    this.#run = { phase1, tries: 1, ours: false, heard: bytes }
    if (phase1.outgoing !== undefined) n.send(phase1.outgoing)
    n.setTimer('renewal', asMillis(now + CHOICE.halfOpenMs))
  }

  /** An answer that phase 1 waits for. */
  onAnswer(id: number, answer: Answer, now: Millis): void {
    const run = this.#run
    if (run !== undefined) this.#onStep(run, run.phase1.onAnswer(id, answer), run.judging ?? NO_OCTETS, now)
  }

  close(): void {
    this.#run?.phase1.close()
    this.#run = undefined
  }

  #onStep(run: Run, step: Phase1Step, bytes: Uint8Array, now: Millis): void {
    const { n } = this.#of
    switch (step.outcome) {
      case 'wait':
        run.judging = bytes
        return
      case 'ignore':
        return n.note(`dropped a message: ${step.why}`)
      case 'doubt':
        // What stands, stands: nobody's unsigned word ends it.
        if (step.reply !== undefined) n.send(step.reply)
        return n.note('dropped a message of phase 1 that proves nothing')
      case 'failed':
        if (step.reply !== undefined) n.send(step.reply)
        return this.#abandon(now, step.error.kind)
      case 'next':
        run.tries = 1
        run.heard = bytes
        n.send(run.phase1.outgoing!)
        if (run.ours) n.setTimer('renewal', asMillis(now + waitAfter(1)))
        return
      case 'done': {
        this.#run = undefined
        n.clearTimer('renewal')
        const { remoteId: known } = n
        const { idType, data } = step.remoteId
        if (known === undefined || known.idType !== idType || !equal(known.data, data)) {
          n.note('somebody else with the same key wanted to renew phase 1')
          return step.sa.close()
        }
        if (step.last !== undefined) n.send(step.last)
        if (run.ours) n.lastWord = step.last
        step.sa.remember(bytes, step.last)
        return this.#of.adopt(step.sa, step.facts, now)
      }
    }
  }

  #abandon(now: Millis, why: string): void {
    const run = this.#run
    if (run === undefined) return
    this.close()
    const { n } = this.#of
    n.clearTimer('renewal')
    n.note(`phase 1 could not be renewed: ${why}`)
    if (run.ours || run.due === true) n.setTimer('ike-rekey', asMillis(now + CHOICE.retryMs))
  }
}
