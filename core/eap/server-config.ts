import type { Secret } from '../bytes/secret.ts'
import type { TlsCertificate, TlsVersion } from '../crypto/tls.ts'
import type { EapMethodName } from './config.ts'

/** Somebody who may sign in. */
export interface EapUser {
  readonly password: Secret
  /** It has run out: a new one has to be set. */
  readonly expired?: boolean
}

/** The server's side of a conversation. Its secrets stay the caller's. */
export interface EapServerConfig {
  /** What is asked for, in this order, unless the peer names another of them. */
  readonly methods: readonly EapMethodName[]
  /** The name we give in challenges. */
  readonly serverName: string
  /** Looks a user up by the name the peer gave. */
  readonly lookUp: (name: string) => EapUser | undefined
  /** A user has set a new password, which is lent for the call. */
  readonly changePassword?: (name: string, password: Secret) => void
  /** Wrong passwords that may be followed by another try. */
  readonly retries?: number
  readonly tls?: { readonly certificate: TlsCertificate; readonly versions?: readonly TlsVersion[] }
  /** Methods inside PEAP and TTLS. */
  readonly inner?: readonly EapMethodName[]
  /** Left out: PEAP binds the inside to its tunnel. */
  readonly peapBinding?: boolean
}
