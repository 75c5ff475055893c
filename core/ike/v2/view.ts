import type { Millis } from '../../bytes/brands.ts'
import type { Phase1Snapshot } from '../../contract/snapshot.ts'
import type { ConnectionView } from '../config.ts'
import type { ExposedKeys } from '../exposed-keys.ts'
import { type Counters, describePeerCertificate, endpointWords, natWords, phase2View } from '../view.ts'
import { describeIdentity, hexSpi, type Negotiation } from './negotiation.ts'
import { ourProof, proofWords, theirProof } from './proof.ts'
import { describeSuite } from './suite.ts'
import { isStream } from './transport.ts'

/** Phase 1 and phase 2 as a person sees them. `toUnixMs` turns the monotonic clock into wall time. */
export function viewOf(n: Negotiation, counters: Counters, toUnixMs: (at: Millis) => number): ConnectionView {
  const phase2 = [...n.children.values()].filter((c) => c.state !== 'replaced' && c.state !== 'deleting')
  return {
    state: n.state,
    step: n.step,
    phase1: phase1(n, toUnixMs),
    phase2: phase2.map((child) => phase2View(child, counters, toUnixMs)),
    rekeys: { ...n.rekeys },
    movable: n.mobike,
  }
}

/** Copies of the keys of the IKE SA, where it stands. */
export function exposedKeys({ current, state }: Negotiation): Omit<ExposedKeys, 'esp'> {
  if (current === undefined || state === 'closed') return { ikev1: [], ikev2: [] }
  const { initiatorSpi, responderSpi, suite, keys } = current
  return {
    ikev1: [],
    ikev2: [
      {
        initiatorSpi,
        responderSpi,
        encryption: { id: suite.encryption.id, keyBits: suite.keyBits },
        integrity: suite.integrity?.id,
        ei: keys.ei.clone(),
        er: keys.er.clone(),
        ai: keys.ai.clone(),
        ar: keys.ar.clone(),
      },
    ],
  }
}

function phase1(n: Negotiation, toUnixMs: (at: Millis) => number): Phase1Snapshot | undefined {
  const sa = n.current
  if (sa === undefined) return undefined
  return {
    version: 'IKEv2',
    initiatorSpi: hexSpi(sa.initiatorSpi),
    responderSpi: hexSpi(sa.responderSpi),
    suite: describeSuite(sa.suite),
    localIdentity: describeIdentity(n.config.localIdentity),
    remoteIdentity:
      n.remoteId === undefined ? '' : describeIdentity({ type: n.remoteId.idType, data: n.remoteId.data }),
    localAuthentication: ourWays(n),
    remoteAuthentication:
      n.remoteProof === undefined ? waysOf(n, theirProof(n)) : `certificate, ${n.remoteProof.scheme}`,
    certificate: n.remoteProof === undefined ? undefined : describePeerCertificate(n.remoteProof.certificate),
    localEndpoint: endpointWords(n.local),
    remoteEndpoint: endpointWords(n.remote),
    nat: natWords(n.nat),
    encapsulation: encapsulationWords(n),
    establishedAtMs: toUnixMs(sa.establishedAt),
    rekeyAtMs: n.ikeRekeyAt === undefined ? undefined : toUnixMs(n.ikeRekeyAt),
    keepaliveSeconds: n.nat.us && !isStream(n) ? n.config.keepaliveSeconds : undefined,
    peerVendorIds: n.vendorIds,
  }
}

const encapsulationWords = (n: Negotiation): string =>
  isStream(n) ? `TCP ${n.remote?.port} (RFC 9329)` : n.remote?.port === 4500 ? 'UDP 4500 (RFC 3948)' : 'none'

/** Both proofs where the gateway wants two. RFC 4739 */
function ourWays(n: Negotiation): string {
  const { authentication } = n
  const second = authentication.method === 'each' ? authentication.oursThen : undefined
  const first = waysOf(n, ourProof(n))
  return second === undefined ? first : `${first}, then ${n.eapMethod ?? proofWords(second.proof)}`
}

/** By EAP says little: the method says how. */
const waysOf = (n: Negotiation, proof: Parameters<typeof proofWords>[0]): string =>
  (proof.method === 'eap' || proof.method === 'eapAlone' ? n.eapMethod : undefined) ?? proofWords(proof)
