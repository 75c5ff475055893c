import { compare, concat, equal, equalConstantTime } from '../bytes/octets.ts'
import type { Secret } from '../bytes/secret.ts'
import { milenage, xor } from '../crypto/milenage.ts'

/** What a card of 2G answers to a RAND. */
export interface GsmAnswer {
  /** 4 octets. */
  readonly sres: Uint8Array
  /** 8 octets; the receiver wipes them. */
  readonly kc: Uint8Array
}

/** What a card of 3G answers to RAND and AUTN. 3GPP TS 33.102 §6.3.3 */
export type UmtsAnswer =
  | { readonly outcome: 'good'; readonly res: Uint8Array; readonly ck: Uint8Array; readonly ik: Uint8Array }
  /** The network counts behind us; `auts`, 14 octets, tells it. */
  | { readonly outcome: 'resync'; readonly auts: Uint8Array }
  /** It is not our network. */
  | { readonly outcome: 'wrongMac' }

/** A card, or what stands for it. */
export interface SimCard {
  gsm?(rand: Uint8Array): GsmAnswer | undefined
  umts?(rand: Uint8Array, autn: Uint8Array): UmtsAnswer
}

/** Answers computed elsewhere, as in a file of triplets. */
export const tripletCard = (
  triplets: readonly { readonly rand: Uint8Array; readonly sres: Uint8Array; readonly kc: Uint8Array }[],
): SimCard => ({
  gsm: (rand) => {
    const found = triplets.find((triplet) => equal(triplet.rand, rand))
    return found === undefined ? undefined : { sres: found.sres.slice(), kc: found.kc.slice() }
  },
})

const AMF_RESYNC = new Uint8Array(2)

/** A card of software: Milenage with a key and OPc, and the highest sequence number seen so far. */
export class MilenageCard implements SimCard {
  readonly #k: Secret
  readonly #opc: Secret
  #sqn: Uint8Array

  /** The secrets stay the caller's. `sqn`: 6 octets. */
  constructor(k: Secret, opc: Secret, sqn: Uint8Array) {
    this.#k = k
    this.#opc = opc
    this.#sqn = sqn.slice()
  }

  /** To be kept for the next time: a lower one would let an old challenge through. */
  get sqn(): Uint8Array {
    return this.#sqn.slice()
  }

  umts(rand: Uint8Array, autn: Uint8Array): UmtsAnswer {
    return this.#use((functions) => {
      const { res, ck, ik, ak } = functions.f2345(rand)
      const sqn = xor(autn.subarray(0, 6), ak)
      const { macA } = functions.f1(rand, sqn, autn.subarray(6, 8))
      // The MAC first: whether a number is new is told only to our own network.
      if (!equalConstantTime(macA, autn.subarray(8))) return { outcome: 'wrongMac' }
      if (compare(sqn, this.#sqn) <= 0) {
        const { macS } = functions.f1(rand, this.#sqn, AMF_RESYNC)
        return { outcome: 'resync', auts: concat(xor(this.#sqn, functions.f5star(rand)), macS) }
      }
      this.#sqn = sqn
      return { outcome: 'good', res, ck, ik }
    })
  }

  /** What the same card is for 2G. 3GPP TS 33.102 §6.8.1.2 */
  gsm(rand: Uint8Array): GsmAnswer {
    return this.#use((functions) => {
      const { res, ck, ik } = functions.f2345(rand)
      const kc = [ck.subarray(8), ik.subarray(0, 8), ik.subarray(8)].reduce(xor, ck.subarray(0, 8))
      return { sres: xor(res.subarray(0, 4), res.subarray(4)), kc }
    })
  }

  #use<T>(work: (functions: ReturnType<typeof milenage>) => T): T {
    return this.#k.use((k) => this.#opc.use((opc) => work(milenage(k, opc))))
  }
}

/** What we and the network agreed on the last time: changed by a conversation, kept by its owner, secret. */
export interface SimMemory {
  method: 'sim' | 'aka' | 'aka-prime' | undefined
  pseudonym: string | undefined
  reauth:
    | {
        readonly identity: string
        /** The last one used. */
        readonly counter: number
        readonly encr: Secret
        readonly aut: Secret
        /** MK, or K_re of EAP-AKA'. */
        readonly again: Secret
      }
    | undefined
}

export const emptySimMemory = (): SimMemory => ({
  method: undefined,
  pseudonym: undefined,
  reauth: undefined,
})
