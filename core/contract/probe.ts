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
}

/** `silent`: nothing came. `refuses`: words, but nothing of what was tried. `accepts`: it would negotiate. */
export type ProbeState = 'silent' | 'refuses' | 'accepts'
