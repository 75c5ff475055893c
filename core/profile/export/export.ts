import { armor, Encrypter } from 'age-encryption'
import type { Secret } from '../../bytes/secret.ts'
import { VpnFailure } from '../../errors.ts'
import { isManual } from '../manual.ts'
import { gatewayAuthOf, type Profile, sessionSecrets } from '../schema.ts'
import { SYSTEM_AUTHORITIES } from '../sign-in.ts'
import { withoutNames } from '../suite-sets.ts'
import type { Exported } from './exported.ts'
import { toNetworkManager } from './network-manager.ts'
import { toSswan } from './sswan.ts'
import { toSwanctl } from './swanctl.ts'

export const EXPORT_FORMATS = ['culvert', 'swanctl', 'network-manager', 'sswan'] as const
export type ExportFormat = (typeof EXPORT_FORMATS)[number]

/** Ours: 128 MB and about a second for each guess, the least OWASP's cheat sheet on passwords asks for. */
const WORK_FACTOR = 17

/** A profile as a file of another format, never with a secret in it. Throws `VpnFailure` (`profileUnsupported`). */
export function exportProfileAs(profile: Profile, format: ExportFormat): Exported {
  const gateway = gatewayAuthOf(profile)
  const methods = [profile.auth.method, gateway.method]
  if (profile.ike.version === 1 && (format === 'network-manager' || format === 'sswan')) {
    throw unsupported(profile, 'it is a connection by IKEv1, which that program does not speak')
  }
  if (isManual(profile) && format !== 'culvert')
    throw unsupported(profile, 'it has keys by hand, and that program speaks of IKE alone')
  switch (format) {
    case 'culvert':
      return {
        text: `${JSON.stringify(profile, undefined, 2)}\n`,
        fileName: `${profile.id}.json`,
        losses: [],
      }
    case 'swanctl':
      return toSwanctl(spelledOut(profile))
    case 'network-manager':
      if (
        sessionSecrets(profile).includes('key') ||
        (gateway.method === 'certificate' && gateway.ca !== SYSTEM_AUTHORITIES)
      ) {
        throw unsupported(profile, 'a keyfile names certificates by where they lie on the other computer')
      }
      if (gateway.method === 'eap')
        throw unsupported(profile, 'that program wants a certificate of the gateway')
      if (profile.secondAuth !== undefined) throw unsupported(profile, 'that program signs in only once')
      return toNetworkManager(spelledOut(profile))
    case 'sswan':
      if (methods.includes('psk')) {
        throw unsupported(profile, 'it uses a pre-shared key, which a .sswan file cannot say')
      }
      if (gateway.method === 'eap') throw unsupported(profile, 'that app wants a certificate of the gateway')
      return toSswan(spelledOut(profile))
  }
}

/** Names of suites are ours alone. */
const spelledOut = (profile: Profile): Profile => ({
  ...profile,
  ike: { ...profile.ike, proposals: [...withoutNames(profile.ike.proposals, 'ike')] },
  esp: { ...profile.esp, proposals: [...withoutNames(profile.esp.proposals, 'esp')] },
})

const unsupported = (profile: Profile, reason: string): VpnFailure =>
  new VpnFailure({ kind: 'profileUnsupported', source: 'your profiles', profile: profile.name, reason })

/**
 * A profile with its secrets, sealed under a passphrase: an age file in ASCII armor, which the `age` command opens
 * too. `workFactor`: of scrypt, as a power of two.
 */
export async function exportSealed(
  profile: Profile,
  secrets: ReadonlyMap<string, Secret>,
  passphrase: string,
  workFactor: number = WORK_FACTOR,
): Promise<Exported> {
  const encrypter = new Encrypter()
  encrypter.setPassphrase(passphrase)
  encrypter.setScryptWorkFactor(workFactor)
  const texts: Record<string, string> = {}
  for (const [name, secret] of secrets) {
    texts[name] = secret.use((bytes) => Buffer.from(bytes).toString('utf8'))
  }
  const sealed = await encrypter.encrypt(JSON.stringify({ ...profile, secrets: texts }))
  return { text: `${armor.encode(sealed).trimEnd()}\n`, fileName: `${profile.id}.json.age`, losses: [] }
}
