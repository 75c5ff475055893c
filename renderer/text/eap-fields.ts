import { EAP_DEFAULTS } from '../../core/contract/profile.ts'
import { eapOf, eapPath } from '../state/sign-in.ts'
import type { Around, Choice, EditorField } from './editor-field.ts'
import { REVOCATION } from './sign-in-fields.ts'

type Path = 'auth' | 'secondAuth'

const METHODS: readonly Choice[] = [
  { value: 'tls', label: 'TLS, by certificate' },
  { value: 'ttls', label: 'TTLS, a password inside TLS' },
  { value: 'peap', label: 'PEAP, a password inside TLS' },
  { value: 'mschapv2', label: 'MSCHAPv2' },
  { value: 'gtc', label: 'GTC, a password or code' },
  { value: 'otp', label: 'OTP, a code' },
  { value: 'md5', label: 'MD5' },
  { value: 'aka-prime', label: 'AKA′, by SIM' },
  { value: 'aka', label: 'AKA, by SIM' },
  { value: 'sim', label: 'SIM' },
]
const INNER: readonly Choice[] = METHODS.filter(({ value }) =>
  ['mschapv2', 'gtc', 'otp', 'md5'].includes(String(value)),
)
const TTLS: readonly Choice[] = [
  { value: 'mschapv2', label: 'MSCHAPv2' },
  { value: 'mschap', label: 'MSCHAP' },
  { value: 'pap', label: 'PAP' },
  { value: 'chap', label: 'CHAP' },
  { value: 'eap', label: 'A method of EAP' },
]
const GTC: readonly Choice[] = [
  { value: 'password', label: 'Your password' },
  { value: 'code', label: 'A code', says: 'You are asked for it at every sign-in, and it is kept nowhere.' },
]
const BINDING: readonly Choice[] = [
  { value: 'ifOffered', label: 'Where the server offers it' },
  { value: 'required', label: 'Always' },
]

/** The methods of EAP as they are called among people. */
export const methodName = (method: string): string =>
  String(METHODS.find(({ value }) => value === method)?.label ?? method).split(',')[0] ?? method

const has =
  (at: Path, ...methods: readonly string[]) =>
  ({ document }: Around): boolean =>
    eapPath(document) === at && eapOf(document)?.methods.some((method) => methods.includes(method)) === true
const tunnelled = (at: Path) => has(at, 'ttls', 'peap')

function fieldsOf(at: Path): readonly EditorField[] {
  const inTls = has(at, 'tls', 'ttls', 'peap')
  return [
    {
      path: `${at}.methods`,
      label: 'Methods you allow (EAP)',
      kind: 'several',
      choices: METHODS,
      unset: EAP_DEFAULTS.methods,
      hint: 'The strongest that the gateway agrees to is used.',
      shown: ({ document }) => eapPath(document) === at,
    },
    {
      path: `${at}.anonymousIdentity`,
      label: 'Name said outside the tunnel',
      kind: 'text',
      optional: true,
      hint: 'For example anonymous@example.org. Left empty: your user name, which everybody can read.',
      shown: tunnelled(at),
    },
    {
      path: `${at}.ttls`,
      label: 'Inside TTLS',
      kind: 'choice',
      choices: TTLS,
      unset: EAP_DEFAULTS.ttls,
      shown: has(at, 'ttls'),
    },
    {
      path: `${at}.inner`,
      label: 'Methods inside the tunnel',
      kind: 'several',
      choices: INNER,
      unset: EAP_DEFAULTS.inner,
      shown: (around) =>
        has(at, 'peap')(around) || (has(at, 'ttls')(around) && eapOf(around.document)?.ttls === 'eap'),
    },
    {
      path: `${at}.gtc`,
      label: 'GTC asks for',
      kind: 'choice',
      choices: GTC,
      unset: EAP_DEFAULTS.gtc,
      shown: (around) =>
        has(at, 'gtc')(around) ||
        (tunnelled(at)(around) && String(eapOf(around.document)?.inner).includes('gtc')),
    },
    {
      path: `${at}.peapBinding`,
      label: 'PEAP’s proof that what is inside belongs to its tunnel',
      kind: 'choice',
      choices: BINDING,
      unset: EAP_DEFAULTS.peapBinding,
      shown: has(at, 'peap'),
    },
    {
      path: `${at}.networkName`,
      label: 'Name the network must have',
      kind: 'text',
      optional: true,
      hint: 'For AKA′. Left empty: any.',
      shown: has(at, 'aka-prime'),
    },
    {
      path: `${at}.server`,
      label: 'Another server than the gateway checks the password',
      kind: 'part',
      begun: {},
      hint: 'For example a RADIUS server with a certificate of its own.',
      shown: inTls,
    },
  ]
}

function serverFieldsOf(at: Path): readonly EditorField[] {
  const shown = (around: Around): boolean =>
    has(at, 'tls', 'ttls', 'peap')(around) && eapOf(around.document)?.server !== undefined
  const common = { optional: true, shown } as const
  return [
    {
      path: `${at}.server.id`,
      label: 'That server must be',
      kind: 'text',
      hint: 'Left empty: as the gateway.',
      ...common,
    },
    { path: `${at}.server.ca`, label: 'Authorities of that server', kind: 'authorities', ...common },
    {
      path: `${at}.server.crl`,
      label: 'Lists of revoked certificates of that server',
      kind: 'revocations',
      ...common,
    },
    {
      path: `${at}.server.revocation`,
      label: 'Ask whether the certificate of that server was revoked',
      kind: 'choice',
      choices: REVOCATION,
      unset: 'ifAvailable',
      ...common,
    },
    {
      path: `${at}.server.commonName`,
      label: 'There, too, the common name counts',
      kind: 'switch',
      ...common,
    },
  ]
}

/** What a sign-in by EAP can say, as the first proof or the second. */
export const EAP_FIELDS: readonly EditorField[] = [...fieldsOf('auth'), ...fieldsOf('secondAuth')]
/** Who the server behind it must be, where that is another one than the gateway. */
export const SERVER_FIELDS: readonly EditorField[] = [
  ...serverFieldsOf('auth'),
  ...serverFieldsOf('secondAuth'),
]
