import { addressText } from '../../core/bytes/address.ts'
import type { ChildSa } from '../../core/ike/v2/child-sa.ts'
import type { Established } from '../../core/ike/v2/established.ts'
import { udp4 } from './inner-packets.ts'
import type { Net, Peer } from './two-peers.ts'

/** What two peers at rest do not agree on, in one sentence; `undefined` when both hold the same SAs and packets pass. */
export function disagreement(net: Net): string | undefined {
  const { client, gateway } = net
  const closed = net.peers.filter((p) => p.closed !== undefined)
  if (closed.length === 2) return undefined
  if (closed.length === 1) return `only the ${closed[0]!.name} has closed`
  const sas = (peer: Peer) => (peer.state as Established).sas
  if (sas(client).length !== 1 || sas(gateway).length !== 1) return 'IKE SAs are left over'
  const [ours, theirs] = [client.n.current!, gateway.n.current!]
  if (hex(ours.localSpi) !== hex(theirs.remoteSpi) || hex(ours.remoteSpi) !== hex(theirs.localSpi))
    return 'different IKE SAs'
  if (ours.outstanding !== undefined || theirs.outstanding !== undefined) return 'a request is still out'
  if (ours.queue.length + theirs.queue.length > 0) return 'a request still waits for its turn'
  const swapped = gateway.children.map((pair) => pair.split('/').reverse().join('/')).sort()
  if (client.children.join() !== swapped.join()) return 'different CHILD_SAs'
  if (client.children.length === 0) return 'no CHILD_SA is left'
  for (const peer of net.peers) {
    const children = [...peer.n.children.values()]
    if (new Set(children.map((c) => c.name)).size !== children.length) return 'redundant CHILD_SAs'
    if (children.some((c) => c.state !== 'installed')) return 'a CHILD_SA is neither here nor gone'
    if (children.some((c) => peer.engine.inbound(c.inboundSpi) === undefined))
      return 'a CHILD_SA that the datapath does not know'
    if (children.some((c) => peer.engine.outbound(c.outboundSpi) === undefined))
      return 'a CHILD_SA that nothing is sent with'
    if (peer.n.lingering.size > 0) return 'an inbound SA lingers'
  }
  return deaf(net)
}

/** A packet that would not arrive if it were sent now. */
export function deaf(net: Net): string | undefined {
  // One that the peer may not have the answer for is not counted on.
  for (const peer of net.peers)
    for (const child of peer.closed === undefined ? peer.n.children.values() : [])
      if (child.unconfirmed !== true && !passes(net, peer, child))
        return `a packet of the ${peer.name} for ${child.name} would be lost`
  return undefined
}

/** Whether a packet gets through this CHILD_SA, or the one that replaces it, past everything in flight. */
function passes(net: Net, peer: Peer, { selectors }: ChildSa): boolean {
  const [from, to] = [selectors.local[0]!, selectors.remote[0]!].map((s) => addressText(s.startAddress))
  const { inner } = net.other(peer)
  const before = inner.length
  const waiting = net.flying
  net.flying = []
  peer.engine.fromTun(udp4(from!, to!, 1000, 2000, 'does it pass?'))
  for (const flight of net.flying) net.deliver(flight)
  net.flying = waiting
  return inner.length === before + 1
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
