import { Secret } from '../../core/bytes/secret.ts'
import { NotifyType } from '../../core/iana/ikev2-notify.ts'
import type { Authentication, ConnectionConfig, OurProof, TheirProof } from '../../core/ike/config.ts'
import type { Payload } from '../../core/wire/ikev2/payload.ts'
import { type Issued, issue, makeAuthority, makeGateway, makeKey, makeRoot, type Wanted } from './pki.ts'
import { type Net, type PairOptions, pair } from './two-peers.ts'

export const root = makeRoot()
export const middle = makeAuthority(root, 'C=CH, O=Test, CN=Middle')
export const PSK = 'correct horse battery staple'
export const HASHES = NotifyType.SIGNATURE_HASH_ALGORITHMS.id
export const FAILED = NotifyType.AUTHENTICATION_FAILED.id

export const by = (own: Issued, chain: readonly Issued[] = [], more: Partial<OurProof> = {}): OurProof =>
  ({
    method: 'certificate',
    chain: [own, ...chain].map(({ certificate }) => certificate),
    key: { ...own.key.signing, secret: own.key.signing.secret.clone() },
    pss: false,
    weakSha1: false,
    ...more,
  }) as OurProof
export const trusting = (anchors: readonly Issued[] = [root], more: Partial<TheirProof> = {}): TheirProof =>
  ({
    method: 'certificate',
    anchors: anchors.map(({ certificate }) => certificate),
    lists: [],
    revocation: 'off',
    weak: {},
    commonName: false,
    ...more,
  }) as TheirProof
export const key = (): OurProof & TheirProof => ({ method: 'psk', psk: Secret.fromText(PSK) })
export const each = (ours: OurProof, theirs: TheirProof): Authentication => ({ method: 'each', ours, theirs })

export const gatewayOf = (wanted: Wanted = {}, issuer = root, own = makeKey()) =>
  makeGateway(issuer, { san: ['dns:gw.test'], ...wanted }, own)
export const clientOf = (wanted: Wanted = {}, issuer = root, own = makeKey()) =>
  issue(issuer, { subject: 'CN=alice', san: ['dns:client.test'], ...wanted }, own)

/** Both by certificate, with what is to be different. */
export function both({
  gateway = by(gatewayOf()),
  client = by(clientOf()),
  clientTrusts = trusting(),
  gatewayTrusts = trusting(),
  more = {},
}: {
  readonly gateway?: OurProof
  readonly client?: OurProof
  readonly clientTrusts?: TheirProof
  readonly gatewayTrusts?: TheirProof
  readonly more?: {
    readonly client?: Partial<ConnectionConfig>
    readonly gateway?: Partial<ConnectionConfig>
  }
} = {}): PairOptions {
  return {
    client: { authentication: each(client, clientTrusts), ...more.client },
    gateway: { authentication: each(gateway, gatewayTrusts), ...more.gateway },
  }
}

export function run(options: PairOptions) {
  const made = pair(options)
  made.client.command('connect')
  made.net.settle()
  return made
}
export const payloadsOf = (net: Net, name: 'client' | 'gateway', at: number) =>
  net[name].sent[at]?.payloads as readonly Payload[]
