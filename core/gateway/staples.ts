import type { Certificate } from '../cert/certificate.ts'
import { nameEquals } from '../cert/name.ts'
import { decodeOcspResponse, encodeOcspRequest } from '../cert/ocsp.ts'
import { sourcesOf, standingOf } from '../cert/revocation.ts'
import { type Fetched, fetchDocument, type Wanted } from '../net/http-document.ts'

/** Ours. */
const CHOICE = {
  limitMs: 5_000,
  mostOctets: 0x1_0000,
  /** An answer is asked for again when half of its time is over, but not sooner and not later than this. */
  soonestMs: 60_000,
  latestMs: 3_600_000,
  /** Who did not answer is asked again after that. */
  failedMs: 60_000,
} as const

export interface StaplesOptions {
  readonly fetch?: (wanted: Wanted) => Promise<Fetched>
  /** The wall clock, milliseconds. */
  readonly now?: () => number
  /** Calls once after so many milliseconds; gives back what calls it off. */
  readonly after?: (ms: number, work: () => void) => () => void
  readonly note?: (text: string) => void
}

interface Staple {
  readonly der: Uint8Array
  /** Milliseconds of the wall clock. */
  readonly until: number
}

/**
 * What OCSP responders say of our own chain, kept fresh: whoever asks for it in IKE has to ask nobody else, and a client
 * without a network yet could not. RFC 4806 §3
 */
export class Staples {
  readonly #options: Required<Omit<StaplesOptions, 'note'>> & Pick<StaplesOptions, 'note'>
  readonly #staples = new Map<Certificate, Staple>()
  readonly #timers = new Map<Certificate, () => void>()
  #closed = false

  constructor(options: StaplesOptions = {}) {
    this.#options = { fetch: fetchDocument, now: () => Date.now(), after: later, ...options }
  }

  /** Those that still hold, DER. */
  get responses(): readonly Uint8Array[] {
    const now = this.#options.now()
    return [...this.#staples.values()].flatMap(({ der, until }) => (now < until ? [der] : []))
  }

  /** Asks about each certificate of a chain that names a responder; `known`: where else its issuer may stand. */
  begin(chain: readonly Certificate[], known: readonly Certificate[] = []): void {
    for (const certificate of chain) {
      const [url] = sourcesOf(certificate).ocsp
      const issuer = [...chain, ...known].find(({ subject }) => nameEquals(subject, certificate.issuer))
      if (url === undefined) continue
      if (issuer === undefined)
        this.#options.note?.(`${url} cannot be asked: the certificate of the issuer is not beside ours`)
      else void this.#renew(url, certificate, issuer)
    }
  }

  close(): void {
    this.#closed = true
    for (const callOff of this.#timers.values()) callOff()
    this.#timers.clear()
  }

  async #renew(url: string, certificate: Certificate, issuer: Certificate): Promise<void> {
    const answer = await this.#ask(url, certificate, issuer)
    if (this.#closed) return
    const { now, after, note } = this.#options
    if (typeof answer === 'string') note?.(`what ${url} says of our certificate cannot be shown: ${answer}`)
    else {
      if (!this.#staples.has(certificate)) note?.(`the gateway shows what ${url} says of its certificate`)
      this.#staples.set(certificate, answer)
    }
    const half = typeof answer === 'string' ? CHOICE.failedMs : (answer.until - now()) / 2
    const wait = Math.min(Math.max(half, CHOICE.soonestMs), CHOICE.latestMs)
    this.#timers.set(
      certificate,
      after(wait, () => void this.#renew(url, certificate, issuer)),
    )
  }

  /** The answer, or why there is none. Revoked is an answer as well: it is not for us to hide it. */
  async #ask(url: string, certificate: Certificate, issuer: Certificate): Promise<Staple | string> {
    const fetched = await this.#options.fetch({
      url,
      body: { type: 'application/ocsp-request', octets: encodeOcspRequest(certificate, issuer) },
      limitMs: CHOICE.limitMs,
      mostOctets: CHOICE.mostOctets,
    })
    if (!fetched.ok) return fetched.problem
    const read = decodeOcspResponse(fetched.octets)
    if (!read.ok) return read.error.problem
    const at = this.#options.now()
    const { status } = standingOf(certificate, issuer, { responses: [read.value] }, { at, weakSha1: false })
    if (status === 'unknown') return 'it gives no answer that can be believed'
    const until = read.value.answers.map(({ nextUpdate }) => nextUpdate).find((end) => end !== undefined)
    return { der: fetched.octets, until: until ?? at + CHOICE.latestMs }
  }
}

function later(ms: number, work: () => void): () => void {
  const timer = setTimeout(work, ms)
  timer.unref()
  return () => clearTimeout(timer)
}
