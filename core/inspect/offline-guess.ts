import { equalConstantTime, toHex } from '../bytes/octets.ts'
import { Secret } from '../bytes/secret.ts'
import type { CryptoRegistry, PrfInfo } from '../crypto/transforms.ts'
import { ExchangeType, Phase1Authentication } from '../iana/ikev1.ts'
import { HASHES } from '../ike/v1/hash-algorithms.ts'
import { hashR, type Phase1Transcript } from '../ike/v1/hashes.ts'
import { skeyidOfPsk } from '../ike/v1/keys.ts'
import { readPhase1 } from '../ike/v1/phase1-suite.ts'
import { decodeMessage, type Message } from '../wire/ikev1/message.ts'
import type { PayloadType } from '../wire/ikev1/payload.ts'
import { Recent } from './recent.ts'

/** All that stands in the first two messages of aggressive mode with a pre-shared key: enough to try words. RFC 2409 §5.4 */
export interface AggressiveAnswer {
  readonly prf: PrfInfo
  readonly transcript: Phase1Transcript
  readonly ni: Uint8Array
  readonly nr: Uint8Array
  /** IDir_b */
  readonly idBody: Uint8Array
  /** HASH_R */
  readonly hash: Uint8Array
}

/** Ours: first messages that wait for their answer, and answers that may come again. */
const MOST = 256
const PSK: ReadonlySet<number> = new Set([
  Phase1Authentication.PRE_SHARED_KEY.id,
  Phase1Authentication.XAUTH_INITIATOR_PRE_SHARED_KEY.id,
  Phase1Authentication.XAUTH_RESPONDER_PRE_SHARED_KEY.id,
])

/** Finds answers with a HASH_R among messages that come one after the other; remembers within bounds. */
export class AggressiveAnswers {
  readonly #registry: CryptoRegistry
  readonly #asked = new Recent<ClearParts>(MOST)
  readonly #seen = new Recent<true>(MOST)

  constructor(registry: CryptoRegistry) {
    this.#registry = registry
  }

  /** A whole message without non-ESP marker. The answer in it; `undefined` where it is none, or came before. */
  next(bytes: Uint8Array): AggressiveAnswer | undefined {
    const message = decodeMessage(bytes)
    if (!message.ok || message.value.sealed || message.value.header.exchange !== ExchangeType.AGGRESSIVE.id)
      return undefined
    const { header } = message.value
    const parts = partsOf(message.value)
    if (parts === undefined) return undefined
    const initiator = toHex(header.initiatorCookie)
    if (header.responderCookie.every((octet) => octet === 0)) {
      this.#asked.set(initiator, parts)
      return undefined
    }
    const asked = this.#asked.get(initiator)
    const prf = prfOf(message.value, this.#registry)
    if (asked === undefined || prf === undefined || parts.HASH === undefined) return undefined
    const name = `${initiator} ${toHex(header.responderCookie)} ${toHex(parts.HASH)}`
    if (this.#seen.get(name) !== undefined) return undefined
    this.#seen.set(name, true)
    return {
      prf,
      transcript: {
        initiatorCookie: header.initiatorCookie,
        responderCookie: header.responderCookie,
        initiatorKe: asked.KE,
        responderKe: parts.KE,
        saBody: asked.SA,
      },
      ni: asked.Nonce,
      nr: parts.Nonce,
      idBody: parts.ID,
      hash: parts.HASH,
    }
  }
}

/** Whether the gateway that sent this answer has this word for its key. RFC 2409 §5, §5.4 */
export function isKeyOf({ prf, transcript, ni, nr, idBody, hash }: AggressiveAnswer, word: string): boolean {
  const psk = Secret.fromText(word)
  const skeyid = skeyidOfPsk(prf, psk, ni, nr)
  try {
    return equalConstantTime(hashR(prf, skeyid, transcript, idBody), hash)
  } finally {
    skeyid.close()
    psk.close()
  }
}

type Clear = Extract<Message, { readonly sealed: false }>
type ClearParts = Readonly<Record<'SA' | 'KE' | 'Nonce' | 'ID', Uint8Array>> & { readonly HASH?: Uint8Array }

/** What both messages carry, as it was sent and without generic headers; `undefined` where something is missing. */
function partsOf({ payloads, bodies }: Clear): ClearParts | undefined {
  const body = (type: PayloadType) => bodies[payloads.findIndex((payload) => payload.type === type)]
  const [SA, KE, Nonce, ID, HASH] = [body('SA'), body('KE'), body('Nonce'), body('ID'), body('HASH')]
  if (SA === undefined || KE === undefined || Nonce === undefined || ID === undefined) return undefined
  return { SA, KE, Nonce, ID, ...(HASH === undefined ? {} : { HASH }) }
}

/** The PRF of the set that was taken, if that is proved by a pre-shared key. */
function prfOf({ payloads }: Clear, registry: CryptoRegistry): PrfInfo | undefined {
  const sa = payloads.find((payload) => payload.type === 'SA')
  const transform = sa?.type === 'SA' ? sa.proposals[0]?.transforms[0] : undefined
  const taken = transform && readPhase1(transform)?.offer
  const hash = taken && PSK.has(taken.authentication) ? HASHES.get(taken.hash) : undefined
  return hash && registry.prf.get(hash.prf)
}
