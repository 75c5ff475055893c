/** What a gateway accepts, as far as its first answers tell; nobody has signed them. Algorithms by IANA's names. */
export interface GatewayProbe {
  readonly host: string
  readonly address: string
  readonly ikev2: {
    readonly state: ProbeState
    readonly encryption: readonly string[]
    readonly integrity: readonly string[]
    readonly prf: readonly string[]
    readonly groups: readonly string[]
  }
  readonly ikev1: {
    readonly state: ProbeState
    readonly authentication: readonly string[]
    readonly encryption: readonly string[]
    readonly hash: readonly string[]
    readonly groups: readonly string[]
    readonly aggressive: boolean
  }
  readonly suites: ProbedSuites
}

/** The same as suites a profile can offer, for either version; none where it takes nothing Culvert can do. */
export interface ProbedSuites {
  readonly ikev2: readonly string[]
  readonly ikev1: readonly string[]
}

/** `silent`: nothing came. `refuses`: words, but nothing of what was tried. `accepts`: it would negotiate. */
export type ProbeState = 'silent' | 'refuses' | 'accepts'
