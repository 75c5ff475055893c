import type { MessageLine } from '../../core/contract/message.ts'
import type { TreeNode } from '../../core/contract/tree.ts'
import type { Cause, Part } from '../state/ladder.ts'
import { thousands } from './figures.ts'

// The sentences of the Inspector.

export const INSPECT = {
  list: 'Messages',
  empty: 'Nothing recorded yet. Connect, and every message appears here.',
  filter: 'Which messages',
  find: 'Find a field or value',
  findHint: 'Words, or a filter with the names Wireshark uses: isakmp.exchangetype == 34',
  pause: 'Pause',
  resume: 'Go on',
  save: 'Save…',
  saveHint: 'The messages as a file for Wireshark',
  you: 'This computer',
  gateway: 'Gateway',
  payloads: 'Payloads',
  view: 'What is shown of the message',
  fields: 'Fields',
  agreement: 'Offered and taken',
  bytes: 'Bytes',
  onTheWire: 'On the wire',
  none: 'none',
  these: 'These octets',
  taken: 'taken',
  notTaken: 'not taken',
  whole: 'The whole message',
  pickOne: 'Choose a field to see what it means, and which octets it is.',
} as const

export const FILTERS = [
  ['all', 'All'],
  ['phase1', 'Phase 1'],
  ['phase2', 'Phase 2'],
  ['problems', 'Problems'],
] as const

export type FilterName = (typeof FILTERS)[number][0]

const PARTS: Readonly<Record<Part, string>> = {
  agree: 'Phase 1: agree on keys',
  prove: 'Phase 1: prove identities',
  proveAndOpen: 'Phase 1: prove identities, and open phase 2',
  agreeAndProve: 'Phase 1: keys and identities at once',
  configure: 'Between the phases: sign-in and address',
  open: 'Phase 2: open the tunnel',
  another: 'Phase 2: another one',
  renewIke: 'Phase 1: new keys',
  renewChild: 'Phase 2: new keys',
  keep: 'Signs of life and news',
  close: 'Closing',
}
export const partName = (part: Part): string => PARTS[part]

/** `37 ms`, `2.4 s`. */
export const spell = (ms: number): string =>
  ms < 1000
    ? `${Math.round(ms)} ms`
    : ms < 60_000
      ? `${(ms / 1000).toFixed(1)} s`
      : `${Math.round(ms / 60_000)} min`

export const nothingShown = (filter: FilterName, wanted: string, count: number): string =>
  wanted !== ''
    ? `Nothing in ${thousands(count)} messages fits “${wanted}”.`
    : filter === 'problems'
      ? `No problems in ${thousands(count)} messages.`
      : `None of ${thousands(count)} messages is about this phase.`

export const unseenFields = (names: readonly string[]): string =>
  `No message here has ${names.length === 1 ? 'a field named' : 'the fields'} ${names.join(', ')}.`

export const misspelt = (problem: string, at: number): string =>
  `Not understood at character ${at + 1}: ${problem}.`

/** IKEv1's exchanges are modes. RFC 2409 §5 */
const MODES: Readonly<Record<string, string>> = {
  MAIN: 'Main mode',
  AGGRESSIVE: 'Aggressive mode',
  QUICK: 'Quick mode',
  TRANSACTION: 'Transaction',
}

export const messageName = ({ exchange, response }: MessageLine): string =>
  exchange in MODES ? (MODES[exchange] ?? exchange) : `${exchange} ${response ? 'response' : 'request'}`

export const messageSize = ({ octets, fragments }: MessageLine): string =>
  fragments === undefined ? `${thousands(octets)} octets` : `in ${fragments} fragments`

/** Which way it went, for somebody who does not see the ladder. */
export const messageWay = ({ direction }: MessageLine): string =>
  direction === 'in' ? ', from the gateway, ' : ', to the gateway, '

/** Ours: more notifies than this are counted, not named. */
const FEW = 2

/** `SA, KE, Nonce, 5 notifies`. An error is always named. */
export function payloadWords({ payloads, refusal, problem }: MessageLine): string {
  if (problem !== undefined) return problem
  if (refusal !== undefined) return refusal
  const notifies = payloads.filter((name) => name.startsWith('N('))
  const others = counted(payloads.filter((name) => !name.startsWith('N(')))
  const told = notifies.length > FEW ? [`${notifies.length} notifies`] : notifies
  return [...others, ...told].join(', ')
}

/** `NATD`, `NATD` → `2 NATD`. */
function counted(names: readonly string[]): readonly string[] {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return [...counts].map(([name, count]) => (count === 1 ? name : `${count} ${name}`))
}

export const clock = (atMs: number): string => {
  const at = new Date(atMs)
  const two = (value: number): string => String(value).padStart(2, '0')
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, '0')}`
}

/** `octet 18`, `octets 0 to 7`. */
export const fieldPlace = ({ at, length }: { readonly at: number; readonly length: number }): string =>
  length === 1 ? `octet ${at}` : length === 0 ? `no octets at ${at}` : `octets ${at} to ${at + length - 1}`

/** Facts about one message, as rows. */
export const messageFacts = (message: MessageLine): readonly (readonly [string, string])[] => [
  ['From', message.direction === 'out' ? INSPECT.you : INSPECT.gateway],
  ['Time', clock(message.atMs)],
  ['Message ID', `${message.messageId}`],
  ['Size', messageSize(message)],
  ...(message.retransmission ? [['Again', 'sent or seen before, RFC 7296 §2.1'] as const] : []),
  ...(message.fragment === undefined
    ? []
    : [['Fragment', `${message.fragment.number} of ${message.fragment.total}, RFC 7383`] as const]),
  ...(message.refusal === undefined ? [] : [['Refuses', message.refusal] as const]),
  ...(message.problem === undefined ? [] : [['Problem', message.problem] as const]),
  ['Payloads', message.payloads.join(', ') || INSPECT.none],
]

/** What a field's octets are, piece by piece; at most as many as fit. */
export function legend(node: TreeNode, hex: string): readonly (readonly [string, string])[] {
  const parts = (node.children ?? []).filter((child) => child.layer === node.layer && child.length > 0)
  const shown = parts.length === 0 ? [node] : parts
  return shown.slice(0, MOST_PIECES).map((piece) => {
    const digits = hex.slice(2 * piece.at, 2 * Math.min(piece.at + piece.length, piece.at + LONGEST_PIECE))
    const more = piece.length > LONGEST_PIECE ? ' …' : ''
    const words = piece.value === '' ? piece.name : `${piece.name}: ${piece.value}`
    return [`${(digits.match(/../g) ?? []).join(' ')}${more}`, words] as const
  })
}
const MOST_PIECES = 8
const LONGEST_PIECE = 4

const CAUSES: Readonly<Record<Cause['by'], (message: MessageLine) => string>> = {
  problem: ({ problem }) => `This message cannot be right: ${problem}.`,
  refusal: ({ refusal, direction }) =>
    direction === 'in' ? `The gateway refuses here: ${refusal}.` : `This computer refuses here: ${refusal}.`,
  silence: () => 'Nobody answered this message.',
  last: () => 'This was the last message before it ended.',
}
export const causeSays = ({ by, message }: Cause): string => CAUSES[by](message)

/** Where the messages are now. */
export const savedMessages = (files: readonly string[]): string => `Saved: ${files.join(', ')}`
