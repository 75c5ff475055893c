import type { VpnError } from '../../../errors.ts'
import type { ChildMode } from '../../../esp/engine.ts'
import { NotifyType } from '../../../iana/ikev2-notify.ts'
import type { KePayload, Payload, Proposal } from '../../../wire/ikev2/payload.ts'
import type { ConnectionConfig, OfferedProposal, OfferedTransform } from '../../config.ts'
import type { ChildSa } from '../child-sa.ts'
import type { Negotiation } from '../negotiation.ts'
import { find, notify, spiNumber } from '../payloads.ts'
import { secrecyGroups } from '../secrecy.ts'
import { type ChildSuite, childSuite, choose, isAdditional, PROTOCOL, TYPE } from '../suite.ts'
import { chosenMode, saysTransport } from '../transport-mode.ts'
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

/** See {@link secrecyGroups}. */
export const rekeyGroups = secrecyGroups

const withGroups = (offers: readonly OfferedProposal[], groups: readonly number[]): OfferedProposal[] =>
  offers.map((p) => [
    ...p.filter((t) => t.type !== TYPE.KE),
    ...groups.map((id): OfferedTransform => ({ type: TYPE.KE, id })),
  ])

/** What a client asks for: AH or ESP. Both at once IKEv2 cannot. RFC 7296 §3.3.1 */
export const askedProtocol = ({ protection }: ConnectionConfig): number =>
  protection?.protocol === 'ah' ? PROTOCOL.AH : PROTOCOL.ESP

/** What protects the packets of a CHILD_SA. */
export const protocolOf = ({ ah }: ChildSuite): number => (ah === undefined ? PROTOCOL.ESP : PROTOCOL.AH)

/** Our proposals of this protocol. */
export const proposalsOf = (
  { config }: Pick<Negotiation, 'config'>,
  protocol: number,
): readonly OfferedProposal[] =>
  protocol === PROTOCOL.AH ? (config.ahProposals ?? []) : protocol === PROTOCOL.ESP ? config.espProposals : []

/** Those without key exchange: the first CHILD_SA takes its keys from IKE_SA_INIT. RFC 7296 §1.2 */
export const firstOffers = (n: Negotiation, protocol: number): OfferedProposal[] =>
  proposalsOf(n, protocol).map((p) => p.filter((t) => t.type !== TYPE.KE && !isAdditional(t)))

/** What we offer in CREATE_CHILD_SA: our proposals, each with all groups where secrecy is wanted. RFC 7296 §1.3.3 */
export const rekeyOffers = (n: Negotiation, protocol: number): OfferedProposal[] =>
  withGroups(proposalsOf(n, protocol), rekeyGroups(n))

/** The first of the peer's proposals, of AH or ESP, that we allow. An AH does not come through a NAT as it was. RFC 7296 §2.7 */
export function chooseProtection(
  n: Negotiation,
  proposals: readonly Proposal[],
  allowed: (protocol: number) => readonly OfferedProposal[],
  acceptGroup?: (id: number) => boolean,
): (NonNullable<ReturnType<typeof choose>> & { readonly suite: ChildSuite }) | undefined {
  const behindNat = n.nat.us || n.nat.gateway
  for (const proposal of proposals) {
    const { protocol, spi } = proposal
    if (protocol === PROTOCOL.AH && behindNat) continue
    if (spi.length !== 4 || spiNumber(spi) < 256) continue
    const pick = choose(allowed(protocol), protocol, [proposal], acceptGroup)
    const suite = pick === undefined ? undefined : childSuite(n.registry, pick.chosen, protocol)
    if (pick !== undefined && suite !== undefined) return { ...pick, suite }
  }
  return undefined
}

export interface ChildChoice {
  readonly proposal: Proposal
  readonly chosen: readonly OfferedTransform[]
  readonly suite: ChildSuite
  readonly mode: ChildMode
  /** Goes with `suite.keyExchange`. */
  readonly ke: KePayload | undefined
}

/**
 * What we take of the peer's offer in CREATE_CHILD_SA, or our refusal. `replaced`: what it is to replace, with the same
 * protocol and in the same mode. If we want perfect forward secrecy, the peer
 * must offer it, unless we can do without; if it does without being asked, it gets it. RFC 7296 §2.7, §1.3
 */
export function chooseChild(
  n: Negotiation,
  payloads: readonly Payload[],
  replaced?: Pick<ChildSa, 'suite' | 'mode'>,
): ChildChoice | Answer {
  const mode = replaced === undefined ? chosenMode(n.config, payloads) : replaced.mode
  if (mode === undefined || (mode === 'transport' && !saysTransport(payloads)))
    return refuse(NotifyType.NO_PROPOSAL_CHOSEN.id)
  const keyless = n.config.secrecyOptional === true && find(payloads, 'KE') === undefined
  const wanted = keyless ? [] : rekeyGroups(n)
  const groups =
    wanted.length > 0
      ? wanted
      : [...n.registry.keyExchange].filter(([, row]) => row.weakness === undefined).map(([id]) => id)
  const allowed = (protocol: number) => withGroups(proposalsOf(n, protocol), groups)
  const offered = (find(payloads, 'SA')?.proposals ?? []).filter(
    (p) =>
      (replaced === undefined || p.protocol === protocolOf(replaced.suite)) &&
      (wanted.length === 0 || p.transforms.some((t) => t.type === TYPE.KE && t.id !== 0)),
  )
  const ke = find(payloads, 'KE')
  // The group that came with a public value saves a round.
  const pick =
    chooseProtection(n, offered, allowed, (id) => id === ke?.group) ?? chooseProtection(n, offered, allowed)
  if (pick === undefined) return refuse(NotifyType.NO_PROPOSAL_CHOSEN.id)
  const { keyExchange } = pick.suite
  if (keyExchange !== undefined && ke?.group !== keyExchange.id) return wantGroup(keyExchange.id)
  return { ...pick, mode, ke }
}
