import type { ProfileDocument } from '../../core/contract/profile.ts'
import { wayOf } from '../state/sign-in.ts'
import type { Around, Choice, EditorField } from './editor-field.ts'

/** The field of the IKE identity, wherever it stands. */
export const LOCAL_ID = { path: 'localId', label: 'Your ID', kind: 'text' } as const
const USER_HINT = 'As your administrator gave it.'

/** The ways to sign in, in the order in which they are offered. */
const WAYS = [
  { way: 'password', label: 'Password' },
  { way: 'certificate', label: 'Certificate' },
  { way: 'psk', label: 'Pre-shared key' },
] as const
const MANUAL = { way: 'manual', label: 'Keys by hand' } as const

/** All ways there are, and the one of this profile even where only its file knows what it means. */
export const waysWith = (way: string): readonly { readonly way: string; readonly label: string }[] =>
  WAYS.some((one) => one.way === way) ? WAYS : [...WAYS, way === MANUAL.way ? MANUAL : { way, label: way }]

/** Who one is to the gateway, in the way one signs in. */
export function identityField({ auth, ike }: ProfileDocument): EditorField {
  switch (auth.method) {
    case 'psk':
      return ike.version === 1
        ? {
            ...LOCAL_ID,
            label: 'Your ID or group name',
            hint: 'The gateway finds the key by it. A group: keyid:name.',
          }
        : { ...LOCAL_ID, hint: 'The gateway finds your key by it: a name, an address, or an e-mail address.' }
    case 'eap':
      return auth.methods !== undefined && String(auth.methods) === 'tls'
        ? {
            path: 'auth.user',
            label: 'User name',
            kind: 'text',
            optional: true,
            hint: 'Left empty: whom your certificate names first.',
          }
        : { path: 'auth.user', label: 'User name', kind: 'text', hint: USER_HINT }
    case 'manual':
      return { ...LOCAL_ID, optional: true, hint: 'With keys by hand nobody asks for it.' }
    case 'xauth':
      return { path: 'xauth.user', label: 'User name', kind: 'text', hint: USER_HINT }
    default:
      return { ...LOCAL_ID, optional: true, hint: 'Left empty: whom your certificate names first.' }
  }
}

/** The ways a gateway proves who it is. */
export const gatewayProofs = ({ document, checked }: Around): readonly Choice[] => [
  { value: 'psk', label: 'The key you share' },
  { value: 'certificate', label: 'A certificate' },
  ...(document.auth.method === 'eap' || checked?.gateway === 'eap'
    ? [
        {
          value: 'eap',
          label: 'Your sign-in alone',
          says: 'Only with EAP methods that prove both sides: TLS, TTLS and PEAP.',
        },
      ]
    : []),
]

/** The versions of IKE this sign-in can be done with. */
export const versions = ({ document }: Around): readonly Choice[] => [
  { value: 2, label: 'IKEv2' },
  ...(wayOf(document) !== 'password' || document.ike.version === 'auto'
    ? [
        {
          value: 'auto',
          label: 'IKEv2, then IKEv1',
          says: 'IKEv1 only where the gateway knows nothing else or does not answer; it is said when that happens.',
        },
      ]
    : []),
  { value: 1, label: 'IKEv1', says: 'For gateways that know nothing newer.' },
]

/** The exchanges IKEv1 has for phase 1. RFC 2409 §5 */
export const EXCHANGES: readonly Choice[] = [
  { value: false, label: 'Main', says: 'Six messages; who you are travels encrypted.' },
  {
    value: true,
    label: 'Aggressive',
    says: 'Three messages; who you are can be read by everybody on the way. Only for gateways that insist on it.',
  },
]

/** Whether anybody is asked if a certificate was revoked. */
export const REVOCATION: readonly Choice[] = [
  { value: 'ifAvailable', label: 'If somebody answers' },
  { value: 'strict', label: 'Strictly' },
  { value: 'off', label: 'Never' },
]
