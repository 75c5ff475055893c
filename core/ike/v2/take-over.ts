import type { Millis } from '../../bytes/brands.ts'
import { NO_OCTETS } from '../../bytes/octets.ts'
import type { ChildSa } from './child-sa.ts'
import type { Established } from './established.ts'
import type { IkeSa } from './ike-sa.ts'
import type { Negotiation } from './negotiation.ts'
import type { Progress } from './reauthentication.ts'

/** An IKE SA on its way out, and the CHILD_SAs that end with it: nobody inherits them. RFC 7296 §2.8.3 */
export interface Retiring {
  readonly sa: IkeSa
  readonly children: readonly ChildSa[]
  /** Its Delete is asked for. */
  deleted?: boolean
}

/**
 * The fresh IKE SA and its CHILD_SA take over from those of before. The others it had are made on it too; then the old
 * IKE SA may go, and with it all that stood on it. RFC 7296 §2.8.3
 */
export function takeOver(
  e: Established,
  { fresh, configuration, selectors }: Extract<Progress, { outcome: 'done' }>,
  now: Millis,
): Retiring {
  const { n } = e
  const old = e.current
  const children = [...n.children.values()]
  const others = children.filter((c) => c.state === 'installed' || c.state === 'rekeying')
  old.queue.length = 0
  // Whatever the old one still answers is about SAs that go.
  if (old.outstanding !== undefined)
    old.outstanding = { ...old.outstanding, request: { ...old.outstanding.request, onReply: () => {} } }
  if (old.state !== 'closed') old.state = 'replaced'

  const [first] = fresh.children.values()
  for (const child of children) end(n, child, first!)
  for (const child of fresh.children.values()) {
    n.children.set(child.inboundSpi, child)
    if (child.rekeyAt !== undefined) n.setTimer(`child-rekey:${child.inboundSpi}`, child.rekeyAt)
  }
  fresh.children.clear()

  const changed = JSON.stringify(configuration) !== JSON.stringify(n.configuration)
  e.sas.push(fresh.current!)
  n.current = fresh.current
  n.remoteId = fresh.remoteId
  n.remoteProof = fresh.remoteProof
  n.eapMethod = fresh.eapMethod
  n.vendorIds.splice(0, n.vendorIds.length, ...fresh.vendorIds)
  n.nat = fresh.nat
  n.mobike = fresh.mobike
  n.peerAddresses = fresh.peerAddresses
  n.local = fresh.local
  n.remote = fresh.remote
  n.configuration = configuration
  n.authLifetimeSeconds = fresh.authLifetimeSeconds
  n.ikeRefusedSince = undefined
  n.state = 'connected'
  n.step = ''
  n.note('proved who we are once more; a fresh IKE SA carries on')
  if (changed) n.act({ do: 'established', configuration, selectors })
  e.children.begin(now)
  for (const { name, selectors: wanted } of others)
    if (name !== first!.name) e.children.want({ name, selectors: wanted, since: now }, now)
  return { sa: old, children }
}

function end(n: Negotiation, child: ChildSa, successor: ChildSa): void {
  for (const timer of ['child-rekey', 'child-linger', 'child-known'])
    n.clearTimer(`${timer}:${child.inboundSpi}`)
  child.state = 'replaced'
  child.successorOfOurs = { child: successor, lowestNonce: NO_OCTETS }
}
