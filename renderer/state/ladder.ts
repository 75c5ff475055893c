import type { MessageLine } from '../../core/contract/message.ts'
import type { Placed } from './rows.ts'

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

/** Which part each message belongs to. A question and its answer belong together. */
export function partsOf(messages: readonly MessageLine[]): readonly Part[] {
  const exchanges = new Map<string, MessageLine[]>()
  for (const message of messages) {
    const key = exchangeKey(message)
    const list = exchanges.get(key)
    if (list === undefined) exchanges.set(key, [message])
    else list.push(message)
  }
  let opened = false
  let before: Part = 'agree'
  const known = new Map<string, Part>()
  return messages.map((message) => {
    const key = exchangeKey(message)
    const fixed = known.get(key)
    // Only main mode has messages of two parts under one number.
    if (fixed !== undefined && message.exchange !== 'MAIN') return fixed
    const part = partOf(message, exchanges.get(key) ?? [], before, opened)
    known.set(key, part)
    if (part === 'open' || part === 'proveAndOpen') opened = true
    if (part === 'agree' || part === 'agreeAndProve') opened = false
    before = part
    return part
  })
}

/** Requests of the two ends count apart from each other. */
const exchangeKey = ({ exchange, messageId, direction, response }: MessageLine): string =>
  `${exchange} ${messageId} ${(direction === 'out') !== response}`

function partOf(
  { exchange, messageId, payloads, response }: MessageLine,
  together: readonly MessageLine[],
  before: Part,
  opened: boolean,
): Part {
  const holds = (name: string): boolean => together.some((one) => one.payloads.includes(name))
  switch (exchange) {
    case 'IKE_SA_INIT':
    case 'IKE_SESSION_RESUME':
    case 'IKE_INTERMEDIATE':
      return 'agree'
    case 'IKE_AUTH':
      if (!together.some((one) => one.response && one.payloads.includes('TSi'))) return 'prove'
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
      return opened ? 'renewChild' : 'open'
    default:
      return holds('Delete') ? 'close' : 'keep'
  }
}

/** The messages in their order, each part of them under its heading. */
export function ladderOf(messages: readonly MessageLine[], parts: readonly Part[]): readonly LadderRow[] {
  const rows: LadderRow[] = []
  let top = 0
  const place = (kind: keyof typeof HEIGHTS): Placed => {
    const placed = { top, height: HEIGHTS[kind] }
    top += placed.height
    return placed
  }
  for (let at = 0; at < messages.length; ) {
    const part = parts[at] ?? 'keep'
    let end = at
    while (end < messages.length && parts[end] === part) end += 1
    if (end === at) end += 1
    const [first, last] = [messages[at], messages[end - 1]]
    if (first === undefined || last === undefined) break
    const tookMs = last.atMs - first.atMs
    rows.push({ kind: 'part', part, key: `part ${first.number}`, tookMs, ...place('part') })
    for (const message of messages.slice(at, end))
      rows.push({ kind: 'message', message, key: `${message.number}`, ...place('message') })
    at = end
  }
  return rows
}

/** Unix time in ms at which the newest negotiation began, as far as its messages are kept. */
export function startOf(messages: readonly MessageLine[], parts: readonly Part[]): number {
  const begins = (part: Part | undefined): boolean => part === 'agree' || part === 'agreeAndProve'
  for (let at = messages.length - 1; at >= 0; at -= 1) {
    if (begins(parts[at]) && !begins(parts[at - 1])) return messages[at]?.atMs ?? 0
  }
  return messages[0]?.atMs ?? 0
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
