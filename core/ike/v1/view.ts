import type { Millis } from '../../bytes/brands.ts'
import type { Phase1Snapshot } from '../../contract/snapshot.ts'
import type { ConnectionView } from '../config.ts'
import type { ExposedKeys } from '../exposed-keys.ts'
import { describeIdentity, hexSpi } from '../v2/negotiation.ts'
import { type Counters, describePeerCertificate, endpointWords, natWords, phase2View } from '../view.ts'
import { methodOf, type Phase1Method } from './methods.ts'
import { isEncapsulated } from './nat-discovery.ts'
import type { Negotiation } from './negotiation.ts'
import { describePhase1 } from './phase1-suite.ts'

/** Phase 1 and phase 2 as a person sees them. `toUnixMs` turns the monotonic clock into wall time. */
export function viewOf(n: Negotiation, counters: Counters, toUnixMs: (at: Millis) => number): ConnectionView {
  const phase2 = [...n.children.values()].filter(
    (c) => c.state !== 'replaced' && c.pendingOutbound === undefined,
  )
  return {
    state: n.state,
    step: n.step,
    phase1: phase1(n, toUnixMs),
    phase2: phase2.map((child) => phase2View(child, counters, toUnixMs)),
    rekeys: { ...n.rekeys },
  }
}

/** Copies of the keys of the ISAKMP SA, where it stands. */
export function exposedKeys({ current, state }: Negotiation): Omit<ExposedKeys, 'esp'> {
  if (current === undefined || state === 'closed') return { ikev1: [], ikev2: [] }
  const { cookies, keys } = current
  return {
    ikev1: [{ initiatorCookie: cookies.initiatorCookie, cipher: keys.cipher.clone() }],
    ikev2: [],
  }
}

function phase1(n: Negotiation, toUnixMs: (at: Millis) => number): Phase1Snapshot | undefined {
  const sa = n.current
  if (sa === undefined) return undefined
  const { nat, vendorIds } = n.facts
  const method = methodOf(sa.suite.authentication)
  const { proof, mode } = n.facts
  const client = clientWords(method)
  const gateway = method.skeyid === 'psk' ? 'pre-shared key' : 'certificate'
  const theirs = n.initiated ? gateway : client
  return {
    version: `IKEv1 ${mode}`,
    initiatorSpi: hexSpi(sa.cookies.initiatorCookie),
    responderSpi: hexSpi(sa.cookies.responderCookie),
    suite: describePhase1(sa.suite),
    localIdentity: describeIdentity(n.config.localIdentity),
    remoteIdentity:
      n.remoteId === undefined ? '' : describeIdentity({ type: n.remoteId.idType, data: n.remoteId.data }),
    localAuthentication: n.initiated ? client : gateway,
    remoteAuthentication:
      proof === undefined ? theirs : theirs.replace('certificate', `certificate, ${proof.scheme}`),
    certificate: proof === undefined ? undefined : describePeerCertificate(proof.certificate),
    localEndpoint: endpointWords(n.local),
    remoteEndpoint: endpointWords(n.remote),
    nat: natWords(nat),
    encapsulation: isEncapsulated(n) ? 'UDP 4500 (RFC 3948)' : 'none',
    establishedAtMs: toUnixMs(sa.establishedAt),
    rekeyAtMs: n.ikeRekeyAt === undefined ? undefined : toUnixMs(n.ikeRekeyAt),
    keepaliveSeconds: nat.us ? n.config.keepaliveSeconds : undefined,
    peerVendorIds: vendorIds,
  }
}

/** How a client proves itself, for people. */
function clientWords({ skeyid, initiator, responder, xauth }: Phase1Method): string {
  const signs = initiator === 'signature' && responder === 'signature'
  const first = skeyid === 'psk' ? ['pre-shared key'] : signs ? ['certificate'] : []
  return [...first, ...(xauth === false ? [] : ['XAuth'])].join(', ')
}
