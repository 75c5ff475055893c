/**
 * Everything that can go wrong between pressing Connect and the last packet, as values. Logs, the
 * command line and the window all speak of faults by `kind`; the sentences live in `advice.ts`.
 */
export type VpnError =
  /** The name has no address. */
  | { readonly kind: 'nameNotResolved'; readonly host: string; readonly code: string }
  /** Nobody answered after the last retransmission, or the network refused outright. */
  | { readonly kind: 'unreachable'; readonly host: string; readonly tries: number; readonly hint?: string }
  /** The gateway answered, and then fell silent in the middle of `exchange`. */
  | { readonly kind: 'noAnswer'; readonly exchange: string; readonly tries: number }
  /** The gateway takes none of our proposals. `offered`: one line per proposal. */
  | { readonly kind: 'noProposalChosen'; readonly phase: 1 | 2; readonly offered: readonly string[] }
  /** The answer names algorithms or a group that were not offered, or lacks one. */
  | { readonly kind: 'badProposalChosen'; readonly phase: 1 | 2; readonly problem: string }
  /** A pre-shared key, signature or password was not accepted. `who` could not prove itself; `problem`, where it is known: a clause without a full stop. */
  | {
      readonly kind: 'authFailed'
      readonly who: 'gateway' | 'us'
      readonly method: string
      readonly problem?: string
    }
  /** The gateway asks for ways to sign in that the profile does not allow. */
  | {
      readonly kind: 'noSignInMethod'
      readonly wanted: readonly string[]
      readonly allowed: readonly string[]
    }
  | { readonly kind: 'gatewayIdMismatch'; readonly wanted: string; readonly has: readonly string[] }
  /** A certificate that cannot be trusted: whose, which rule it breaks, and how (a clause without a full stop). */
  | {
      readonly kind: 'certificateRefused'
      readonly subject: string
      readonly rule: CertificateRule
      readonly problem: string
    }
  /** The gateway offers no traffic selectors, or none inside those asked for. */
  | { readonly kind: 'selectorsUnacceptable'; readonly asked: readonly string[] }
  /** The profile insists on transport mode, and the gateway does not. */
  | { readonly kind: 'transportRefused' }
  /** AH covers the addresses that a NAT changes. `who` is behind it. */
  | { readonly kind: 'ahBehindNat'; readonly who: 'us' | 'gateway' | 'both' }
  /** The gateway gives no inner address; `mustAsk`: it lets nobody in with an address of their own. */
  | { readonly kind: 'noAddress'; readonly mustAsk?: true }
  /** The gateway refuses in a way only it can explain. */
  | { readonly kind: 'refused'; readonly exchange: string; readonly notify: string }
  /** The profile asks for a post-quantum pre-shared key, and the gateway does without. */
  | { readonly kind: 'ppkNotUsed' }
  /** It speaks a version of IKE we do not. */
  | { readonly kind: 'versionUnsupported'; readonly theirs: string }
  /** A message broke the rules. `problem` names field, octet and section. */
  | {
      readonly kind: 'protocol'
      readonly exchange: string
      readonly problem: string
      readonly reference: string
    }
  /** The gateway ended the connection. */
  | { readonly kind: 'closedByGateway'; readonly reason: string }
  /** The gateway asked something, and nobody answered in time. */
  | { readonly kind: 'notAnswered'; readonly what: string; readonly seconds: number }
  /** The user, or a script, ended it. */
  | { readonly kind: 'cancelled' }
  /** A profile cannot be used. `field`: dotted path in the file. `import`: it is a file of somebody else's. */
  | {
      readonly kind: 'profileInvalid'
      readonly import?: true
      readonly source: string
      readonly field: string
      readonly problem: string
    }
  /** A file asks for something this version does not do. `reason`: behind "because", e.g. `it needs IKEv1, …`. */
  | {
      readonly kind: 'profileUnsupported'
      readonly source: string
      readonly profile: string
      readonly reason: string
    }
  /** A capture or a table of keys that cannot be read. */
  | { readonly kind: 'fileUnreadable'; readonly source: string; readonly problem: string }
  | { readonly kind: 'profileUnknown'; readonly name: string; readonly known: readonly string[] }
  /** A weak algorithm without the switch that names its weakness. */
  | {
      readonly kind: 'weakAlgorithm'
      readonly algorithm: string
      readonly weakness: string
      readonly switch: string
    }
  /** With keys by hand: the last sequence number is used, and there is nobody to make other keys. */
  | { readonly kind: 'keysUsedUp' }
  | { readonly kind: 'algorithmUnavailable'; readonly algorithm: string }
  /** The secret is not saved and there is nobody to ask. */
  | { readonly kind: 'secretMissing'; readonly what: string; readonly profile: string }
  | { readonly kind: 'keychainUnavailable'; readonly problem: string }
  /** No TUN device on this machine. */
  | { readonly kind: 'noTun'; readonly problem: string }
  /** The helper may not, or could not be started. */
  | { readonly kind: 'noPermission'; readonly what: string }
  /** The operating system refused a change: address, route, DNS. Everything done before it was undone. */
  | { readonly kind: 'systemRefused'; readonly what: string; readonly problem: string }
  /** The demo tunnel needs namespaces, and this system does not let us make any. */
  | { readonly kind: 'demoUnavailable'; readonly problem: string }
  /** The native part is not built or does not load. */
  | { readonly kind: 'nativeMissing'; readonly problem: string }
  | { readonly kind: 'alreadyRunning'; readonly profile: string }
  | { readonly kind: 'internal'; readonly problem: string }

/** What a certificate, or a chain of them, can break. RFC 5280 §6.1, RFC 4945 §5 */
export type CertificateRule =
  | 'missing'
  | 'tooMany'
  | 'malformed'
  | 'untrusted'
  | 'selfSigned'
  | 'signature'
  | 'weakSignature'
  | 'key'
  | 'expired'
  | 'notYetValid'
  | 'notAuthority'
  | 'pathLength'
  | 'keyUsage'
  | 'extendedKeyUsage'
  | 'criticalExtension'
  | 'nameConstraints'
  | 'policy'
  | 'revoked'
  | 'revocationUnknown'

export type VpnErrorKind = VpnError['kind']

/** Carries a {@link VpnError} across code that can only throw. */
export class VpnFailure extends Error {
  override readonly name = 'VpnFailure'
  readonly error: VpnError

  constructor(error: VpnError) {
    const problem = 'problem' in error ? error.problem : undefined
    super(problem === undefined ? error.kind : `${error.kind}: ${problem}`)
    this.error = error
  }
}
