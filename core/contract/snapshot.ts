/**
 * What a person sees of the whole program at one moment. The window, the command line and the tests
 * read this and nothing else; it never holds a secret.
 */
export interface AppSnapshot {
  /** Grows with every change; a reader keeps the higher one. */
  readonly revision: number
  readonly profiles: readonly ProfileSummary[]
  readonly tunnels: readonly TunnelSnapshot[]
}

export interface ProfileSummary {
  readonly id: string
  readonly name: string
  readonly gateway: string
  readonly signIn: string
  /** Secrets the keychain is known to hold, by name (`psk`). */
  readonly saved: readonly string[]
}

export type TunnelPhase =
  | 'idle'
  | 'phase1'
  | 'phase2'
  | 'connected'
  | 'reconnecting'
  | 'disconnecting'
  | 'failed'

export interface TunnelSnapshot {
  readonly profile: string
  readonly name: string
  readonly state: TunnelPhase
  /** What is happening right now, for people: `waiting for the answer to IKE_SA_INIT (try 2)`. */
  readonly step: string
  readonly sinceMs: number
  readonly gateway: { readonly host: string; readonly address: string | undefined }
  readonly phase1: Phase1Snapshot | undefined
  readonly phase2: readonly Phase2Snapshot[]
  readonly network: NetworkSnapshot | undefined
  /** The last fault, as kind and sentences; present while `failed` or `reconnecting`. */
  readonly error: ErrorSnapshot | undefined
  /** Unix time in ms of the next try while reconnecting. */
  readonly retryAtMs: number | undefined
  readonly rekeys: { readonly ike: number; readonly child: number }
}

export interface ErrorSnapshot {
  readonly kind: string
  readonly title: string
  readonly detail: string
  readonly tryThis: readonly string[]
}

/** The IKE SA. */
export interface Phase1Snapshot {
  readonly version: string
  readonly initiatorSpi: string
  readonly responderSpi: string
  /** IANA names: encryption with key length, PRF, integrity, key exchange. */
  readonly suite: readonly string[]
  readonly localIdentity: string
  readonly remoteIdentity: string
  readonly localAuthentication: string
  readonly remoteAuthentication: string
  readonly certificate: string | undefined
  readonly localEndpoint: string
  readonly remoteEndpoint: string
  /** `none`, `us`, `gateway`, `both`: who sits behind a NAT; and whether encapsulation was asked for all the same. */
  readonly nat: string
  readonly encapsulation: string
  readonly establishedAtMs: number
  /** Unix time in ms when it will be replaced, by us. */
  readonly rekeyAtMs: number | undefined
  readonly keepaliveSeconds: number | undefined
  readonly peerVendorIds: readonly string[]
}

/** A CHILD_SA. */
export interface Phase2Snapshot {
  readonly name: string
  readonly protocol: 'ESP' | 'AH'
  readonly mode: 'tunnel' | 'transport'
  readonly inboundSpi: string
  readonly outboundSpi: string
  readonly suite: readonly string[]
  /** The group of the last rekey, or `none`. */
  readonly pfs: string
  readonly esn: boolean
  readonly localSelectors: readonly string[]
  readonly remoteSelectors: readonly string[]
  readonly establishedAtMs: number
  readonly rekeyAtMs: number | undefined
  readonly traffic: {
    readonly inBytes: number
    readonly inPackets: number
    readonly outBytes: number
    readonly outPackets: number
    readonly replayDrops: number
    readonly otherDrops: number
  }
}

/** What came of one try through a tunnel. */
export interface Probe {
  readonly what: 'ping' | 'dns' | 'web'
  /** Host, name or page. */
  readonly target: string
  readonly ok: boolean
  readonly ms: number
  /** What was found, or why nothing was. */
  readonly detail: string
}

export interface NetworkSnapshot {
  readonly device: string
  readonly mtu: number
  readonly addresses: readonly string[]
  readonly routes: readonly string[]
  readonly dns: readonly string[]
  readonly engine: string
}
