import type { Secret } from '../bytes/secret.ts'
import type { TlsCertificate, TlsVersion } from '../crypto/tls.ts'
import type { SimCard, SimMemory } from './sim-card.ts'

/** Methods by the names of a profile. */
export type EapMethodName =
  | 'aka-prime'
  | 'aka'
  | 'sim'
  | 'tls'
  | 'ttls'
  | 'peap'
  | 'mschapv2'
  | 'gtc'
  | 'otp'
  | 'md5'

/** What is spoken inside TTLS. RFC 5281 §11.2 */
export type TtlsInner = 'pap' | 'chap' | 'mschap' | 'mschapv2' | 'eap'

/** Who we are and how we may prove it. Its secrets stay the caller's. */
export interface EapPeerConfig {
  /** The name the password belongs to, UTF-8 on the wire. */
  readonly user: string
  /** What is said instead of it before there is a tunnel, e.g. `anonymous@example.org`. RFC 5281 §7.3 */
  readonly anonymousIdentity?: string
  /** The methods that may be used; the strongest that the server agrees to is. */
  readonly methods: readonly EapMethodName[]
  readonly password?: Secret | undefined
  /** What GTC asks for is a code, never the password. */
  readonly gtcIsCode?: boolean
  readonly tls?: {
    /** Ours, for EAP-TLS. */
    readonly certificate?: TlsCertificate
    /** Left out: 1.2 and 1.3. */
    readonly versions?: readonly TlsVersion[]
  }
  /** Inside TTLS; left out: MS-CHAPv2, with which both ends prove that they know the password. */
  readonly ttls?: TtlsInner
  /** The methods inside PEAP, and inside TTLS where that is `eap`; none of those that need TLS themselves. */
  readonly inner?: readonly EapMethodName[]
  /** PEAP's proof that the inside belongs to the tunnel: answered where it is offered, or insisted on. */
  readonly peapBinding?: 'ifOffered' | 'required'
  readonly sim?: {
    readonly card: SimCard
    /** What card and network agreed on the last time; left out: nothing is kept. */
    readonly memory?: SimMemory
    /** EAP-AKA' alone: the network must call itself so. */
    readonly networkName?: string
  }
}

/** Methods whose card knows other names for us. */
const WITH_CARD: readonly EapMethodName[] = ['sim', 'aka', 'aka-prime']

/** The name that is said first: the anonymous one, one that the card's network gave us, or else the real one. */
export function firstName(config: EapPeerConfig): string {
  const { anonymousIdentity, methods, sim, user } = config
  if (anonymousIdentity !== undefined) return anonymousIdentity
  const memory = sim?.memory
  const fits = memory?.method !== undefined && methods.includes(memory.method)
  if (!fits || !methods.every((name) => WITH_CARD.includes(name))) return user
  return memory.reauth?.identity ?? memory.pseudonym ?? user
}
