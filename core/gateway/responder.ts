import { toHex } from '../bytes/octets.ts'
import type { Random } from '../bytes/random.ts'
import type { CryptoRegistry } from '../crypto/transforms.ts'
import type { tlsJudge } from '../ike/answers.ts'
import type { ConnectionConfig, ConnectionView } from '../ike/config.ts'
import type { State } from '../ike/session.ts'
import { Established as EstablishedV1 } from '../ike/v1/established.ts'
import { Negotiation as NegotiationV1 } from '../ike/v1/negotiation.ts'
import { AnswerPhase1, AwaitFirst } from '../ike/v1/responder.ts'
import { viewOf as viewOfV1 } from '../ike/v1/view.ts'
import { Established } from '../ike/v2/established.ts'
import { Negotiation } from '../ike/v2/negotiation.ts'
import { AwaitInitRequest } from '../ike/v2/responder.ts'
import { viewOf } from '../ike/v2/view.ts'
import type { Counters, ToUnixMs } from '../ike/view.ts'

/** The responder's side of one negotiation of either version, as a session of the gateway drives it. */
export interface Responder {
  readonly first: State
  /** The addresses in use, which a session may move; the ESP SAs; and how both ends prove themselves. */
  readonly n: Pick<Negotiation, 'local' | 'remote' | 'isTaken'> & {
    readonly children: ReadonlyMap<number, unknown>
  }
  readonly proofs: Parameters<typeof tlsJudge>[0]
  /** The client is behind a NAT, which may give it another address. */
  readonly moves: boolean
  /** SPIs or cookies of ours that the messages of `state` carry, in hex. */
  spis(state: State): readonly string[]
  /** Phase 1 is done. */
  isDone(state: State): boolean
  /** How long it may go without ESP SAs then. Milliseconds. */
  readonly patienceMs: number
  /** Requests and their answers have the same message ID. RFC 7296 §2.2 */
  readonly pairsMessages: boolean
  view(counters: Counters, toUnixMs: ToUnixMs): ConnectionView
}

/** Ours: for the client to make a CHILD_SA or to leave; in IKEv1 a person may have to type a password first. */
const PATIENCE_MS = 30_000
const PATIENCE_V1_MS = 180_000

type Make = (config: ConnectionConfig, registry: CryptoRegistry, random: Random) => Responder

/** RFC 7296 §1 */
export const responderV2: Make = (config, registry, random) => {
  const n = new Negotiation(config, registry, random)
  return {
    first: new AwaitInitRequest(n),
    n,
    proofs: n,
    get moves() {
      return n.nat.gateway
    },
    spis: (state) => {
      if (state instanceof Established) return state.sas.map((sa) => toHex(sa.localSpi))
      return n.current === undefined ? [] : [toHex(n.current.localSpi)]
    },
    isDone: (state) => state instanceof Established,
    patienceMs: PATIENCE_MS,
    pairsMessages: true,
    view: (counters, toUnixMs) => viewOf(n, counters, toUnixMs),
  }
}

/** RFC 2409 §5 */
export const responderV1: Make = (config, registry, random) => {
  const n = new NegotiationV1(config, registry, random)
  return {
    first: new AwaitFirst(n),
    n,
    proofs: n.config,
    get moves() {
      return n.facts.nat.gateway
    },
    spis: (state) =>
      state instanceof EstablishedV1 || state instanceof AnswerPhase1 ? state.ourCookies.map(toHex) : [],
    isDone: (state) => state instanceof EstablishedV1,
    patienceMs: PATIENCE_V1_MS,
    pairsMessages: false,
    view: (counters, toUnixMs) => viewOfV1(n, counters, toUnixMs),
  }
}
