import { addressBytes } from '../../bytes/address.ts'
import { concat, equal } from '../../bytes/octets.ts'
import { IdType } from '../../iana/ikev1.ts'
import type { Endpoint } from '../../net/plan.ts'
import type { NatDPayload, NatOaPayload, Payload } from '../../wire/ikev1/payload.ts'
import type { HashInfo } from './hash-algorithms.ts'
import type { Cookies } from './keys.ts'
import type { Negotiation, PeerFacts } from './negotiation.ts'
import { all } from './payloads.ts'

/** hash(CKY-I ‖ CKY-R ‖ IP ‖ port). RFC 3947 §3.2 */
export function natHash(
  hash: HashInfo,
  { initiatorCookie, responderCookie }: Cookies,
  e: Endpoint,
): Uint8Array {
  const port = Uint8Array.of(e.port >> 8, e.port & 0xff)
  return hash.compute(concat(initiatorCookie, responderCookie, addressBytes(e.address), port))
}

/**
 * What we see of both ends: the peer's first, then ours. When encapsulation is wanted anyway, ours is one that
 * nothing fits, so that both ends find a NAT. RFC 3947 §3.2
 */
export function natPayloads(
  n: Negotiation,
  { peer }: PeerFacts,
  hash: HashInfo,
  cookies: Cookies,
): Payload[] {
  if (peer.natTraversal === 'none') return []
  const draft = peer.natTraversal === 'draft' ? { draft: true as const } : {}
  const ours = n.config.forceEncapsulation ? n.random.bytes(hash.bytes) : natHash(hash, cookies, n.local!)
  return [natHash(hash, cookies, n.remote!), ours].map(
    (h): NatDPayload => ({ type: 'NATD', hash: h, ...draft }),
  )
}

/** What the peer sees: whether somebody on the way changes addresses. RFC 3947 §3.2 */
export function findNat(
  n: Negotiation,
  facts: PeerFacts,
  hash: HashInfo,
  cookies: Cookies,
  payloads: readonly Payload[],
): void {
  const [seen, ...sources] = all(payloads, 'NATD')
  if (facts.peer.natTraversal === 'none' || seen === undefined || sources.length === 0) return
  facts.nat = {
    known: true,
    us: !equal(seen.hash, natHash(hash, cookies, n.local!)),
    gateway: !sources.some((source) => equal(source.hash, natHash(hash, cookies, n.remote!))),
  }
}

/** Where both ends are, as this one sees it: transport mode through a NAT changes checksums by it. RFC 3947 §5.2 */
export function originalAddresses({ local, remote, facts }: Negotiation, initiator: boolean): Payload[] {
  const draft = facts.peer.natTraversal === 'draft' ? { draft: true as const } : {}
  const ends = initiator ? [local, remote] : [remote, local]
  return ends.map((end): NatOaPayload => {
    const address = addressBytes(end!.address)
    const idType = address.length === 4 ? IdType.ID_IPV4_ADDR.id : IdType.ID_IPV6_ADDR.id
    return { type: 'NATOA', idType, address, ...draft }
  })
}

/** Packets travel in UDP: a NAT was found, or we want it so. */
export const isEncapsulated = (n: Negotiation, { peer, nat }: PeerFacts = n.facts): boolean =>
  peer.natTraversal !== 'none' && nat.known && (nat.us || nat.gateway || n.config.forceEncapsulation)
