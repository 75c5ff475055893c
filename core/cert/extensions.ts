import {
  bitString,
  boolean,
  contentOf,
  type Der,
  fail,
  inside,
  isContext,
  octetString,
  oid,
  type Place,
  readDer,
  sequence,
  smallInteger,
} from './der.ts'
import { decodeGeneralName, type GeneralName } from './general-name.ts'
import { Extension, namedBy } from './oids.ts'
import { decodePolicyExtension, type PolicyExtensions } from './policy-extensions.ts'

/** Bits of KeyUsage. RFC 5280 §4.2.1.3 */
export interface KeyUsage {
  readonly digitalSignature: boolean
  readonly nonRepudiation: boolean
  readonly keyCertSign: boolean
  readonly cRLSign: boolean
}

/** RFC 5280 §4.2.1.10 */
export interface NameConstraints {
  readonly permitted: readonly GeneralName[]
  readonly excluded: readonly GeneralName[]
}

/** The extensions that decide something, each absent where the certificate has none. RFC 5280 §4.2 */
export interface Extensions extends PolicyExtensions {
  readonly subjectAltName: readonly GeneralName[]
  readonly keyUsage?: KeyUsage
  /** Dotted object identifiers. */
  readonly extendedKeyUsage?: readonly string[]
  readonly basicConstraints?: { readonly ca: boolean; readonly pathLength?: number }
  readonly nameConstraints?: NameConstraints
  readonly subjectKeyIdentifier?: Uint8Array
  readonly authorityKeyIdentifier?: Uint8Array
  /** Where lists of revoked certificates are, URIs of all kinds. RFC 5280 §4.2.1.13 */
  readonly revocationLists?: readonly string[]
  /** Whom to ask whether it was revoked, URIs. RFC 5280 §4.2.2.1 */
  readonly ocspResponders?: readonly string[]
  /** Critical ones that are not understood here: reason to refuse. Dotted. */
  readonly unknownCritical: readonly string[]
}

/** Throws `Malformed`, also for one that stands there twice. RFC 5280 §4.2 */
export function decodeExtensions(nodes: readonly Der[]): Extensions {
  const place: Place = { what: 'Extensions', reference: 'RFC 5280 §4.2' }
  const seen = new Set<string>()
  const unknownCritical: string[] = []
  let known: Partial<Extensions> = {}
  for (const node of nodes) {
    const [type, ...rest] = sequence(node, place)
    const id = oid(type, place)
    if (seen.has(id)) fail(place, `${id} stands there twice`)
    seen.add(id)
    const critical = rest.length > 1 && boolean(rest[0], place)
    const octets = octetString(rest.at(-1), place)
    const read = decodeExtension(id, octets)
    if (read !== undefined) known = { ...known, ...read }
    else if (critical) unknownCritical.push(id)
  }
  return { subjectAltName: [], ...known, unknownCritical }
}

function decodeExtension(id: string, octets: Uint8Array): Partial<Extensions> | undefined {
  const name = namedBy(Extension, id)
  if (name === undefined) return undefined
  const place: Place = { what: name, reference: Extension[name].reference }
  const node = readDer(octets, place)
  switch (name) {
    case 'subjectAltName':
      return { subjectAltName: sequence(node, place).map((entry) => decodeGeneralName(entry, place)) }
    case 'keyUsage':
      return { keyUsage: decodeKeyUsage(node, place) }
    case 'extendedKeyUsage':
      return { extendedKeyUsage: sequence(node, place).map((purpose) => oid(purpose, place)) }
    case 'basicConstraints':
      return { basicConstraints: decodeBasicConstraints(node, place) }
    case 'nameConstraints':
      return { nameConstraints: decodeNameConstraints(node, place) }
    case 'subjectKeyIdentifier':
      return { subjectKeyIdentifier: octetString(node, place) }
    case 'authorityKeyIdentifier': {
      const keyIdentifier = sequence(node, place).find((field) => isContext(field, 0))
      return keyIdentifier === undefined ? {} : { authorityKeyIdentifier: contentOf(keyIdentifier) }
    }
    case 'cRLDistributionPoints':
      return { revocationLists: sequence(node, place).flatMap((point) => decodePoint(point, place)) }
    case 'authorityInfoAccess':
      return { ocspResponders: sequence(node, place).flatMap((access) => decodeOcspAccess(access, place)) }
    default:
      return decodePolicyExtension(name, node, place)
  }
}

const OCSP_ACCESS = '1.3.6.1.5.5.7.48.1'

/** Places with a list of the issuer itself that speaks of every reason; others cannot be used. */
function decodePoint(node: Der, place: Place): string[] {
  const fields = sequence(node, place)
  if (fields.some((field) => isContext(field, 1) || isContext(field, 2))) return []
  return pointNames(fields[0], place)
}

/** The URIs of a DistributionPointName in its context tag. RFC 5280 §4.2.1.13 */
export function pointNames(name: Der | undefined, place: Place): string[] {
  if (!isContext(name, 0)) return []
  const [full] = inside(name, place)
  if (!isContext(full, 0)) return []
  return urisIn(inside(full, place), place)
}

function decodeOcspAccess(node: Der, place: Place): string[] {
  const [method, location] = sequence(node, place)
  return location !== undefined && oid(method, place) === OCSP_ACCESS ? urisIn([location], place) : []
}

const urisIn = (names: readonly Der[], place: Place): string[] =>
  names
    .map((name) => decodeGeneralName(name, place))
    .flatMap((name) => (name.kind === 'uri' ? [name.text] : []))

function decodeKeyUsage(node: Der, place: Place): KeyUsage {
  const { octets } = bitString(node, place)
  const bit = (at: number): boolean => ((octets[at >> 3] ?? 0) & (0x80 >> (at & 7))) !== 0
  return { digitalSignature: bit(0), nonRepudiation: bit(1), keyCertSign: bit(5), cRLSign: bit(6) }
}

function decodeBasicConstraints(node: Der, place: Place): { ca: boolean; pathLength?: number } {
  const fields = sequence(node, place)
  const flagged = fields[0]?.idBlock.tagNumber === 1
  const ca = flagged && boolean(fields[0], place)
  const length = fields[flagged ? 1 : 0]
  return length === undefined ? { ca } : { ca, pathLength: smallInteger(length, place) }
}

function decodeNameConstraints(node: Der, place: Place): NameConstraints {
  const bases = (tag: number): GeneralName[] =>
    sequence(node, place)
      .filter((field) => isContext(field, tag))
      .flatMap((field) => inside(field, place))
      .map((subtree) => {
        const [base, ...distances] = sequence(subtree, place)
        if (base === undefined) return fail(place, 'a subtree without a base')
        if (distances.length > 0) fail(place, 'a subtree with minimum or maximum')
        const name = decodeGeneralName(base, place)
        if (name.kind === 'ip' && name.octets.length !== 8 && name.octets.length !== 32) {
          fail(place, 'an address range of an odd length')
        }
        return name
      })
  return { permitted: bases(0), excluded: bases(1) }
}
