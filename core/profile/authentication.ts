import { domainToASCII } from 'node:url'
import type { Secret } from '../bytes/secret.ts'
import type { Certificate } from '../cert/certificate.ts'
import { splitPem } from '../cert/pem.ts'
import { readPemKey, type SigningKey } from '../cert/private-key.ts'
import { samePublicKey } from '../cert/public-key.ts'
import { VpnFailure } from '../errors.ts'
import type {
  Authentication,
  CertificateTrust,
  Identity,
  OurEap,
  OurProof,
  TheirProof,
} from '../ike/config.ts'
import { type EapAuth, identityOfCertificate, identityOfUser, ourEap } from './eap.ts'
import { formatIdentity, parseIdentity } from './identity.ts'
import type { Profile } from './schema.ts'
import {
  authWords,
  type GatewayAuth,
  gatewayAuthOf,
  ownCertificatePem,
  readPemCertificates,
  readPemLists,
  SYSTEM_AUTHORITIES,
  sessionSecrets,
  showsCard,
  showsCertificate,
  wantsPassword,
} from './sign-in.ts'
import { type CardInHand, readSimCard } from './sim-card.ts'
import type { SystemAuthorities } from './system-authorities.ts'

/**
 * How both ends prove themselves. Takes over what it uses of `secrets` and leaves the rest to the caller. Throws
 * `VpnFailure` (`profileInvalid`, `secretMissing`, `authFailed` for a key that cannot sign here).
 */
export function authenticationOf(
  profile: Profile,
  secrets: ReadonlyMap<string, Secret>,
  systemAuthorities: SystemAuthorities,
): Authentication {
  const theirs = theirProof(profile, secrets, systemAuthorities)
  const ours = ourProof(profile, secrets, systemAuthorities)
  if (profile.secondAuth !== undefined) {
    const proof = eapProof(profile, 'secondAuth', profile.secondAuth, secrets, systemAuthorities)
    const { user } = profile.secondAuth
    const identity = user === undefined ? {} : { identity: identityOfUser(user) }
    return { method: 'each', ours, theirs, oursThen: { proof, ...identity } }
  }
  return ours.method === 'psk' && theirs.method === 'psk' ? ours : { method: 'each', ours, theirs }
}

/** `localId`, or whom our certificate names first, or the user. */
export function localIdentityOf(profile: Profile): Identity {
  if (profile.localId !== undefined) return identityIn(profile.localId, profile, 'localId')
  // A name that means nothing until XAuth has asked for it. draft-ietf-ipsec-isakmp-hybrid-auth §3.2
  if (profile.auth.method === 'xauth')
    return identityIn(`keyid:${profile.xauth?.user ?? ''}`, profile, 'xauth.user')
  const { auth } = profile
  if (auth.method === 'eap' && auth.user !== undefined) return identityOfUser(auth.user)
  const identity = identityOfCertificate(ownChain(profile))
  if (identity !== undefined) return identity
  throw invalid(profile, 'localId', 'it is missing, and your certificate names nobody')
}

/** The same for people; undefined while the certificate is still to come. */
export function localNameOf(profile: Profile): string | undefined {
  try {
    return profile.localId ?? formatIdentity(localIdentityOf(profile))
  } catch (thrown) {
    if (thrown instanceof VpnFailure) return undefined
    throw thrown
  }
}

/** `remoteId`, or where the gateway has a certificate, the host it must be for. RFC 4945 §3.1 */
export function remoteIdentityOf(profile: Profile): Identity | undefined {
  if (profile.remoteId !== undefined) return identityIn(profile.remoteId, profile, 'remoteId')
  if (gatewayAuthOf(profile).method !== 'certificate') return undefined
  return hostIdentity(profile)
}

function hostIdentity(profile: Profile): Identity {
  const { host } = profile.gateway
  // Names beyond ASCII stand in certificates as they stand in DNS, without the dot of the root. RFC 5280 §7.2
  return identityIn((domainToASCII(host) || host).replace(/\.$/, ''), profile, 'gateway.host')
}

function ourProof(
  profile: Profile,
  secrets: ReadonlyMap<string, Secret>,
  systemAuthorities: SystemAuthorities,
): OurProof {
  const { auth } = profile
  if (auth.method === 'eap') return eapProof(profile, 'auth', auth, secrets, systemAuthorities)
  if (auth.method === 'psk') return { method: 'psk', psk: secretIn(profile, secrets, 'psk') }
  if (auth.method === 'xauth') return { method: 'xauth' }
  if (auth.method === 'manual') throw invalid(profile, 'auth.method', 'with keys by hand there is no IKE')
  const chain = ownChain(profile)
  return {
    method: 'certificate',
    chain,
    key: keyOf(chain, secretIn(profile, secrets, 'key')),
    pss: auth.rsaPss,
    weakSha1: profile.weak.includes('sha1signature'),
  }
}

/** What is wrong with a profile whose certificate nobody has given yet. */
const CERTIFICATE_TO_COME = 'your certificate is still to come'

/** Throws `VpnFailure` (`profileInvalid`) while the certificate a profile signs in with is still to come. */
export function requireCertificate(profile: Profile): void {
  if (sessionSecrets(profile).includes('key')) ownChain(profile)
}

