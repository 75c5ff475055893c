import * as v from 'valibot'
import type { Certificate } from '../cert/certificate.ts'
import { decodeRevocationList, type RevocationList } from '../cert/crl.ts'
import { readCertificates } from '../cert/own-key.ts'
import { splitPem } from '../cert/pem.ts'
import { EAP_DEFAULTS } from '../contract/profile.ts'
import type { EapMethodName } from '../eap/config.ts'
import { chosenMethods } from '../eap/methods.ts'
import { manualSchema } from './manual-schema.ts'

/** Where trust comes from the authorities of the operating system. */
export const SYSTEM_AUTHORITIES = 'system'

/** Bounds of ours on what a profile carries. With more authorities a CERTREQ could not name them. */
const CHOICE = { certificates: 64, chain: 16, lists: 16, characters: 1 << 20 } as const

type Read<T> = T | { readonly problem: string }

/** All certificates of a PEM text; a sentence where one cannot be read. */
export function readPemCertificates(pem: string): Read<readonly Certificate[]> {
  const blocks = splitPem(pem)
  if (blocks.some(({ label }) => label.endsWith('PRIVATE KEY'))) {
    return { problem: 'a private key does not belong into a profile; culvert import takes it beside one' }
  }
  if (!blocks.some(({ label }) => label.endsWith('CERTIFICATE'))) {
    return { problem: 'certificates in PEM are expected (-----BEGIN CERTIFICATE-----)' }
  }
  const read = readCertificates(Buffer.from(pem, 'latin1'))
  if (!read.ok) return { problem: `a certificate cannot be read: ${read.problem}` }
  return read.certificates
}

/** All revocation lists of a PEM text. */
export function readPemLists(pem: string): Read<readonly RevocationList[]> {
  const lists: RevocationList[] = []
  for (const { label, der } of splitPem(pem)) {
    if (label !== 'X509 CRL') continue
    const read = decodeRevocationList(der)
    if (!read.ok) return { problem: `a revocation list cannot be read: ${read.error.message}` }
    lists.push(read.value)
  }
  return lists.length === 0
    ? { problem: 'revocation lists in PEM are expected (-----BEGIN X509 CRL-----)' }
    : lists
}

const pem = (read: (text: string) => Read<readonly unknown[]>, most: number) =>
  v.pipe(
    v.string('a text in PEM is expected'),
    v.maxLength(CHOICE.characters, 'it is too long'),
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed) return
      const result = read(dataset.value)
      if ('problem' in result) addIssue({ message: result.problem })
      else if (result.length > most) addIssue({ message: `at most ${most} are expected` })
    }),
  )

const readAuthorities = (text: string): Read<readonly Certificate[]> =>
  text === SYSTEM_AUTHORITIES ? [] : readPemCertificates(text)

const trustEntries = {
  /** The authorities to trust, PEM, or `system`: those of the operating system. */
  ca: v.optional(pem(readAuthorities, CHOICE.certificates), SYSTEM_AUTHORITIES),
  /** Revocation lists at hand, PEM. */
  crl: v.optional(pem(readPemLists, CHOICE.lists)),
  /** Whether anybody is asked if a certificate was revoked, by OCSP and by lists: never, where somebody answers, or no trust without an answer. */
  revocation: v.optional(
    v.picklist(['off', 'ifAvailable', 'strict'], '"off", "ifAvailable" or "strict" is expected'),
    'ifAvailable',
  ),
  /** The common name counts as a host where the certificate has no dNSName. RFC 4945 §3.1.9 forbids it. */
  commonName: v.optional(v.boolean(), false),
}

const methods = (known: string) => (issue: { readonly received: string }) =>
  issue.received === 'undefined' ? 'it is missing' : `only ${known} are known to this Culvert`

const byKey = v.strictObject({ method: v.literal('psk') })
const byCertificate = v.strictObject({
  method: v.literal('certificate'),
  /** Our own certificate, then what leads from it to an authority. PEM. Left out: it is still to come. */
  certificate: v.optional(pem(readPemCertificates, CHOICE.chain)),
  /** RSASSA-PSS instead of PKCS#1 v1.5, for RSA keys. RFC 7427 §4 */
  rsaPss: v.optional(v.boolean(), false),
})

