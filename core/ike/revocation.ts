import type { Certificate } from '../cert/certificate.ts'
import { type ChainQuestion, type ChainVerdict, standingIn, verifyChain } from '../cert/chain.ts'
import { decodeRevocationList, type RevocationList } from '../cert/crl.ts'
import { decodeOcspResponse, encodeOcspRequest, type OcspResponse } from '../cert/ocsp.ts'
import { sourcesOf, standingOf } from '../cert/revocation.ts'
import { type Fetched, fetchDocument, type Wanted } from '../net/http-document.ts'

/** Ours: what one question may cost, whatever certificates and servers say. */
const CHOICE = {
  /** For all responders of a certificate together, and then for all its lists: a person is waiting. */
  limitMs: 2_000,
  /** Servers asked for one certificate in either way, and certificates asked about. */
  servers: 2,
  certificates: 4,
  ocspOctets: 0x1_0000,
  /** Some 25,000 revoked certificates. */
  listOctets: 0x10_0000,
  remembered: 32,
  /** What has no end of its own is believed for this long, and nothing for longer than the other. */
  undatedMs: 3_600_000,
  longestMs: 24 * 3_600_000,
  /** Who did not answer is not asked again at once. */
  failedMs: 60_000,
} as const

type Evidence =
  | { readonly list: RevocationList; readonly until: number | undefined }
  | { readonly response: OcspResponse; readonly until: number | undefined }
interface Remembered {
  readonly evidence: Evidence | undefined
  readonly problem: string
  readonly until: number
}

/** A link of a chain: a certificate, and whose word on it counts. */
interface Link {
  readonly certificate: Certificate
  readonly issuer: Certificate
}

export type Fetch = (wanted: Wanted) => Promise<Fetched>

/** Asks where a certificate says that one may ask, and remembers. One for the whole program. */
export class RevocationDesk {
  readonly #fetch: Fetch
  readonly #remembered = new Map<string, Remembered>()

  constructor(fetch: Fetch = fetchDocument) {
    this.#fetch = fetch
  }

  /**
   * The verdict on a chain, with what OCSP responders and lists say of it where that is wanted. Nobody is asked before
   * the chain has led to an anchor: a stranger cannot send us anywhere. Never rejects. RFC 5280 §6.3, RFC 6960
   */
  async judge(question: ChainQuestion): Promise<ChainVerdict> {
    const { revocation = 'off' } = question
    const before = verifyChain(revocation === 'off' ? question : { ...question, revocation: 'ifAvailable' })
    if (!before.ok || revocation === 'off') return before
    const open = linksOf(before.chain).filter(
      ({ certificate, issuer }) => standingIn(question, certificate, issuer).status === 'unknown',
    )
    if (open.length === 0) return before
    const found = await Promise.all(
      open.slice(0, CHOICE.certificates).map((link) => this.#ask(link, question)),
    )
    const evidence = found.flatMap(({ evidence }) => (evidence === undefined ? [] : [evidence]))
    const missing = found.map(({ problem }) => problem).find((problem) => problem !== '')
    const verdict = verifyChain({
      ...question,
      lists: [...(question.lists ?? []), ...evidence.flatMap((one) => ('list' in one ? [one.list] : []))],
      responses: [
        ...(question.responses ?? []),
        ...evidence.flatMap((one) => ('response' in one ? [one.response] : [])),
      ],
      ...(missing === undefined ? {} : { missing }),
    })
    return verdict.ok && missing !== undefined ? { ...verdict, unknown: missing } : verdict
  }

  async #ask(link: Link, question: ChainQuestion): Promise<Pick<Remembered, 'evidence' | 'problem'>> {
    const { ocsp, lists } = sourcesOf(link.certificate)
    const [responders, places] = [ocsp.filter(isWeb), lists.filter(isWeb)]
    if (responders.length + places.length === 0) {
      const others = [...ocsp, ...lists].map((url) => /^[a-z]+/i.exec(url)?.[0].toLowerCase() ?? 'nothing')
      const problem =
        others.length === 0
          ? 'it names nobody who could be asked'
          : `it can be looked up by ${[...new Set(others)].join(', ')} only, which was not tried`
      return { evidence: undefined, problem }
    }
    const said = await this.#first(responders, (url) => this.#respond(url, link, question))
    if (said.evidence !== undefined || places.length === 0) return said
    const listed = await this.#first(places, (url) => this.#list(url, link, question))
    return listed.evidence === undefined && said.problem !== '' ? said : listed
  }

