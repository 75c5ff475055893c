import type { ObservedMessage } from '../../core/ike/session.ts'
import { Idle } from '../../core/ike/v1/initiator.ts'
import { Negotiation } from '../../core/ike/v1/negotiation.ts'
import { AwaitFirst } from '../../core/ike/v1/responder.ts'
import {
  encr,
  integ,
  ke,
  type Net,
  type PairOptions,
  pairOf,
  prf,
  SHA256,
  sn,
  type Version,
} from './bench.ts'
import type { Peer } from './peer.ts'

const AES_CBC = 12
const HMAC_SHA256 = 12
export const MODP2048 = 14

const IKEV1: Version<Negotiation> = {
  make: (config, registry, random) => new Negotiation(config, registry, random),
  client: (n) => new Idle(n),
  gateway: (n) => new AwaitFirst(n),
  offers: {
    ikeProposals: [[encr(AES_CBC, 256), encr(AES_CBC, 128), prf(SHA256), ke(19), ke(MODP2048)]],
    espProposals: [[encr(AES_CBC, 128), integ(HMAC_SHA256), sn(0)]],
  },
}

export type PeerV1 = Peer<Negotiation>
export interface PairV1 {
  readonly client: PeerV1
  readonly gateway: PeerV1
  readonly net: Net<Negotiation>
}

/** A client and a gateway that speak IKEv1. */
export const pair = (options: PairOptions = {}): PairV1 => pairOf(IKEV1, options)

/** Both phases stand, and nothing is in flight. */
export function connected(options: PairOptions = {}): PairV1 {
  const made = pair(options)
  made.client.command('connect')
  made.net.settle()
  if (made.client.n.state !== 'connected')
    throw new Error(
      `not connected: ${JSON.stringify(made.client.closed)} ${[...made.client.notes, ...made.gateway.notes].join('; ')}`,
    )
  return made
}

/** A message as the standard writes it: `MAIN SA VendorID`, `QUICK* HASH SA Nonce ID ID`. */
export function line(message: ObservedMessage): string {
  const payloads = message.payloads as readonly { readonly type: string }[]
  const star = message.plaintext === undefined ? '' : '*'
  const names = payloads.map((p) => p.type).filter((type) => type !== 'VendorID')
  return `${message.exchange}${star} ${names.join(' ')}`.trim()
}
