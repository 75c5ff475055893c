import type { EspSpi, Millis } from '../../bytes/brands.ts'
import { type Certificate, describeCertificate } from '../../cert/certificate.ts'
import { formatName } from '../../cert/name.ts'
import { describeKey } from '../../cert/public-key.ts'
import type { Phase1Snapshot, Phase2Snapshot } from '../../contract/snapshot.ts'
import type { InboundCounters, OutboundCounters } from '../../esp/engine.ts'
import type { Endpoint } from '../../net/plan.ts'
import type { ConnectionView } from '../config.ts'
import { describeIdentity, hexSpi, type Negotiation } from './negotiation.ts'
import { ourProof, proofWords, theirProof } from './proof.ts'
import { describeSelector } from './selectors.ts'
import { describeSuite } from './suite.ts'

/** What the datapath counted. */
export interface Counters {
  inbound(spi: EspSpi): InboundCounters | undefined
  outbound(spi: EspSpi): OutboundCounters | undefined
}

/** Phase 1 and phase 2 as a person sees them. `toUnixMs` turns the monotonic clock into wall time. */
export function viewOf(n: Negotiation, counters: Counters, toUnixMs: (at: Millis) => number): ConnectionView {
  const phase2 = [...n.children.values()].filter((c) => c.state !== 'replaced' && c.state !== 'deleting')
  return {
    state: n.state,
    step: n.step,
    phase1: phase1(n, toUnixMs),
    phase2: phase2.map((child): Phase2Snapshot => {
      const inbound = counters.inbound(child.inboundSpi)
      const outbound = counters.outbound(child.outboundSpi)
      return {
        name: child.name,
        protocol: 'ESP',
        mode: 'tunnel',
        inboundSpi: hexSpi(child.inboundSpi),
        outboundSpi: hexSpi(child.outboundSpi),
        suite: describeSuite({ ...child.suite, keyExchange: undefined }),
        pfs: child.suite.keyExchange?.name ?? 'none',
        esn: child.suite.esn,
        localSelectors: child.selectors.local.map(describeSelector),
        remoteSelectors: child.selectors.remote.map(describeSelector),
        establishedAtMs: toUnixMs(child.establishedAt),
        rekeyAtMs: child.rekeyAt === undefined ? undefined : toUnixMs(child.rekeyAt),
        traffic: {
          inBytes: inbound?.bytes ?? 0,
          inPackets: inbound?.packets ?? 0,
          outBytes: outbound?.bytes ?? 0,
          outPackets: outbound?.packets ?? 0,
          replayDrops: inbound?.replayed ?? 0,
          otherDrops:
            (inbound?.failedIcv ?? 0) + (inbound?.malformed ?? 0) + (inbound?.selectorMismatch ?? 0),
        },
      }
    }),
    rekeys: { ...n.rekeys },
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
    localAuthentication: proofWords(ourProof(n)),
    remoteAuthentication:
      n.remoteProof === undefined ? proofWords(theirProof(n)) : `certificate, ${n.remoteProof.scheme}`,
    certificate: n.remoteProof === undefined ? undefined : describePeerCertificate(n.remoteProof.certificate),
    localEndpoint: endpoint(n.local),
    remoteEndpoint: endpoint(n.remote),
    nat: !n.nat.known
      ? 'not known'
      : n.nat.us
        ? n.nat.gateway
          ? 'both'
          : 'us'
        : n.nat.gateway
          ? 'gateway'
          : 'none',
    encapsulation: n.remote?.port === 4500 ? 'UDP 4500 (RFC 3948)' : 'none',
    establishedAtMs: toUnixMs(sa.establishedAt),
    rekeyAtMs: n.ikeRekeyAt === undefined ? undefined : toUnixMs(n.ikeRekeyAt),
    keepaliveSeconds: n.nat.us ? n.config.keepaliveSeconds : undefined,
    peerVendorIds: n.vendorIds,
  }
}

/** Subject, issuer, key and last day, for people. */
const describePeerCertificate = (certificate: Certificate): string =>
  `${describeCertificate(certificate)}, issued by ${formatName(certificate.issuer)}, ${describeKey(certificate.publicKey)}, valid until ${new Date(certificate.notAfter).toISOString().slice(0, 10)}`

const endpoint = (e: Endpoint | undefined): string =>
  e === undefined ? '' : e.address.includes(':') ? `[${e.address}]:${e.port}` : `${e.address}:${e.port}`
