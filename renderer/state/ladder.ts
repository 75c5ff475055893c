import type { MessageLine } from '../../core/contract/message.ts'
import { heightOf, type Placed } from './rows.ts'

/** What a stretch of messages is for. */
export type Part =
  /** Algorithms and keys. */
  | 'agree'
  | 'prove'
  /** Both in the same messages, as in IKE_AUTH with one proof, or IKEv1 aggressive mode. */
  | 'proveAndOpen'
  | 'agreeAndProve'
  /** XAuth, addresses. */
  | 'configure'
  | 'open'
  | 'another'
  | 'renewIke'
  | 'renewChild'
  /** Signs of life, news. */
  | 'keep'
  | 'close'

const PHASES: Readonly<Record<Part, readonly (1 | 2)[]>> = {
  agree: [1],
  prove: [1],
  proveAndOpen: [1, 2],
  agreeAndProve: [1],
  configure: [1],
  open: [2],
  another: [2],
  renewIke: [1],
  renewChild: [2],
  keep: [],
  close: [],
}

/** The phases a part serves; none for what only keeps the connection. */
export const phasesOf = (part: Part): readonly (1 | 2)[] => PHASES[part]

export type LadderRow = Placed &
  (
    | {
        readonly kind: 'part'
        readonly part: Part
        readonly key: string
        /** From its first message to its last. */
        readonly tookMs: number
      }
    | { readonly kind: 'message'; readonly message: MessageLine; readonly key: string }
  )

const HEIGHTS = { part: 32, message: 46 } as const

/** What the messages of one exchange are about, as far as they are known. */
interface Exchange {
  /** Where its messages stand among all. */
  readonly at: number[]
  readonly payloads: Set<string>
  /** An answer has selectors: phase 2 was opened. */
  opens: boolean
  /** The part before its first message, and whether phase 2 stood then. */
  readonly before: Part
  readonly opened: boolean
  part: Part
}

/** Requests of the two ends count apart from each other, and so do IKE SAs. */
const exchangeKey = ({ sa, exchange, messageId, direction, response }: MessageLine): string =>
  `${sa} ${exchange} ${messageId} ${(direction === 'out') !== response}`

function partOf(
  { exchange, messageId, payloads, response }: MessageLine,
  together: Exchange,
  before: Part,
): Part {
  const holds = (name: string): boolean => together.payloads.has(name)
  switch (exchange) {
    case 'IKE_SA_INIT':
    case 'IKE_SESSION_RESUME':
    case 'IKE_INTERMEDIATE':
      return 'agree'
    case 'IKE_AUTH':
      if (!together.opens) return 'prove'
      return messageId === 1 ? 'proveAndOpen' : 'open'
    case 'CREATE_CHILD_SA':
      if (holds('N(REKEY_SA)')) return 'renewChild'
      return holds('TSi') ? 'another' : 'renewIke'
    case 'IKE_FOLLOWUP_KE':
      return before
    case 'MAIN':
      return payloads.includes('ID') || (before === 'prove' && response) ? 'prove' : 'agree'
    case 'AGGRESSIVE':
      return 'agreeAndProve'
    case 'TRANSACTION':
      return 'configure'
    case 'QUICK':
      return together.opened ? 'renewChild' : 'open'
    default:
      return holds('Delete') ? 'close' : 'keep'
  }
}

const begins = (part: Part | undefined): boolean => part === 'agree' || part === 'agreeAndProve'

/**
 * The messages in their order, each part of them under its heading. What comes is put behind what is there: a hundred
 * thousand messages cost no more with each new one than ten. A question and its answer belong together, so an answer
 * may move its question to another part.
 */
export class Ladder {
  readonly messages: MessageLine[] = []
  readonly parts: Part[] = []
  /** What fits the filter. */
  readonly shown: MessageLine[] = []
  readonly rows: LadderRow[] = []
  /** Unix time in ms at which the newest negotiation began, as far as its messages are kept. */
  startMs = 0
  #fits: (message: MessageLine, part: Part) => boolean = () => true
  readonly #exchanges = new Map<string, Exchange>()
  /** Where each shown message stands among all, and among the rows. */
  readonly #shownAt: number[] = []
  readonly #rowAt: number[] = []
  /** Where the headings are among the rows. */
  readonly #headings: number[] = []
  #before: Part = 'agree'
  #opened = false

  constructor(messages: readonly MessageLine[] = []) {
    this.append(messages)
  }