  /** All at once; the first that says something counts. */
  async #first(
    urls: readonly string[],
    ask: (url: string) => Promise<Remembered>,
  ): Promise<Pick<Remembered, 'evidence' | 'problem'>> {
    const asked = urls.slice(0, CHOICE.servers).map(async (url) => {
      const answer = await ask(url)
      if (answer.evidence === undefined) throw new Error(`${url}: ${answer.problem}`)
      return answer
    })
    try {
      return await Promise.any(asked)
    } catch (thrown) {
      const [error] = (thrown as AggregateError).errors
      return { evidence: undefined, problem: error instanceof Error ? error.message : '' }
    }
  }

  #respond(url: string, link: Link, { at, weak }: ChainQuestion): Promise<Remembered> {
    const octets = encodeOcspRequest(link.certificate, link.issuer)
    return this.#remember(`${url} ${Buffer.from(octets).toString('base64')}`, at, async () => {
      const fetched = await this.#fetch({
        url,
        body: { type: 'application/ocsp-request', octets },
        limitMs: CHOICE.limitMs,
        mostOctets: CHOICE.ocspOctets,
      })
      if (!fetched.ok) return fetched.problem
      const read = decodeOcspResponse(fetched.octets)
      if (!read.ok) return read.error.problem
      const responses = [read.value]
      if (!speaks({ responses }, link, at, weak)) return 'it gives no answer that can be believed'
      const ends = read.value.answers.map(({ nextUpdate }) => nextUpdate)
      return { response: read.value, until: ends.find((end) => end !== undefined) }
    })
  }

  #list(url: string, link: Link, { at, weak }: ChainQuestion): Promise<Remembered> {
    return this.#remember(url, at, async () => {
      const fetched = await this.#fetch({ url, limitMs: CHOICE.limitMs, mostOctets: CHOICE.listOctets })
      if (!fetched.ok) return fetched.problem
      const read = decodeRevocationList(fetched.octets)
      if (!read.ok) return read.error.problem
      if (!speaks({ lists: [read.value] }, link, at, weak)) return 'it has no list that can be believed'
      return { list: read.value, until: read.value.nextUpdate }
    })
  }

  async #remember(key: string, at: number, ask: () => Promise<Evidence | string>): Promise<Remembered> {
    const known = this.#remembered.get(key)
    if (known !== undefined && at < known.until) return known
    const answer = await ask()
    const fresh: Remembered =
      typeof answer === 'string'
        ? { evidence: undefined, problem: answer, until: at + CHOICE.failedMs }
        : {
            evidence: answer,
            problem: '',
            until: Math.min(answer.until ?? at + CHOICE.undatedMs, at + CHOICE.longestMs),
          }
    this.#remembered.delete(key)
    this.#remembered.set(key, fresh)
    const [oldest] = this.#remembered.keys()
    if (this.#remembered.size > CHOICE.remembered && oldest !== undefined) this.#remembered.delete(oldest)
    return fresh
  }
}

const isWeb = (url: string): boolean => /^https?:\/\//i.test(url)

const speaks = (
  evidence: Parameters<typeof standingOf>[2],
  { certificate, issuer }: Link,
  at: number,
  weak: ChainQuestion['weak'],
): boolean =>
  standingOf(certificate, issuer, evidence, { at, weakSha1: weak?.sha1 === true }).status !== 'unknown'

const linksOf = (chain: readonly Certificate[]): readonly Link[] =>
  chain.slice(0, -1).map((certificate, at) => ({ certificate, issuer: chain[at + 1]! }))
