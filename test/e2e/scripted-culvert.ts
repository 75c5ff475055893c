import { chownSync } from 'node:fs'
import { dirname } from 'node:path'
import type {
  AppSnapshot,
  Phase1Snapshot,
  Phase2Snapshot,
  TunnelSnapshot,
} from '../../core/contract/snapshot.ts'
import type { VpnFailure } from '../../core/errors.ts'
import { controlPath } from '../../core/manager/control-protocol.ts'
import { type ControlServer, serveControl } from '../../core/manager/control-server.ts'

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

export const TUNNEL: TunnelSnapshot = {
  profile: 'marine',
  name: 'Lindqvist Marine',
  state: 'connected',
  step: '',
  sinceMs: Date.now() - 8_040_000,
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

const PROFILES: AppSnapshot['profiles'] = [
  {
    id: 'marine',
    name: 'Lindqvist Marine',
    gateway: 'vpn.lindqvist.example',
    signIn: 'IKEv2, pre-shared key',
    saved: [],
  },
  {
    id: 'harbour',
    name: 'Harbour Authority 港 \u202e<b>',
    gateway: '198.51.100.7',
    signIn: 'IKEv2, pre-shared key',
    saved: [],
  },
]

/**
 * A Culvert of this user that "runs already", on the real control socket: the app follows it. It carries no tunnels and
 * says what the test tells it to, so that every state of the window can be seen.
 */
export class ScriptedCulvert {
  readonly asked: string[] = []
  /** Secrets that arrived, by name. */
  readonly secrets: Record<string, string> = {}
  refuse: VpnFailure | undefined
  #snapshot: AppSnapshot = { revision: 1, profiles: PROFILES, tunnels: [] }
  #listeners = new Set<{ changed(): void }>()
  #control: ControlServer | undefined

  async serve(home: string, owner: number | undefined): Promise<void> {
    const path = controlPath(home)
    this.#control = await serveControl(path, {
      snapshot: () => this.#snapshot,
      subscribe: (listener) => {
        this.#listeners.add(listener)
        return () => this.#listeners.delete(listener)
      },
      connect: async (profile, secrets) => {
        this.asked.push(`connect ${profile}`)
        for (const [name, secret] of secrets) {
          this.secrets[name] = secret.use((bytes) => Buffer.from(bytes).toString('utf8'))
          secret.close()
        }
        if (this.refuse !== undefined) throw this.refuse
      },
      disconnect: async (profile) => {
        this.asked.push(`disconnect ${profile}`)
        return 1
      },
      messages: async () => [],
    })
    if (owner !== undefined) for (const one of [path, dirname(path)]) chownSync(one, owner, owner)
  }

  /** The tunnels as they are from now on. */
  say(...tunnels: readonly TunnelSnapshot[]): void {
    this.#snapshot = { ...this.#snapshot, revision: this.#snapshot.revision + 1, tunnels }
    for (const listener of this.#listeners) listener.changed()
  }

  /** New counters, which change without a word. */
  quietly(...tunnels: readonly TunnelSnapshot[]): void {
    this.#snapshot = { ...this.#snapshot, tunnels }
  }

  profiles(profiles: AppSnapshot['profiles']): void {
    this.#snapshot = { ...this.#snapshot, profiles }
    this.say(...this.#snapshot.tunnels)
  }

  async close(): Promise<void> {
    await this.#control?.close()
  }
}
