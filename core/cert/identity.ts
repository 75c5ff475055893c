import { Malformed } from '../bytes/malformed.ts'
import { equal } from '../bytes/octets.ts'
import { IdType } from '../iana/ikev2.ts'
import type { Certificate } from './certificate.ts'
import { latin1 } from './der.ts'
import { formatGeneralName } from './general-name.ts'
import { decodeNameDer, formatName, nameEquals } from './name.ts'
import { NameAttribute } from './oids.ts'

/** What stands in IDi or IDr. RFC 7296 §3.5 */
export interface PeerIdentity {
  readonly type: number
  readonly data: Uint8Array
}

export interface IdentityRules {
  /** Take the common name for a host where there is no dNSName: RFC 4945 §3.1.9 forbids it, old gateways need it. */
  readonly commonName?: boolean
}

/**
 * The certificate speaks for this identity: the same string in the subjectAltName field of its kind, without regard to
 * case and without wildcards, or for a DN the subject. RFC 4945 §3.1
 */
export function certificateHas(
  certificate: Certificate,
  identity: PeerIdentity,
  rules: IdentityRules = {},
): boolean {
  const names = certificate.extensions.subjectAltName
  switch (identity.type) {
    case IdType.ID_FQDN.id: {
      const wanted = latin1(identity.data)
      const hosts = names.flatMap((name) => (name.kind === 'dns' ? [name.text] : []))
      const known = hosts.length === 0 && rules.commonName === true ? commonNames(certificate) : hosts
      return known.some((host) => sameText(host, wanted))
    }
    case IdType.ID_RFC822_ADDR.id:
      return names.some((name) => name.kind === 'email' && sameText(name.text, latin1(identity.data)))
    case IdType.ID_IPV4_ADDR.id:
    case IdType.ID_IPV6_ADDR.id: {
      const size = identity.type === IdType.ID_IPV4_ADDR.id ? 4 : 16
      return (
        identity.data.length === size &&
        names.some((name) => name.kind === 'ip' && equal(name.octets, identity.data))
      )
    }
    case IdType.ID_DER_ASN1_DN.id:
      return isSubject(certificate, identity.data)
    default:
      // ID_KEY_ID and the rest cannot be found in a certificate. RFC 4945 §3.1.6, §3.1.7
      return false
  }
}

/** An empty subject is nobody's name. RFC 4945 §3.1.5 */
function isSubject({ subject }: Certificate, der: Uint8Array): boolean {
  if (subject.rdns.length === 0) return false
  try {
    return nameEquals(decodeNameDer(der), subject)
  } catch (error) {
    if (error instanceof Malformed) return false
    throw error
  }
}

/** Only letters of ASCII have a case here: host names beyond it travel as A-labels. An empty text is no identity. */
const sameText = (a: string, b: string): boolean => a !== '' && asciiLower(a) === asciiLower(b)
const asciiLower = (text: string): string => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())

const commonNames = ({ subject }: Certificate): string[] =>
  subject.rdns.flat().flatMap(({ oid, text }) => (oid === NameAttribute.CN.oid && text ? [text] : []))

/** Everybody the certificate speaks for, for people: alternative names first, then the subject. At most 20. */
export function namesOf({ subject, extensions }: Certificate): string[] {
  const names = extensions.subjectAltName.filter(({ kind }) => kind !== 'other').map(formatGeneralName)
  return [...names, ...(subject.rdns.length === 0 ? [] : [formatName(subject)])].slice(0, 20)
}

/** The identities a certificate of ours can be presented under, the likeliest first. RFC 4945 §3.1.8 */
export function identitiesOf({ subject, extensions }: Certificate): PeerIdentity[] {
  const names = extensions.subjectAltName.flatMap((name): PeerIdentity[] => {
    if (name.kind === 'email') return [{ type: IdType.ID_RFC822_ADDR.id, data: octetsOf(name.text) }]
    if (name.kind === 'dns') return [{ type: IdType.ID_FQDN.id, data: octetsOf(name.text) }]
    if (name.kind !== 'ip') return []
    const type = name.octets.length === 4 ? IdType.ID_IPV4_ADDR.id : IdType.ID_IPV6_ADDR.id
    return [{ type, data: name.octets }]
  })
  return subject.rdns.length === 0 ? names : [...names, { type: IdType.ID_DER_ASN1_DN.id, data: subject.der }]
}

const octetsOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'))
