import type { CertificateWords } from './credential.ts'

/** The versions of IKE a profile may ask for, for people. */
export const IKE_VERSIONS = { 1: 'IKEv1', 2: 'IKEv2', auto: 'IKEv2 or IKEv1' } as const

/** What a sign-in by EAP says where its profile leaves it out. */
export const EAP_DEFAULTS = {
  methods: ['mschapv2'],
  ttls: 'mschapv2',
  inner: ['mschapv2'],
  gtc: 'password',
  peapBinding: 'ifOffered',
} as const

/** A profile as the editor holds it: its own JSON, of which it knows these fields and keeps the rest as it is. */
export interface ProfileDocument {
  readonly id: string
  readonly name: string
  readonly folder?: string | undefined
  readonly gateway: { readonly host: string; readonly [field: string]: unknown }
  readonly auth: { readonly method: string; readonly [field: string]: unknown }
  readonly secondAuth?: { readonly method: string; readonly [field: string]: unknown } | undefined
  readonly xauth?: { readonly user: string } | undefined
  readonly gatewayAuth?: { readonly method: string; readonly [field: string]: unknown } | undefined
  readonly localId?: string | undefined
  readonly remoteId?: string | undefined
  readonly ike: {
    readonly version: keyof typeof IKE_VERSIONS
    readonly aggressive?: boolean | undefined
    readonly proposals: readonly string[]
    readonly rekeySeconds: number
    readonly dpdSeconds: number
    readonly fragmentation: boolean
    readonly [field: string]: unknown
  }
  readonly esp: {
    readonly proposals: readonly string[]
    readonly rekeySeconds: number
    readonly pfs?: boolean | undefined
    readonly [field: string]: unknown
  }
  readonly child?:
    | {
        readonly protocol?: 'esp' | 'ah' | 'ah+esp' | undefined
        readonly mode?: 'tunnel' | 'transport' | 'transportOrTunnel' | undefined
        readonly ahProposals?: readonly string[] | undefined
      }
    | undefined
  readonly requestAddresses: { readonly ipv4: boolean; readonly ipv6: boolean }
  readonly localSubnets: readonly string[]
  readonly remoteSubnets?: readonly string[] | undefined
  readonly dns: {
    readonly fromGateway: boolean
    readonly servers: readonly string[]
    readonly search: readonly string[]
    readonly [field: string]: unknown
  }
  readonly mtu?: number | undefined
  readonly allowLan: boolean
  readonly forceEncapsulation: boolean
  readonly weak: readonly string[]
  readonly [field: string]: unknown
}

/** Something that keeps a profile from being used. `field`: dotted path, empty for the whole. */
export interface DocumentIssue {
  readonly field: string
  readonly problem: string
}

/** Something a profile has to switch on by `word`. `why`: a clause without a full stop. */
export interface Weakness {
  readonly word: string
  readonly why: string
}

/** A suite as people read it. */
export interface SuiteWords {
  readonly suite: string
  /** `AES-256-GCM, X25519 or P-256`. */
  readonly words: string
  readonly weak: readonly Weakness[]
}

export interface CheckedDocument {
  readonly issues: readonly DocumentIssue[]
  readonly ike: readonly SuiteWords[]
  readonly esp: readonly SuiteWords[]
  /** What is weak beside the suites, and by which field. */
  readonly alsoWeak: readonly (Weakness & { readonly field: string })[]
  /** Names of the secrets its sign-in needs. */
  readonly wanted: readonly string[]
  /** How the gateway proves who it is: `psk`, `certificate` or `eap`. */
  readonly gateway: string
  /** The person's own certificate, where it can be read. */
  readonly own: CertificateWords | undefined
  /** The authorities the profile trusts by itself; none where those of the system count. */
  readonly authorities: readonly CertificateWords[]
  /** The same of the server that signs in by EAP, where that is another one than the gateway. */
  readonly serverAuthorities: readonly CertificateWords[]
}

/** Where the secrets of a profile are. */
export interface SecretsState {
  /** Why the keychain cannot be used, as a clause; `undefined` when it can. */
  readonly problem: string | undefined
  /** Names the keychain holds, also of a sign-in of earlier. */
  readonly saved: readonly string[]
  /** Names kept in memory until Culvert ends. */
  readonly inMemory: readonly string[]
  /** Names the sign-in needs. */
  readonly wanted: readonly string[]
}

export interface SaveOutcome {
  /** Nothing was saved while there are any. */
  readonly issues: readonly DocumentIssue[]
  /** The id it was saved under. */
  readonly id: string
  readonly secrets: SecretsState
}
