import { Idle } from '../../core/ike/v2/initiator.ts'
import { Negotiation } from '../../core/ike/v2/negotiation.ts'
import { AwaitInitRequest } from '../../core/ike/v2/responder.ts'
import {
  ECP256,
  encr,
  type Flight as FlightOf,
  GCM16,
  ke,
  type Net as NetOf,
  type PairOptions,
  pairOf,
  prf,
  SHA256,
  sn,
  type Version,
  X25519,
} from './bench.ts'
import type { Peer as PeerOf } from './peer.ts'

export * from './bench.ts'

export type Peer = PeerOf<Negotiation>
export type Net = NetOf<Negotiation>
export type Flight = FlightOf<Peer>

const IKEV2: Version<Negotiation> = {
  make: (config, registry, random) => new Negotiation(config, registry, random),
  client: (n) => new Idle(n),
  gateway: (n) => new AwaitInitRequest(n),
  offers: {
    ikeProposals: [[encr(GCM16, 128), prf(SHA256), ke(X25519), ke(ECP256)]],
    espProposals: [[encr(GCM16, 128), sn(0)]],
  },
}

export interface Pair {
  readonly client: Peer
  readonly gateway: Peer
  readonly net: Net
}

/** A client and a gateway that speak IKEv2. */
export const pair = (options: PairOptions = {}): Pair => pairOf(IKEV2, options)

/** Both phases stand, and nothing is in flight. */
export function connected(options: PairOptions = {}): Pair {
  const made = pair(options)
  made.client.command('connect')
  made.net.settle()
  if (made.client.n.state !== 'connected') {
    throw new Error(`not connected: ${JSON.stringify(made.client.closed)} ${made.client.notes.join('; ')}`)
  }
  return made
}
