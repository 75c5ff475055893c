/** Packets so far, both ways. */
export interface PacketCounts {
  readonly inbound: number
  readonly outbound: number
}

/** Ours, all in looks: how long nothing may come before somebody is asked, and what counts as a stream until then. */
const SILENT_LOOKS = 2
const STEADY_LOOKS = 3

/**
 * Notices that traffic which was answered until now is not any more: we go on sending, or what came look after look has
 * stopped. Said once, and again only after something has come. That is reason enough to ask the peer for a sign of life,
 * long before silence alone would be. RFC 7296 §2.4
 */
export class Unanswered {
  #seen: PacketCounts = { inbound: 0, outbound: 0 }
  /** Looks in a row in which something came, up to the last in which something did. */
  #steady = 0
  #silent = 0
  /** Of the silent ones, those in which we sent. */
  #sent = 0
  #said = true

  /** With the counts of now. → whether anything moved since the last look, and whether silence is to be told of. */
  look(now: PacketCounts): { readonly moved: boolean; readonly unanswered: boolean } {
    const came = now.inbound > this.#seen.inbound
    const went = now.outbound > this.#seen.outbound
    this.#seen = now
    return { moved: came || went, unanswered: this.#onLook(came, went) }
  }

  #onLook(came: boolean, went: boolean): boolean {
    if (came) {
      this.#steady = this.#silent === 0 ? this.#steady + 1 : 1
      this.#silent = 0
      this.#sent = 0
      this.#said = false
      return false
    }
    this.#silent++
    if (went) this.#sent++
    if (this.#said) return false
    const stopped = this.#silent === SILENT_LOOKS && this.#steady >= STEADY_LOOKS
    if (!stopped && this.#sent < SILENT_LOOKS) return false
    this.#said = true
    return true
  }
}
