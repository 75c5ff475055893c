import { NotifyType } from '../../iana/ikev2-notify.ts'
import type { Negotiation } from './negotiation.ts'

/** What the peer refuses that does not want a key exchange for a CHILD_SA. */
const REFUSALS: readonly number[] = [
  NotifyType.NO_PROPOSAL_CHOSEN.id,
  NotifyType.INVALID_KE_PAYLOAD.id,
  NotifyType.INVALID_SYNTAX.id,
]

/** Groups for CHILD_SAs made by CREATE_CHILD_SA, the most wanted first; none: no perfect forward secrecy. */
export function secrecyGroups({ config, registry, secrecy, current }: Negotiation): readonly number[] {
  if (secrecy === 'none') return []
  if (secrecy === 'group of IKE') return current === undefined ? [] : [current.suite.keyExchange.id]
  return config.pfsGroups.filter((id) => registry.keyExchange.has(id))
}

/**
 * The peer refused what we asked for with a key exchange of its own. Where the profile does not insist on it the group of
 * the IKE SA is tried, which the peer has, and then none: some gateways (Juniper, Windows) take neither, and would close
 * the tunnel when its keys end. Who refuses has proven who it is, so nobody else can bring this about. → whether to ask again
 */
export function withLessSecrecy(n: Negotiation, type: number): boolean {
  if (n.config.secrecyOptional !== true || !REFUSALS.includes(type) || n.secrecy === 'none') return false
  const before = secrecyGroups(n)
  if (before.length === 0) return false
  const ofIke = n.current?.suite.keyExchange.id
  n.secrecy = n.secrecy === 'whole' && !before.includes(ofIke ?? 0) ? 'group of IKE' : 'none'
  n.note(
    n.secrecy === 'none'
      ? 'the gateway refuses a key exchange for fresh keys: going on without, so with no perfect forward secrecy'
      : 'the gateway refuses the groups for fresh keys: trying the one of phase 1',
  )
  return true
}
