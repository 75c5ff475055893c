import { type Certificate, describeCertificate } from '../../cert/certificate.ts'
import type { Credential } from '../../cert/own-key.ts'
import { encodePem } from '../../cert/pem.ts'
import { encodeKeyPem } from '../../cert/private-key.ts'
import { VpnFailure } from '../../errors.ts'
import { authWords, gatewayAuthOf } from '../schema.ts'
import { kindOf } from './kinds.ts'
import type { ReportRow } from './report.ts'
import type { ImportedProfile } from './result.ts'

/** Whether a file holds certificates or keys, and is no profile by itself: profiles have PEM inside, or are signed. */
export function looksLikeCredential(file: Uint8Array): boolean {
  try {
    return /^(?:pkcs12|pem|der)$/.test(kindOf(file, '') ?? '')
  } catch (thrown) {
    if (thrown instanceof VpnFailure) return false
    throw thrown
  }
}

export const certificatesPem = (certificates: readonly Certificate[]): string =>
  certificates.map(({ der }) => encodePem({ label: 'CERTIFICATE', der })).join('')

/** What came beside profiles: a certificate of ours with its key, and authorities to trust the gateway by. */
export interface Beside {
  readonly credential: Credential | undefined
  readonly authorities: readonly Certificate[]
}

/** The same with what came beside it, as far as it signs in that way: files beside a profile do not change how. */
export function withBeside<T extends Pick<ImportedProfile, 'profile' | 'secrets'>>(
  imported: T,
  { credential, authorities }: Beside,
  row: (row: ReportRow) => void,
): T {
  const { profile, secrets } = imported
  const { auth } = profile
  const [chain, trust] = [{ field: 'auth.certificate' }, { field: 'gatewayAuth.ca' }]
  let made = imported
  const fits = auth.method === 'certificate' || (auth.method === 'eap' && auth.methods.includes('tls'))
  if (credential !== undefined && !fits) {
    row({ ...chain, outcome: 'ignored', reason: `${profile.name} signs in by ${authWords(auth)}` })
  } else if (credential !== undefined && auth.method !== 'psk') {
    const { certificate, intermediates, roots } = credential
    secrets.get('key')?.close()
    made = {
      ...imported,
      profile: {
        ...profile,
        auth: { ...auth, certificate: certificatesPem([certificate, ...intermediates]) },
      },
      secrets: new Map([...secrets, ['key', encodeKeyPem(credential.key)]]),
    }
    row({ ...chain, outcome: 'changed', reason: `${describe(certificate)}; its key goes to the keychain` })
    if (roots.length > 0 && authorities.length === 0) {
      const names = roots.map(describeCertificate).join('; ')
      row({ ...trust, outcome: 'ignored', reason: `${names} came along; --ca FILE trusts the gateway by it` })
    }
  }
  if (authorities.length === 0) return made
  const gatewayAuth = gatewayAuthOf(profile)
  if (gatewayAuth.method !== 'certificate') {
    row({ ...trust, outcome: 'ignored', reason: `the gateway proves itself by ${authWords(gatewayAuth)}` })
    return made
  }
  row({ ...trust, outcome: 'changed', reason: authorities.map(describeCertificate).join('; ') })
  return {
    ...made,
    profile: { ...made.profile, gatewayAuth: { ...gatewayAuth, ca: certificatesPem(authorities) } },
  }
}

const describe = (certificate: Certificate): string =>
  `${describeCertificate(certificate)}, valid until ${new Date(certificate.notAfter).toISOString().slice(0, 10)}`