/** How a gateway of ours proves who it is. */
export const ownGatewayAuthSchema = v.variant(
  'method',
  [byKey, byCertificate],
  methods('"psk" and "certificate"'),
)

/** A name as it travels in EAP. */
const eapName = v.pipe(v.string('a text is expected'), v.nonEmpty('it cannot be empty'), v.maxLength(253))
const eapMethods = <const T extends readonly EapMethodName[]>(known: T) =>
  v.pipe(
    v.array(v.picklist(known, `one of ${known.join(', ')} is expected`)),
    v.minLength(1, 'at least one method is needed'),
    v.maxLength(known.length),
  )

/** By name and password, by a code, or in a TLS tunnel of its own. RFC 7296 §2.16 */
export const eapSchema = v.strictObject({
  method: v.literal('eap'),
  /** Those that may be used: the strongest that the gateway agrees to is. */
  methods: v.optional(
    eapMethods(['aka-prime', 'aka', 'sim', 'tls', 'ttls', 'peap', 'mschapv2', 'gtc', 'otp', 'md5']),
    () => [...EAP_DEFAULTS.methods],
  ),
  /** Whose password it is. Left out: whom `localId` or the certificate names. */
  user: v.optional(eapName),
  /** Said in the place of the user before there is a tunnel, for ttls and peap. */
  anonymousIdentity: v.optional(eapName),
  /** What is spoken inside ttls; `eap`: one of `inner`. */
  ttls: v.optional(v.picklist(['pap', 'chap', 'mschap', 'mschapv2', 'eap']), EAP_DEFAULTS.ttls),
  /** The methods inside peap, and inside ttls where that is `eap`. */
  inner: v.optional(eapMethods(['mschapv2', 'gtc', 'otp', 'md5']), () => [...EAP_DEFAULTS.inner]),
  /** What gtc asks for: the password, or a code that is typed anew every time. */
  gtc: v.optional(v.picklist(['password', 'code']), EAP_DEFAULTS.gtc),
  /** Our certificate for tls, then what leads from it to an authority. PEM. Left out: it is still to come. */
  certificate: v.optional(pem(readPemCertificates, CHOICE.chain)),
  /** Whom tls, ttls and peap may talk to. Left out: whoever the gateway itself has to be. */
  server: v.optional(
    v.strictObject({
      /** The identity its certificate has to have. Left out: that of the gateway. */
      id: v.optional(eapName),
      ...trustEntries,
    }),
  ),
  /** How the network has to call itself, for aka-prime. Left out: as it likes. RFC 9048 §3.1 */
  networkName: v.optional(eapName),
  /** PEAP's proof that what is inside belongs to the tunnel: given where the server wants it, or insisted on. */
  peapBinding: v.optional(v.picklist(['ifOffered', 'required']), EAP_DEFAULTS.peapBinding),
})

/** How we prove who we are. What only the person knows (`psk`, `key`, `password`) is a secret and not in here. */
export const authSchema = v.variant(
  'method',
  [
    byKey,
    byCertificate,
    eapSchema,
    /** With the name and password of `xauth` alone. draft-ietf-ipsec-isakmp-hybrid-auth */
    v.strictObject({ method: v.literal('xauth') }),
    manualSchema,
  ],
  methods('"psk", "certificate", "eap", "xauth" and "manual"'),
)

/** How the gateway proves who it is. */
export const gatewayAuthSchema = v.variant(
  'method',
  [
    v.strictObject({ method: v.literal('psk') }),
    v.strictObject({
      method: v.literal('certificate'),
      ...trustEntries,
    }),
    /** By the EAP method alone, which has to be one that proves both. RFC 5998 */
    v.strictObject({ method: v.literal('eap') }),
  ],
  methods('"psk", "certificate" and "eap"'),
)

export type Auth = v.InferOutput<typeof authSchema>
export type GatewayAuth = v.InferOutput<typeof gatewayAuthSchema>

