import type { Phase1Snapshot, Phase2Snapshot, TunnelSnapshot } from '../../core/contract/snapshot.ts'

// A connection as a window or terminal is shown it.

export const PHASE1: Phase1Snapshot = {
  version: 'IKEv2',
  initiatorSpi: '8f3a61c2d95e047b',
  responderSpi: 'c41d09be7732a8f6',
  suite: ['ENCR_AES_GCM_16 256', 'PRF_HMAC_SHA2_384', 'Curve25519'],
  localIdentity: 'ingrid@lindqvist.example',
  remoteIdentity: 'vpn.lindqvist.example',
  localAuthentication: 'pre-shared key',
  remoteAuthentication: 'pre-shared key',
  certificate: undefined,
  localEndpoint: '192.0.2.23:4500',
  remoteEndpoint: '203.0.113.40:4500',
  nat: 'us',
  encapsulation: 'UDP 4500 (RFC 3948)',
  establishedAtMs: Date.now() - 60_000,
  rekeyAtMs: Date.now() + 6_340_000,
  keepaliveSeconds: 20,
  peerVendorIds: [],
}

export const PHASE2: Phase2Snapshot = {
  name: 'child-1',
  protocol: 'ESP',
  mode: 'tunnel',
  inboundSpi: 'c3a1f04e',
  outboundSpi: '5be2907d',
  suite: ['ENCR_AES_GCM_16 256'],
  pfs: 'Curve25519',
  esn: true,
  localSelectors: ['10.20.4.17/32'],
  remoteSelectors: ['10.20.0.0/16', '10.44.8.0/22'],
  establishedAtMs: Date.now() - 60_000,
  rekeyAtMs: Date.now() + 2_392_000,
  traffic: {
    inBytes: 864_000_000,
    inPackets: 671_340,
    outBytes: 112_000_000,
    outPackets: 240_115,
    replayDrops: 3,
    otherDrops: 0,
  },
}

const EXCHANGES = {
  find: [],
  prepare: [],
  agree: ['IKE_SA_INIT'],
  prove: ['IKE_AUTH'],
  open: ['CHILD_SA'],
} as const

export const TUNNEL: TunnelSnapshot = {
  profile: 'marine',
  name: 'Lindqvist Marine',
  state: 'connected',
  step: '',
  sinceMs: Date.now() - 8_040_000,
  steps: (['find', 'prepare', 'agree', 'prove', 'open'] as const).map((what, at) => ({
    what,
    exchanges: EXCHANGES[what],
    state: 'done',
    sinceMs: Date.now() - 8_040_100 + at * 19,
    tookMs: 19,
    again: 0,
  })),
  gateway: { host: 'vpn.lindqvist.example', address: '203.0.113.40' },
  phase1: PHASE1,
  phase2: [PHASE2],
  network: {
    device: 'culvert0',
    mtu: 1400,
    addresses: ['10.20.4.17/32'],
    routes: ['10.20.0.0/16', '10.44.8.0/22'],
    dns: ['10.20.0.53'],
    engine: 'TypeScript',
  },
  error: undefined,
  retryAtMs: undefined,
  rekeys: { ike: 0, child: 0 },
}
