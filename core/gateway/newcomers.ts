import type { Millis } from '../bytes/brands.ts'
import { NO_OCTETS } from '../bytes/octets.ts'
import type { Random } from '../bytes/random.ts'
import { ExchangeType as ExchangeTypeV1 } from '../iana/ikev1.ts'
import { ExchangeType } from '../iana/ikev2.ts'
import { NotifyType } from '../iana/ikev2-notify.ts'
import type { Endpoint } from '../net/plan.ts'
import { decodeMessage as decodeMessageV1 } from '../wire/ikev1/message.ts'
import { decodeMessage, encodeMessage } from '../wire/ikev2/message.ts'
import { Cookies } from './cookies.ts'
import { RateLimit } from './rate-limit.ts'

/** How much strangers may ask of the gateway. */
export interface GatewayLimits {
  /** Half-open negotiations from which on a newcomer has to show a cookie. RFC 7296 §2.6 */
  readonly cookiesFrom: number
  /** Half-open negotiations altogether: those beyond it are dropped. */
  readonly halfOpen: number
  readonly sessions: number
  /** Newcomers from one source: at once, and per second. */
  readonly burst: number
  readonly perSecond: number
}

export const DEFAULT_LIMITS: GatewayLimits = {
  cookiesFrom: 16,
  halfOpen: 256,
  sessions: 1000,
  burst: 20,
  perSecond: 5,
}

/** Ours: sources the rate limit remembers. */
const SOURCES = 4096

/** What becomes of a first message: a negotiation begins, it is dropped and counted, or it is answered and forgotten. */
export type Verdict =
  | { readonly begin: true }
  | { readonly drop: 'malformed' | 'noSession' | 'rateLimited' | 'full' }
  | { readonly cookieDemand: Uint8Array }

/** How busy the gateway is. */
export interface Crowd {
  /** Negotiations begun, and not yet proven. */
  readonly halfOpen: number
  readonly sessions: number
}

/** Judges the messages of those the gateway does not know, and keeps nothing of them but how often a source came. */
export class Newcomers {
  readonly #limits: GatewayLimits
  readonly #cookies: Cookies
  readonly #sources: RateLimit

  constructor(limits: GatewayLimits, random: Random) {
    this.#limits = limits
    this.#cookies = new Cookies(random)
    const { burst, perSecond } = limits
    this.#sources = new RateLimit({ burst, perSecond, sources: SOURCES })
  }

  /** One more answer to a stranger, not more often than newcomers are let in. */
  mayAnswer(from: Endpoint, now: Millis): boolean {
    return this.#sources.allows(from.address, now)
  }

  /** A message of IKEv2 without an SPI of ours. */
  judge(bytes: Uint8Array, from: Endpoint, crowd: Crowd, now: Millis): Verdict {
    const decoded = decodeMessage(bytes)
    if (!decoded.ok) return { drop: 'malformed' }
    const { header } = decoded.value
    const { IKE_SA_INIT, IKE_SESSION_RESUME } = ExchangeType
    const begins = header.exchange === IKE_SA_INIT.id || header.exchange === IKE_SESSION_RESUME.id
    if (!begins || header.response || header.messageId !== 0) return { drop: 'noSession' }
    // Whoever has a TCP connection is where they say. RFC 9329 §6.3
    const proven = from.transport === 'tcp' || this.#cookies.isShown(decoded.value, from, now)
    if (!proven && crowd.halfOpen >= this.#limits.cookiesFrom) {
      const cookie = this.#cookies.make(decoded.value, from, now)
      return { cookieDemand: cookieDemand(header.exchange, header.initiatorSpi, cookie) }
    }
    return this.#letIn(from, crowd, now)
  }

  /** A message of IKEv1 with no cookie of ours. RFC 2408 §3.1 */
  judgeV1(bytes: Uint8Array, from: Endpoint, crowd: Crowd, now: Millis): Verdict {
    const decoded = decodeMessageV1(bytes)
    if (!decoded.ok) return { drop: 'malformed' }
    const { exchange, responderCookie, messageId } = decoded.value.header
    const begins = exchange === ExchangeTypeV1.MAIN.id || exchange === ExchangeTypeV1.AGGRESSIVE.id
    const fresh = messageId === 0 && responderCookie.every((octet) => octet === 0)
    // There is no IKEv1 over TCP.
    return begins && fresh && from.transport === undefined
      ? this.#letIn(from, crowd, now)
      : { drop: 'noSession' }
  }

  #letIn(from: Endpoint, { halfOpen, sessions }: Crowd, now: Millis): Verdict {
    if (!this.#sources.allows(from.address, now)) return { drop: 'rateLimited' }
    return halfOpen < this.#limits.halfOpen && sessions < this.#limits.sessions
      ? { begin: true }
      : { drop: 'full' }
  }
}

function cookieDemand(exchange: number, initiatorSpi: Uint8Array, cookie: Uint8Array): Uint8Array {
  const header = {
    initiatorSpi,
    responderSpi: new Uint8Array(8),
    majorVersion: 2,
    minorVersion: 0,
    exchange,
    initiator: false,
    higherVersion: false,
    response: true,
    messageId: 0,
  }
  return encodeMessage(header, [
    { type: 'Notify', protocol: 0, spi: NO_OCTETS, notify: NotifyType.COOKIE.id, data: cookie },
  ])
}
