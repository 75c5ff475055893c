import type { VpnError } from '../errors.ts'

/**
 * What a person sees of the whole program at one moment. The window, the command line and the tests
 * read this and nothing else; it never holds a secret.
 */
export interface AppSnapshot {
  /** Grows with every change; a reader keeps the higher one. */
  readonly revision: number
  readonly profiles: readonly ProfileSummary[]
  readonly tunnels: readonly TunnelSnapshot[]
  /** Questions that wait for a person, the oldest first. */
  readonly prompts: readonly PromptSnapshot[]
}

/** The revision of what is shown before the engine is there: the list alone, as it was when it was last read. */
export const FIRST_LOOK = 0

export interface ProfileSummary {
  readonly id: string
  readonly name: string
  /** The folder of the list it lies in. */
  readonly folder: string | undefined
  readonly gateway: string
  readonly signIn: string
  /** Somebody is known to answer behind its gateway, so that its tunnel can be tried out. */
  readonly canTry?: true
  /** It has a kill switch. */
  readonly killSwitch?: true
  /** Secrets the keychain is known to hold, by name (`psk`). */
  readonly saved: readonly string[]
}

export type TunnelPhase =
  | 'idle'
  | 'phase1'
  | 'phase2'
  | 'connected'
  /** There is no tunnel, and the first packet that belongs into it opens it. */
  | 'waiting'
  | 'reconnecting'
  | 'disconnecting'
  /** It has ended, and its traffic is still held back: by a fault that needs a person, or an earlier run that crashed. */
  | 'blocked'
  | 'failed'

/** Whether there is something to end: a tunnel that stands, or is on its way to or from that. */
export const isAlive = ({ state }: { readonly state: TunnelPhase }): boolean =>
  state !== 'idle' && state !== 'failed' && state !== 'blocked'

export interface TunnelSnapshot {
  readonly profile: string
  readonly name: string
  readonly state: TunnelPhase
  /** What is happening right now, for people: `waiting for the answer to IKE_SA_INIT (try 2)`. */
  readonly step: string
  readonly sinceMs: number
  /** The way from Connect to the first packet, in order. */
  readonly steps: readonly StepSnapshot[]
  readonly gateway: { readonly host: string; readonly address: string | undefined }
  readonly phase1: Phase1Snapshot | undefined
  readonly phase2: readonly Phase2Snapshot[]
  readonly network: NetworkSnapshot | undefined
  /** The last fault, as kind and sentences; present while `failed`, `blocked` or `reconnecting`. */
  readonly error: ErrorSnapshot | undefined
  /** Unix time in ms of the next try while reconnecting. */
  readonly retryAtMs: number | undefined
  readonly rekeys: { readonly ike: number; readonly child: number }
  /** Its keys are by hand: there is no phase 1 and no rekey. Left out: IKE makes them. */
  readonly keys?: 'manual'
  /** Networks whose traffic a kill switch holds back while the tunnel is not up; left out: none, it goes out as usual. */
  readonly held?: readonly string[]
}

/** One step of connecting. */
export interface StepSnapshot {
  /**
   * `find`: the address of the gateway. `prepare`: permission and the device. `agree`: phase 1 in the clear. `prove`:
   * phase 1 encrypted, and XAuth. `open`: phase 2, address and routes.
   */
  readonly what: 'find' | 'prepare' | 'agree' | 'prove' | 'open'
  /** What its exchanges are called in the version that is spoken: those that were seen, or else those to come. */
  readonly exchanges: readonly string[]
  readonly state: 'done' | 'now' | 'todo'
  /** Unix time in ms. */
  readonly sinceMs: number | undefined
  readonly tookMs: number | undefined
  /** How often its message went out again. */
  readonly again: number
}

/** Something only the person knows or may decide, asked while a connection waits. */
export interface PromptSnapshot {
  readonly id: number
  /** The profile it is about. */
  readonly profile: string
  /** A lasting secret; a code used once; a new password or PIN, to be typed twice; whether a certificate is to be trusted. */
  readonly kind: 'secret' | 'code' | 'newPassword' | 'newPin' | 'certificate'
  /** What to fill in, by name (`psk`, `password`, `newPassword`, `code`, `pin`); none where yes or no is the answer. */
  readonly fields: readonly string[]
  /** Whether the keychain may keep the answer. */
  readonly canSave: boolean
  /** The gateway has refused what was given before; left out: it has not. */
  readonly refused?: boolean
  /** Whom it is for: a user name or identity. */
  readonly identity: string | undefined
  /** Text of the gateway, shown as it was sent. */
  readonly message: string | undefined
  /** Unix time in ms when the gateway will not wait any longer. */
  readonly untilMs: number | undefined
  /** The certificate in question. */
  readonly certificate: CertificateFacts | undefined
}

export interface CertificateFacts {
  readonly subject: string
  readonly issuer: string
  readonly validFromMs: number
  readonly validUntilMs: number
  /** SHA-256, hexadecimal. */
  readonly fingerprint: string
  /** Why it is not trusted by itself: a clause without a full stop. */
  readonly problem: string
}

/** One connection that was. */
export interface PastConnection {
  /** Unix time in ms, from the first packet to the last. */
  readonly sinceMs: number
  readonly untilMs: number
  readonly inBytes: number
  readonly outBytes: number
  /** `person`, `idle` after its idle time, or the kind of the fault. */
  readonly ended: string
}

export interface ErrorSnapshot {
  /** All fields of the fault, so that each face can put it in its own words. */
  readonly fault?: VpnError
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
  readonly protocol: 'ESP' | 'AH' | 'AH+ESP'
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
  /** Name servers the gateway gave that are asked through TLS: `dns.example.org 10.77.0.53 (DoT)`. RFC 9464 */
  readonly encryptedDns?: readonly string[]
  /** Networks behind this computer that use the tunnel too; left out: none. */
  readonly behind?: readonly string[]
  /** What keeps it from being used as it is meant, and what to do: whole sentences. */
  readonly hint?: string
  readonly engine: string
}
