import type { EspSpi, Millis } from '../bytes/brands.ts'
import { type Certificate, describeCertificate } from '../cert/certificate.ts'
import { formatName } from '../cert/name.ts'
import { describeKey } from '../cert/public-key.ts'
import type { Phase2Snapshot } from '../contract/snapshot.ts'
import type { ChildMode, InboundCounters, OutboundCounters, SelectorPair } from '../esp/engine.ts'
import type { Endpoint } from '../net/plan.ts'
import { hexSpi } from './v2/negotiation.ts'
import { describeSelector } from './v2/selectors.ts'
import { type ChildSuite, describeSuite } from './v2/suite.ts'

/** What the datapath counted. */
export interface Counters {
  inbound(spi: EspSpi): InboundCounters | undefined
  outbound(spi: EspSpi): OutboundCounters | undefined
}

/** Turns the monotonic clock into wall time. */
export type ToUnixMs = (at: Millis) => number

/** A pair of SAs as either version of IKE makes it. */
export interface ShownChild {
  readonly name: string
  readonly inboundSpi: EspSpi
  readonly outboundSpi: EspSpi
  readonly suite: ChildSuite
  readonly mode: ChildMode
  readonly selectors: SelectorPair
  readonly establishedAt: Millis
  readonly rekeyAt: Millis | undefined
}

/** Phase 2 as a person sees it. `toUnixMs` turns the monotonic clock into wall time. */
export function phase2View(
  child: ShownChild,
  counters: Counters,
  toUnixMs: (at: Millis) => number,
): Phase2Snapshot {
  const inbound = counters.inbound(child.inboundSpi)
  const outbound = counters.outbound(child.outboundSpi)
  return {
    name: child.name,
    protocol: protocolWords(child.suite),
    mode: child.mode,
    inboundSpi: hexSpi(child.inboundSpi),
    outboundSpi: hexSpi(child.outboundSpi),
    suite: describeSuite({ ...child.suite, keyExchange: undefined, additional: [] }),
    pfs: [child.suite.keyExchange?.name ?? 'none', ...(child.suite.additional ?? []).map((k) => k.name)].join(
      ' ',
    ),
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
      otherDrops: (inbound?.failedIcv ?? 0) + (inbound?.malformed ?? 0) + (inbound?.selectorMismatch ?? 0),
    },
  }
}

const protocolWords = ({ encryption, ah }: ChildSuite): Phase2Snapshot['protocol'] =>
  ah === undefined ? 'ESP' : encryption === undefined ? 'AH' : 'AH+ESP'

/** Who sits behind a NAT, for people. */
export const natWords = (nat: {
  readonly us: boolean
  readonly gateway: boolean
  readonly known: boolean
}): string =>
  !nat.known ? 'not known' : nat.us ? (nat.gateway ? 'both' : 'us') : nat.gateway ? 'gateway' : 'none'

/** Subject, issuer, key and last day, for people. */
export const describePeerCertificate = (certificate: Certificate): string =>
  `${describeCertificate(certificate)}, issued by ${formatName(certificate.issuer)}, ${describeKey(certificate.publicKey)}, valid until ${new Date(certificate.notAfter).toISOString().slice(0, 10)}`

/** `192.0.2.1:4500`, `[2001:db8::1]:4500`, or nothing. */
export const endpointWords = (e: Endpoint | undefined): string =>
  e === undefined ? '' : e.address.includes(':') ? `[${e.address}]:${e.port}` : `${e.address}:${e.port}`