/** `field`: where the profile has it. */
function eapProof(
  profile: Profile,
  field: 'auth' | 'secondAuth',
  auth: EapAuth,
  secrets: ReadonlyMap<string, Secret>,
  systemAuthorities: SystemAuthorities,
): OurEap {
  const certificate = (): { chain: readonly Certificate[]; key: SigningKey } => {
    const chain = ownChain(profile)
    return { chain, key: keyOf(chain, secretIn(profile, secrets, 'key')) }
  }
  const gateway = gatewayAuthOf(profile)
  const [trust, trustField] =
    auth.server !== undefined
      ? [auth.server, `${field}.server`]
      : [gateway.method === 'certificate' ? gateway : SYSTEM_TRUST, 'gatewayAuth']
  return ourEap(auth, {
    identity: localIdentityOf(profile),
    password: wantsPassword(auth) ? secretIn(profile, secrets, 'password') : undefined,
    card: showsCard(auth) ? cardOf(profile, secretIn(profile, secrets, 'card')) : undefined,
    trust: trustOf(profile, trust, trustField, systemAuthorities),
    server:
      auth.server?.id === undefined
        ? (remoteIdentityOf(profile) ?? hostIdentity(profile))
        : identityIn(auth.server.id, profile, `${field}.server.id`),
    // Last, so that no key is opened in vain.
    certificate: showsCertificate(auth) ? certificate() : undefined,
  })
}

function cardOf(profile: Profile, secret: Secret): CardInHand {
  const read = readSimCard(secret)
  if ('problem' in read)
    throw new VpnFailure({
      kind: 'authFailed',
      who: 'us',
      method: authWords(profile.auth),
      problem: read.problem,
    })
  return read
}

const SYSTEM_TRUST = { ca: SYSTEM_AUTHORITIES, revocation: 'ifAvailable', commonName: false } as const

/** Ours, wherever the profile has it: no two of its ways to sign in show one. */
function ownChain(profile: Profile): readonly Certificate[] {
  const { auth, secondAuth } = profile
  const besides = auth.method !== 'certificate' && auth.method !== 'eap' && secondAuth !== undefined
  const field = `${besides ? 'secondAuth' : 'auth'}.certificate`
  const pem = ownCertificatePem(profile)
  if (pem === undefined) throw invalid(profile, field, CERTIFICATE_TO_COME)
  return readOr(readPemCertificates(pem), profile, field)
}

function keyOf([own]: readonly Certificate[], secret: Secret): SigningKey {
  const read = secret.use((octets) => {
    const block = splitPem(Buffer.from(octets).toString('latin1')).find(({ label }) =>
      label.endsWith('PRIVATE KEY'),
    )
    return block === undefined ? undefined : readPemKey(block, undefined)
  })
  secret.close()
  if (read === undefined) throw ownFault('what is given as your key is no private key in PEM')
  if (!read.ok) throw ownFault(read.problem.problem)
  if (own === undefined || !samePublicKey(own.publicKey, read.key.publicKey)) {
    read.key.secret.close()
    throw ownFault('the private key belongs to another certificate')
  }
  return read.key
}

const ownFault = (problem: string): VpnFailure =>
  new VpnFailure({ kind: 'authFailed', who: 'us', method: 'certificate', problem })

function theirProof(
  profile: Profile,
  secrets: ReadonlyMap<string, Secret>,
  systemAuthorities: SystemAuthorities,
): TheirProof {
  const auth = gatewayAuthOf(profile)
  if (auth.method === 'psk') return { method: 'psk', psk: secretIn(profile, secrets, 'psk') }
  if (auth.method === 'eap') return { method: 'eapAlone' }
  return { method: 'certificate', ...trustOf(profile, auth, 'gatewayAuth', systemAuthorities) }
}

function trustOf(
  profile: Profile,
  { ca, crl, revocation, commonName }: Omit<Extract<GatewayAuth, { method: 'certificate' }>, 'method'>,
  field: string,
  systemAuthorities: SystemAuthorities,
): CertificateTrust {
  return {
    anchors:
      ca === SYSTEM_AUTHORITIES ? systemAuthorities : readOr(readPemCertificates(ca), profile, `${field}.ca`),
    revocation,
    lists: crl === undefined ? [] : readOr(readPemLists(crl), profile, `${field}.crl`),
    weak: { shortRsa: profile.weak.includes('shortrsa'), sha1: profile.weak.includes('sha1signature') },
    commonName,
  }
}

/** Throws `VpnFailure` (`secretMissing`). */
export function secretIn(profile: Profile, secrets: ReadonlyMap<string, Secret>, name: string): Secret {
  const secret = secrets.get(name)
  if (secret === undefined) throw new VpnFailure({ kind: 'secretMissing', what: name, profile: profile.name })
  return secret
}

function identityIn(text: string, profile: Profile, field: string): Identity {
  const identity = parseIdentity(text)
  if ('problem' in identity) throw invalid(profile, field, identity.problem)
  return identity
}

function readOr<T>(read: readonly T[] | { readonly problem: string }, profile: Profile, field: string) {
  if ('problem' in read) throw invalid(profile, field, read.problem)
  return read
}

const invalid = (profile: Profile, field: string, problem: string): VpnFailure =>
  new VpnFailure({ kind: 'profileInvalid', source: profile.name, field, problem })
