import type { Secret } from '../../bytes/secret.ts'
import { type Certificate, describeCertificate } from '../../cert/certificate.ts'
import type { Credential } from '../../cert/own-key.ts'
import { encodePem, looksLikePem } from '../../cert/pem.ts'
import { encodeKeyPem } from '../../cert/private-key.ts'
import type { Profile } from '../schema.ts'

/** An ASN.1 SEQUENCE in DER: certificates, keys and PKCS#12 bundles begin so. */
const SEQUENCE = 0x30

/** Whether a file may hold certificates or keys, and is no profile by itself. */
export const looksLikeCredential = (file: Uint8Array): boolean => file[0] === SEQUENCE || looksLikePem(file)

/** What a profile says of a certificate of ours: it stands first, then what leads to an authority. */
export const chainPem = ({ certificate, intermediates }: Credential): string =>
  certificatesPem([certificate, ...intermediates])

export const certificatesPem = (certificates: readonly Certificate[]): string =>
  certificates.map(({ der }) => encodePem({ label: 'CERTIFICATE', der })).join('')

/**
 * The profile with this certificate of ours, and its key for the keychain under the name `key`; the caller closes it.
 * Undefined where the profile signs in another way: a bundle does not change how.
 */
export function withCredential(
  profile: Profile,
  credential: Credential,
): { readonly profile: Profile; readonly key: Secret } | undefined {
  const { auth } = profile
  if (auth.method !== 'certificate') return undefined
  return {
    profile: { ...profile, auth: { ...auth, certificate: chainPem(credential) } },
    key: encodeKeyPem(credential.key),
  }
}

/** The profile that trusts these authorities alone; undefined where the gateway shows no certificate. */
export function withAuthorities(profile: Profile, authorities: readonly Certificate[]): Profile | undefined {
  const before = profile.gatewayAuth ?? { method: 'certificate', requireCrl: false, commonName: false }
  if (before.method !== 'certificate') return undefined
  if (profile.gatewayAuth === undefined && profile.auth.method === 'psk') return undefined
  return { ...profile, gatewayAuth: { ...before, ca: certificatesPem(authorities) } }
}

/** For a report: why authorities that came along are not simply trusted. */
export const notTrusted = (roots: readonly Certificate[]): string =>
  `${roots.map(describeCertificate).join('; ')} came along and is not trusted with the gateway; --ca FILE trusts it`
