import * as v from 'valibot'
import type { Certificate } from '../cert/certificate.ts'
import { decodeRevocationList, type RevocationList } from '../cert/crl.ts'
import { readCertificates } from '../cert/own-key.ts'
import { splitPem } from '../cert/pem.ts'

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

/** How we prove who we are. What only the person knows (`psk`, `key`, `password`) is a secret and not in here. */
export const authSchema = v.variant(
  'method',
  [
    byKey,
    byCertificate,
    /** With the name and password of `xauth` alone. draft-ietf-ipsec-isakmp-hybrid-auth */
    v.strictObject({ method: v.literal('xauth') }),
  ],
  methods('"psk", "certificate" and "xauth"'),
)

/** How the gateway proves who it is. */
export const gatewayAuthSchema = v.variant(
  'method',
  [
    v.strictObject({ method: v.literal('psk') }),
    v.strictObject({
      method: v.literal('certificate'),
      /** The authorities to trust, PEM, or `system`: those of the operating system. */
      ca: v.optional(pem(readAuthorities, CHOICE.certificates), SYSTEM_AUTHORITIES),
      /** Revocation lists at hand, PEM. */
      crl: v.optional(pem(readPemLists, CHOICE.lists)),
      /** Refuse where no list that is current speaks of the issuer. */
      requireCrl: v.optional(v.boolean(), false),
      /** The common name counts as a host where the certificate has no dNSName. RFC 4945 §3.1.9 forbids it. */
      commonName: v.optional(v.boolean(), false),
    }),
  ],
  methods('"psk" and "certificate"'),
)

export type Auth = v.InferOutput<typeof authSchema>
export type GatewayAuth = v.InferOutput<typeof gatewayAuthSchema>

interface SignIn {
  readonly auth: Auth
  readonly gatewayAuth?: GatewayAuth | undefined
  readonly xauth?: { readonly user: string } | undefined
  readonly ppk?: object | undefined
}

/** Left out: by the key where there is one, and by a certificate of an authority of the system where not. */
export function gatewayAuthOf({ auth, gatewayAuth }: SignIn): GatewayAuth {
  if (gatewayAuth !== undefined) return gatewayAuth
  if (auth.method === 'psk') return { method: 'psk' }
  return { method: 'certificate', ca: SYSTEM_AUTHORITIES, requireCrl: false, commonName: false }
}

/** Every name a secret of a profile may have; one that is removed takes them all along. */
export const SECRET_NAMES = ['psk', 'key', 'password', 'ppk'] as const

/** Names of the secrets a session of this sign-in needs: `key` is our private key, `psk` a pre-shared one of either side, `password` that of XAuth, `ppk` the post-quantum one. */
export function sessionSecrets(profile: SignIn): readonly string[] {
  const psk = profile.auth.method === 'psk' || gatewayAuthOf(profile).method === 'psk'
  return [
    ...(profile.auth.method === 'certificate' ? ['key'] : []),
    ...(psk ? ['psk'] : []),
    ...(profile.xauth === undefined ? [] : ['password']),
    ...(profile.ppk === undefined ? [] : ['ppk']),
  ]
}

/** For people: `pre-shared key`. */
export const authWords = ({ method }: Auth | GatewayAuth): string =>
  method === 'psk' ? 'pre-shared key' : method === 'xauth' ? 'XAuth' : method
