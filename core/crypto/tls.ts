import type { Secret } from '../bytes/secret.ts'
import type { VpnError } from '../errors.ts'

// TLS as EAP sees it: one turn at a time. The platform's TLS is asynchronous, so a method asks for a turn and is told
// later what came of it; whoever runs the conversation does it with `platform-tls.ts`.

export type TlsVersion = 'TLSv1.2' | 'TLSv1.3'

/** Key material to take out of the connection once it stands. RFC 5705, RFC 8446 §7.5 */
export interface TlsExport {
  readonly label: string
  /** Left out: none, which in TLS 1.2 is not the same as an empty one. */
  readonly context?: Uint8Array
  /** In TLS 1.3 part of the derivation: a longer export does not begin with a shorter one. */
  readonly bytes: number
}

/** A certificate to show, the end entity first, and its private key. */
export interface TlsCertificate {
  /** DER. */
  readonly chain: readonly Uint8Array[]
  /** PKCS#8 DER, not encrypted. */
  readonly key: Secret
}

export interface TlsSetup {
  readonly role: 'client' | 'server'
  readonly certificate?: TlsCertificate
  /** As a server: the client has to show a certificate. A client always wants one of its server. */
  readonly wantsCertificate?: boolean
  readonly versions: readonly TlsVersion[]
  readonly exports: (version: TlsVersion) => readonly TlsExport[]
}

/** What one turn is given; the first one also says how it all begins. */
export interface TlsInput {
  readonly setup?: TlsSetup
  /** Records of the other end. */
  readonly receive?: Uint8Array
  /** Application data to protect. */
  readonly send?: Uint8Array
}

/** What came of it. */
export interface TlsTurn {
  /** Records for the other end: a whole flight, or nothing. */
  readonly output: Uint8Array
  /** Application data that arrived. */
  readonly data: Uint8Array
  /** The handshake ended well in this turn: the other end's certificate was judged and found good. */
  readonly established?: TlsEstablished
  /** It is over; `output` may still hold an alert. */
  readonly problem?: VpnError
}

export interface TlsEstablished {
  readonly version: TlsVersion
  /** In the order of {@link TlsSetup.exports}; the receiver closes them. */
  readonly exported: readonly Secret[]
}