  append(messages: readonly MessageLine[]): void {
    let changed = this.messages.length
    for (const message of messages) changed = Math.min(changed, this.#add(message))
    this.#rebuild(changed)
  }

  /** Other ones are to be shown. */
  show(fits: (message: MessageLine, part: Part) => boolean): void {
    this.#fits = fits
    this.#rebuild(0)
  }

  /** The row of a message, by its number. */
  rowOf(number: number): LadderRow | undefined {
    return this.rows[this.#rowAt[placeOf(this.shown, number)] ?? -1]
  }

  /** A message that is shown, by its number. */
  find(number: number): MessageLine | undefined {
    return this.shown[placeOf(this.shown, number)]
  }

  /** The shown message before or after this one. */
  beside(number: number, by: 1 | -1): MessageLine | undefined {
    const at = placeOf(this.shown, number)
    return at === -1 ? undefined : this.shown[at + by]
  }

  /** Answers the first message whose part is another one now. */
  #add(message: MessageLine): number {
    const at = this.messages.push(message) - 1
    const key = exchangeKey(message)
    const together: Exchange = this.#exchanges.get(key) ?? {
      at: [],
      payloads: new Set(),
      opens: false,
      before: this.#before,
      opened: this.#opened,
      part: 'keep',
    }
    this.#exchanges.set(key, together)
    for (const name of message.payloads) together.payloads.add(name)
    if (message.response && message.payloads.includes('TSi')) together.opens = true
    // Only main mode has messages of two parts under one number.
    const isMain = message.exchange === 'MAIN'
    const part = partOf(message, together, isMain ? this.#before : together.before)
    const moved = !isMain && together.at.length > 0 && part !== together.part
    if (moved) for (const one of together.at) this.parts[one] = part
    together.part = part
    together.at.push(at)
    this.parts.push(part)
    if (part === 'open' || part === 'proveAndOpen') this.#opened = true
    if (begins(part)) this.#opened = false
    if (at === 0 || (begins(part) && !begins(this.parts[at - 1]))) this.startMs = message.atMs
    this.#before = part
    return moved ? (together.at[0] ?? at) : at
  }

  /** Shows anew what stands from here on. */
  #rebuild(from: number): void {
    let keep = this.shown.length
    while (keep > 0 && (this.#shownAt[keep - 1] ?? 0) >= from) keep -= 1
    // A heading goes with its first message.
    let rows = keep === this.shown.length ? this.rows.length : (this.#rowAt[keep] ?? 0)
    if (this.rows[rows - 1]?.kind === 'part') rows -= 1
    for (const list of [this.shown, this.#shownAt, this.#rowAt]) list.length = keep
    this.rows.length = rows
    while ((this.#headings.at(-1) ?? -1) >= rows) this.#headings.pop()
    this.#endHeading()
    for (let at = from; at < this.messages.length; at += 1) {
      const message = this.messages[at]
      const part = this.parts[at]
      if (message === undefined || part === undefined || !this.#fits(message, part)) continue
      this.#place(message, part, at)
    }
    this.#endHeading()
  }

  #place(message: MessageLine, part: Part, at: number): void {
    const last = this.#heading
    if (last?.part !== part) {
      this.#endHeading()
      this.#headings.push(this.rows.length)
      this.rows.push({ kind: 'part', part, key: `part ${message.number}`, tookMs: 0, ...this.#below('part') })
    }
    this.shown.push(message)
    this.#shownAt.push(at)
    this.#rowAt.push(this.rows.length)
    this.rows.push({ kind: 'message', message, key: `${message.number}`, ...this.#below('message') })
  }

  get #heading(): (LadderRow & { kind: 'part' }) | undefined {
    const row = this.rows[this.#headings.at(-1) ?? -1]
    return row?.kind === 'part' ? row : undefined
  }

  /** The last heading says how long its messages took, of which the last are known now. */
  #endHeading(): void {
    const at = this.#headings.at(-1)
    const heading = this.#heading
    const [first, last] = [this.rows[(at ?? 0) + 1], this.rows.at(-1)]
    if (at === undefined || heading === undefined || first?.kind !== 'message' || last?.kind !== 'message')
      return
    this.rows[at] = { ...heading, tookMs: last.message.atMs - first.message.atMs }
  }

  #below(kind: keyof typeof HEIGHTS): Placed {
    return { top: heightOf(this.rows), height: HEIGHTS[kind] }
  }
}

/** Where a message stands, by halving; -1 where it is not. */
function placeOf(messages: readonly MessageLine[], number: number): number {
  let low = 0
  let high = messages.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((messages[middle]?.number ?? number) < number) low = middle + 1
    else high = middle
  }
  return messages[low]?.number === number ? low : -1
}

/** Why a connection ended, as far as a message says it. */
export interface Cause {
  readonly message: MessageLine
  readonly by: 'problem' | 'refusal' | 'silence' | 'last'
}

/** Ours: what was said long before the end did not cause it. */
const SHORTLY = 40

/** The message that shows best why it failed: one that cannot be right, one that refuses, one nobody answered, else the last. */
export function causeOf(messages: readonly MessageLine[]): Cause | undefined {
  const lately = messages.slice(-SHORTLY)
  const problem = lately.findLast((one) => one.direction === 'in' && one.problem !== undefined)
  const refusal = lately.findLast((one) => one.refusal !== undefined)
  const latest = [problem, refusal].filter((one) => one !== undefined).sort((a, b) => b.number - a.number)[0]
  if (latest !== undefined) return { message: latest, by: latest === problem ? 'problem' : 'refusal' }
  const last = lately.at(-1)
  if (last === undefined) return undefined
  const first = lately.find(
    (one) => one.direction === 'out' && one.messageId === last.messageId && one.exchange === last.exchange,
  )
  if (last.direction === 'out' && !last.response) return { message: first ?? last, by: 'silence' }
  return { message: last, by: 'last' }
}