interface SignIn {
  readonly auth: Auth
  readonly secondAuth?: EapAuth | undefined
  readonly gatewayAuth?: GatewayAuth | undefined
  readonly xauth?: { readonly user: string } | undefined
  readonly ppk?: object | undefined
}

/** Left out: by the key where there is one (also by hand, where nobody proves more), and by a certificate of an authority of the system where not. */
export function gatewayAuthOf({ auth, gatewayAuth }: SignIn): GatewayAuth {
  if (gatewayAuth !== undefined) return gatewayAuth
  if (auth.method === 'psk' || auth.method === 'manual') return { method: 'psk' }
  return { method: 'certificate', ca: SYSTEM_AUTHORITIES, revocation: 'ifAvailable', commonName: false }
}

/** Every name a secret of a profile may have; one that is removed takes them all along. */
export const SECRET_NAMES = ['psk', 'key', 'password', 'card', 'ppk', 'keys'] as const

/** Names of the secrets a session of this sign-in needs: `key` is our private key, `psk` a pre-shared one of either side, `password` that of XAuth, `card` a SIM written down, `ppk` the post-quantum one, `keys` those by hand. */
export function sessionSecrets(profile: SignIn): readonly string[] {
  const { auth, secondAuth } = profile
  if (auth.method === 'manual') return ['keys']
  const eap = auth.method === 'eap' ? auth : secondAuth
  const psk = auth.method === 'psk' || gatewayAuthOf(profile).method === 'psk'
  return [
    ...(auth.method === 'certificate' || (eap !== undefined && showsCertificate(eap)) ? ['key'] : []),
    ...(psk ? ['psk'] : []),
    ...((eap !== undefined && wantsPassword(eap)) || profile.xauth !== undefined ? ['password'] : []),
    ...(eap !== undefined && showsCard(eap) ? ['card'] : []),
    ...(profile.ppk === undefined ? [] : ['ppk']),
  ]
}

/** Whose the secret `password` is, where the profile says so: of EAP, or of XAuth. */
export function passwordUser({ auth, secondAuth, xauth }: SignIn): string | undefined {
  return (auth.method === 'eap' ? auth : secondAuth)?.user ?? xauth?.user
}

type EapAuth = Extract<Auth, { method: 'eap' }>

/** Our own certificate, PEM, wherever the profile has it: beside what is shown first, or in a sign-in by EAP. */
export function ownCertificatePem({ auth, secondAuth }: SignIn): string | undefined {
  if (auth.method === 'certificate') return auth.certificate
  return (auth.method === 'eap' ? auth : secondAuth)?.certificate
}

/** By certificate inside TLS: where it is still to come, only if there is no other way. */
export const showsCertificate = ({ methods, certificate }: EapAuth): boolean =>
  methods.includes('tls') && (certificate !== undefined || methods.length === 1)

/** By what stands for a SIM. */
export const showsCard = ({ methods }: EapAuth): boolean =>
  methods.some((name) => name === 'sim' || name === 'aka' || name === 'aka-prime')

/** Some way that is allowed needs the password, and does not ask for it in the middle. */
export function wantsPassword({ methods, ttls, inner, gtc }: EapAuth): boolean {
  const inside = methods.includes('peap') || (methods.includes('ttls') && ttls === 'eap') ? inner : []
  if (methods.includes('ttls') && ttls !== 'eap') return true
  return [...methods, ...inside].some(
    (name) => name === 'mschapv2' || name === 'md5' || (name === 'gtc' && gtc === 'password'),
  )
}

/** For people: `pre-shared key`, `EAP-MSCHAPv2`. */
export function authWords(auth: Auth | GatewayAuth): string {
  if (auth.method === 'psk') return 'pre-shared key'
  if (auth.method === 'xauth') return 'XAuth'
  if (auth.method === 'manual') return 'keys by hand'
  if (auth.method !== 'eap') return auth.method
  return 'methods' in auth
    ? chosenMethods(auth.methods)
        .map(({ title }) => title)
        .join(', ')
    : 'EAP alone'
}
