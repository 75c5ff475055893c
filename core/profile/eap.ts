import { Secret } from '../bytes/secret.ts'
import type { Certificate } from '../cert/certificate.ts'
import { identitiesOf } from '../cert/identity.ts'
import { splitPem } from '../cert/pem.ts'
import { encodeKeyPem, type SigningKey } from '../cert/private-key.ts'
import type { TlsCertificate } from '../crypto/tls.ts'
import type { EapPeerConfig } from '../eap/config.ts'
import type { CertificateTrust, Identity, OurEap } from '../ike/config.ts'
import { formatIdentity, parseIdentity } from './identity.ts'
import type { Auth } from './sign-in.ts'
import type { CardInHand } from './sim-card.ts'

export type EapAuth = Extract<Auth, { method: 'eap' }>

/** What the sign-in by EAP is made of, read from wherever it is. */
export interface EapParts {
  /** Who we say we are in IKE. */
  readonly identity: Identity
  readonly password: Secret | undefined
  /** Ours, for EAP-TLS. */
  readonly certificate: { readonly chain: readonly Certificate[]; readonly key: SigningKey } | undefined
  readonly card: CardInHand | undefined
  readonly trust: CertificateTrust
  /** Whom the server of TLS has to be. */
  readonly server: Identity
}

/** Who we are to EAP. Takes over the secrets of its parts. */
export function ourEap(auth: EapAuth, parts: EapParts): OurEap {
  const { methods, anonymousIdentity, ttls, inner, gtc, peapBinding, networkName } = auth
  const { identity, password, certificate, card } = parts
  const tls = certificate === undefined ? undefined : tlsCertificate(certificate)
  const peer: EapPeerConfig = {
    user: auth.user ?? plainName(identity),
    methods,
    ttls,
    inner,
    peapBinding,
    gtcIsCode: gtc === 'code',
    ...(anonymousIdentity === undefined ? {} : { anonymousIdentity }),
    ...(password === undefined ? {} : { password }),
    ...(card === undefined
      ? {}
      : { sim: { card: card.card, ...(networkName === undefined ? {} : { networkName }) } }),
    ...(tls === undefined ? {} : { tls: { certificate: tls } }),
  }
  const secrets = [password, tls?.key, ...(card?.secrets ?? [])].filter((secret) => secret !== undefined)
  return { method: 'eap', peer, server: { ...parts.trust, identity: parts.server }, secrets }
}

/** The IKE identity of somebody who only has a name: an address of mail if it looks like one. */
export function identityOfUser(user: string): Identity {
  const parsed = /^[\w.+-]+@[\w.-]+$|^[\w.-]+$/.test(user)
    ? parseIdentity(user)
    : parseIdentity(`keyid:${user}`)
  return 'problem' in parsed ? { type: KEY_ID, data: new Uint8Array(Buffer.from(user, 'utf8')) } : parsed
}

const KEY_ID = 11

/** Whom a certificate names, as EAP says it. RFC 5216 §5.2 */
export const identityOfCertificate = ([own]: readonly Certificate[]): Identity | undefined =>
  own === undefined ? undefined : identitiesOf(own)[0]

/** Without the prefix that tells kinds of identities apart. */
const plainName = (identity: Identity): string => formatIdentity(identity).replace(/^(keyid|dn):(?!0x)/, '')

/** For the platform's TLS, which wants the key itself. */
function tlsCertificate({ chain, key }: NonNullable<EapParts['certificate']>): TlsCertificate {
  const pem = encodeKeyPem(key)
  const der = pem.use((octets) => splitPem(Buffer.from(octets).toString('latin1'))[0]!.der)
  pem.close()
  key.secret.close()
  return { chain: chain.map((certificate) => certificate.der), key: new Secret(der) }
}
