import type { VpnError } from '../../../errors.ts'
import { NotifyType } from '../../../iana/ikev2-notify.ts'
import type { KePayload, Payload, Proposal } from '../../../wire/ikev2/payload.ts'
import type { OfferedProposal, OfferedTransform } from '../../config.ts'
import type { Negotiation } from '../negotiation.ts'
import { find, notify, spiNumber } from '../payloads.ts'
import { type ChildSuite, childSuite, choose, PROTOCOL, TYPE } from '../suite.ts'
import type { Answer } from './informational.ts'

/** A refusal that leaves everything as it is. RFC 7296 §2.21.3 */
export const refuse = (type: number, data?: Uint8Array): Answer => ({ payloads: [notify(type, data)] })

/** A request that broke the rules: INVALID_SYNTAX, after which the IKE SA is over on both sides. RFC 7296 §2.21.3 */
export function malformed(problem: string, reference: string): Answer {
  const fatal: VpnError = { kind: 'protocol', exchange: 'CREATE_CHILD_SA', problem, reference }
  return { payloads: [notify(NotifyType.INVALID_SYNTAX.id)], fatal }
}

/** "Send that group instead." RFC 7296 §1.3 */
export const wantGroup = (id: number): Answer =>
  refuse(NotifyType.INVALID_KE_PAYLOAD.id, Uint8Array.of(id >> 8, id & 0xff))

/** The group an INVALID_KE_PAYLOAD names, 0 if none. */
export const groupOf = (data: Uint8Array): number => (data.length === 2 ? (data[0]! << 8) | data[1]! : 0)

/** Groups for CHILD_SAs made by CREATE_CHILD_SA, the most wanted first; none: no perfect forward secrecy. */
export const rekeyGroups = (n: Negotiation): number[] =>
  n.config.pfsGroups.filter((id) => n.registry.keyExchange.has(id))

const withGroups = (offers: readonly OfferedProposal[], groups: readonly number[]): OfferedProposal[] =>
  offers.map((p) => [
    ...p.filter((t) => t.type !== TYPE.KE),
    ...groups.map((id): OfferedTransform => ({ type: TYPE.KE, id })),
  ])

/** What we offer in CREATE_CHILD_SA: the ESP proposals, each with all groups where secrecy is wanted. RFC 7296 §1.3.3 */
export const rekeyOffers = (n: Negotiation): OfferedProposal[] =>
  withGroups(n.config.espProposals, rekeyGroups(n))

export interface ChildChoice {
  readonly proposal: Proposal
  readonly chosen: readonly OfferedTransform[]
  readonly suite: ChildSuite
  /** Goes with `suite.keyExchange`. */
  readonly ke: KePayload | undefined
}

/**
 * What we take of the peer's offer in CREATE_CHILD_SA, or our refusal. If we want perfect forward secrecy, the peer
 * must offer it; if it does without being asked, it gets it. RFC 7296 §2.7, §1.3
 */
export function chooseChild(n: Negotiation, payloads: readonly Payload[]): ChildChoice | Answer {
  const wanted = rekeyGroups(n)
  const groups =
    wanted.length > 0
      ? wanted
      : [...n.registry.keyExchange].filter(([, row]) => row.weakness === undefined).map(([id]) => id)
  const allowed = withGroups(n.config.espProposals, groups)
  const offered = (find(payloads, 'SA')?.proposals ?? []).filter(
    (p) =>
      p.spi.length === 4 &&
      spiNumber(p.spi) >= 256 &&
      (wanted.length === 0 || p.transforms.some((t) => t.type === TYPE.KE && t.id !== 0)),
  )
  const ke = find(payloads, 'KE')
  // The group that came with a public value saves a round.
  const pick =
    choose(allowed, PROTOCOL.ESP, offered, (id) => id === ke?.group) ?? choose(allowed, PROTOCOL.ESP, offered)
  const suite = pick === undefined ? undefined : childSuite(n.registry, pick.chosen)
  if (pick === undefined || suite === undefined) return refuse(NotifyType.NO_PROPOSAL_CHOSEN.id)
  if (suite.keyExchange !== undefined && ke?.group !== suite.keyExchange.id)
    return wantGroup(suite.keyExchange.id)
  return { ...pick, suite, ke }
}
