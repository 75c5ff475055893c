import { asMillis } from '../../core/bytes/brands.ts'
import { concat, utf8 } from '../../core/bytes/octets.ts'
import { Secret } from '../../core/bytes/secret.ts'
import type { TlsCertificate } from '../../core/crypto/tls.ts'
import type { EapMethodName, EapPeerConfig } from '../../core/eap/config.ts'
import type { EapServerConfig } from '../../core/eap/server-config.ts'
import type {
  Authentication,
  ConnectionConfig,
  OurEap,
  OurProof,
  TheirEap,
  TheirProof,
} from '../../core/ike/config.ts'
import type { ObservedMessage, State, Step } from '../../core/ike/session.ts'
import { AwaitAuthRequest } from '../../core/ike/v2/await-auth-request.ts'
import { step } from '../../core/ike/v2/closed.ts'
import type { InitDone } from '../../core/ike/v2/exchanges/ike-sa-init.ts'
import { encodeEapPacket } from '../../core/wire/eap/packet.ts'
import type { Payload } from '../../core/wire/ikev2/payload.ts'
import { by, gatewayOf, trusting } from './certificate-pair.ts'
import { secret, users } from './eap-pair.ts'
import { type Issued, pkcs8Of } from './pki.ts'
import { fqdn, type PairOptions, pair, shape } from './two-peers.ts'

// Two peers of whom the client signs in by EAP.

export const PASSWORD = 'correct horse'
export const MULTIPLE = 16404
export const ANOTHER = 16405
export const EAP_ONLY = 16417
export const FAILED = 24

export const tlsOf = (issued: Issued): TlsCertificate => ({
  chain: [issued.der],
  key: new Secret(pkcs8Of(issued.key)),
})
export const trust = () => trusting() as Extract<TheirProof, { method: 'certificate' }>

export const ours = (methods: readonly EapMethodName[], more: Partial<EapPeerConfig> = {}): OurEap => ({
  method: 'eap',
  peer: { user: 'alice', methods, password: secret(PASSWORD), ...more },
  server: { ...trust(), identity: fqdn('gw.test') },
  secrets: [],
})
export const theirs = (methods: readonly EapMethodName[], more: Partial<EapServerConfig> = {}): TheirEap => ({
  method: 'eap',
  server: {
    methods,
    serverName: 'gw',
    lookUp: users({ alice: PASSWORD, 'client.test': PASSWORD }),
    tls: { certificate: tlsOf(gatewayOf()) },
    ...more,
  },
  clients: trust(),
})
export const each = (one: OurProof, other: TheirProof): Authentication => ({
  method: 'each',
  ours: one,
  theirs: other,
})

export interface Wanted {
  /** Another end of the gateway, for another IKE SA. */
  readonly second?: Partial<ConnectionConfig>
  readonly methods?: readonly EapMethodName[]
  readonly client?: Partial<EapPeerConfig>
  readonly server?: Partial<EapServerConfig>
  readonly clientTrusts?: TheirProof
  readonly gateway?: OurProof
  readonly more?: {
    readonly client?: Partial<ConnectionConfig>
    readonly gateway?: Partial<ConnectionConfig>
  }
}

/** The gateway by certificate, the client by EAP, with what is to be different. */
export function eapPair({
  methods = ['mschapv2'],
  client,
  server,
  clientTrusts,
  gateway,
  second,
  more = {},
}: Wanted = {}) {
  const options: PairOptions = {
    client: { authentication: each(ours(methods, client), clientTrusts ?? trusting()), ...more.client },
    gateway: {
      authentication: each(gateway ?? by(gatewayOf()), theirs(methods, server)),
      remoteIdentity: undefined,
      ...more.gateway,
    },
    ...(second === undefined ? {} : { second }),
  }
  const made = pair(options)
  made.client.command('connect')
  return made
}
export function run(wanted: Wanted = {}) {
  const made = eapPair(wanted)
  made.net.settle()
  return made
}
export async function runTls(wanted: Wanted) {
  const made = eapPair(wanted)
  await made.net.settleWithTls()
  return made
}
export const shapes = (messages: readonly ObservedMessage[]) => messages.map(shape)
export const states = ({ client, gateway }: ReturnType<typeof pair>) => [client.n.state, gateway.n.state]

// --- a gateway that does what it likes after its certificate ---

export const identityRequest = (identifier: number): Payload => ({
  type: 'EAP',
  packet: encodeEapPacket({
    code: 'request',
    identifier,
    method: { vendor: 0, type: 1 },
    expanded: false,
    data: new Uint8Array(0),
  }),
})
export const success: Payload = { type: 'EAP', packet: encodeEapPacket({ code: 'success', identifier: 1 }) }

export function scripted({
  first,
  onRequest = () => [],
  methods = ['md5'],
  slowMs = 0,
}: {
  /** In the place of the first answer. */
  readonly first?: (idr: Payload) => readonly Payload[]
  /** What is said to each later request. */
  readonly onRequest?: (at: number, payloads: readonly Payload[]) => readonly Payload[]
  readonly methods?: readonly EapMethodName[]
  /** Its answers take so long; then time has to be made pass. */
  readonly slowMs?: number
}) {
  const made = eapPair({ methods })
  const { gateway, net, client } = made
  net.step()
  if (first === undefined) {
    net.step()
    net.step()
  } else net.step()
  const { n } = gateway
  const sa = n.current!
  let at = 0
  const init = { sa, requestBytes: new Uint8Array(0), replyBytes: new Uint8Array(0) } as unknown as InitDone
  const state: State = new AwaitAuthRequest(n, init, {
    onFarewell: (): Step => step(state, n),
    onRequest: (header, payloads): Step => {
      at++
      const idr: Payload = { type: 'IDr', idType: 2, data: utf8('gw.test') }
      n.transmit(sa.answer(header, first !== undefined && at === 1 ? first(idr) : onRequest(at, payloads)))
      return step(state, n)
    },
    refuse: (): Step => step(state, n),
    otherwise: (_event, self): Step => step(self, n),
  })
  gateway.state = state
  net.onSend = (flight) =>
    flight.from === gateway ? [{ ...flight, at: asMillis(flight.at + slowMs) }] : [flight]
  if (slowMs === 0) net.settle()
  return { ...made, client, rounds: () => at }
}

export const md5Challenge = (identifier: number): Payload => ({
  type: 'EAP',
  packet: encodeEapPacket({
    code: 'request',
    identifier,
    method: { vendor: 0, type: 4 },
    expanded: false,
    data: concat(Uint8Array.of(16), new Uint8Array(16)),
  }),
})
