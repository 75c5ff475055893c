import { EAP_DEFAULTS, type ProfileDocument } from '../../core/contract/profile.ts'
import { withField } from './document.ts'

/** How one signs in, as people choose it: a password is EAP with IKEv2 and XAuth with IKEv1. */
export type Way = 'psk' | 'certificate' | 'password'

type Version = ProfileDocument['ike']['version']
type Eap = NonNullable<ProfileDocument['secondAuth']>

/** The way of a profile; its own word where only its file knows what it means. */
export function wayOf({ auth }: ProfileDocument): string {
  return auth.method === 'eap' || auth.method === 'xauth' ? 'password' : auth.method
}

/** Where the sign-in by EAP stands, if there is one. */
export const eapPath = ({ auth, secondAuth }: ProfileDocument): 'auth' | 'secondAuth' | undefined =>
  auth.method === 'eap' ? 'auth' : secondAuth === undefined ? undefined : 'secondAuth'

/** Everything the sign-in by EAP says, what is left out filled in. */
export function eapOf(
  document: ProfileDocument,
): (Eap & { readonly methods: readonly string[] }) | undefined {
  const path = eapPath(document)
  const said = path === undefined ? undefined : document[path]
  return said === undefined ? undefined : ({ ...EAP_DEFAULTS, ...said } as never)
}

/** Where the name stands that belongs to the password. */
export const userPath = (document: ProfileDocument): string =>
  document.auth.method === 'eap'
    ? 'auth.user'
    : document.auth.method === 'xauth' || document.ike.version !== 2
      ? 'xauth.user'
      : 'secondAuth.user'

/** A name and a password are asked for besides a key or a certificate. */
export const asksBesides = ({ secondAuth, xauth }: ProfileDocument): boolean =>
  secondAuth !== undefined || xauth !== undefined

/** A password besides the key or the certificate, or not. `before`: what was said of it when it was asked for last. */
export function besides(document: ProfileDocument, on: boolean, before?: ProfileDocument): ProfileDocument {
  const without = withParts(document, { secondAuth: undefined, xauth: undefined })
  if (!on) return without
  const user = userOf(document) || userOf(before)
  return document.ike.version === 2
    ? withField(without, 'secondAuth', { ...eapFrom(before, 'secondAuth'), user })
    : withField(without, 'xauth', { user })
}

/** Another way to sign in. `before`: the profile as it was in that way, so that a choice can be taken back. */
export function inAnotherWay(document: ProfileDocument, way: Way, before?: ProfileDocument): ProfileDocument {
  const { version } = document.ike
  const named = document.localId ?? before?.localId
  const other = withParts(document, {
    auth: before?.auth ?? { method: way },
    gatewayAuth: before?.gatewayAuth,
    secondAuth: undefined,
    xauth: undefined,
    // With a key nobody else says who one is.
    localId: way === 'psk' ? (named ?? '') : named?.trim() || undefined,
  })
  if (way === 'password') {
    // What may be either version knows no password.
    const spoken = withField(other, 'ike.version', version === 'auto' ? 2 : version)
    return byPassword(spoken, userOf(document) || userOf(before), before)
  }
  const either = before?.ike.version === 'auto' && version === 2
  const spoken = either ? withField(other, 'ike.version', 'auto') : other
  const asked = wayOf(document) === 'password' ? before : document
  return asked !== undefined && asksBesides(asked) ? besides(spoken, true, asked) : spoken
}

/**
 * Another version of IKE: what belongs to one of them alone is said in the words of the other, or put away. `before`:
 * the profile as it was when it spoke that version.
 */
export function inAnotherVersion(
  document: ProfileDocument,
  version: Version,
  before?: ProfileDocument,
): ProfileDocument {
  const modes = version === 2 ? undefined : (document.ike.aggressive ?? before?.ike.aggressive)
  const spoken = withField(withField(document, 'ike.version', version), 'ike.aggressive', modes)
  if (wayOf(document) === 'password') {
    return byPassword(spoken, userOf(document) || userOf(before), before)
  }
  return asksBesides(document) ? besides(spoken, true, before ?? document) : spoken
}

/** By name and password alone, in the form its version of IKE has for it. */
function byPassword(document: ProfileDocument, user: string, before?: ProfileDocument): ProfileDocument {
  if (document.ike.version === 1) return withParts(document, { auth: { method: 'xauth' }, xauth: { user } })
  const eap = document.auth.method === 'eap' ? document.auth : eapFrom(before, 'auth')
  return withParts(document, { auth: { ...eap, user }, xauth: undefined })
}

const eapFrom = (before: ProfileDocument | undefined, path: 'auth' | 'secondAuth'): Eap => {
  const said = before?.[path]
  return said?.method === 'eap' ? said : { method: 'eap', methods: [...EAP_DEFAULTS.methods] }
}

function userOf(document: ProfileDocument | undefined): string {
  if (document === undefined) return ''
  const { auth, secondAuth, xauth } = document
  const said = auth.method === 'eap' ? auth.user : (secondAuth?.user ?? xauth?.user)
  return typeof said === 'string' ? said : ''
}

const withParts = (document: ProfileDocument, parts: Partial<ProfileDocument>): ProfileDocument =>
  Object.entries(parts).reduce((whole, [name, value]) => withField(whole, name, value), document)
