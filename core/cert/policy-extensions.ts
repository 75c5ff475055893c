import { contentOf, type Der, fail, integerOctets, isContext, oid, type Place, sequence } from './der.ts'
import type { Extension } from './oids.ts'

/** What certificates say of policies. RFC 5280 §4.2.1.4, §4.2.1.5, §4.2.1.11, §4.2.1.14 */
export interface PolicyExtensions {
  /** Dotted object identifiers, each once. Absent: no policy at all. */
  readonly policies?: readonly string[]
  /** A policy of the issuer, and what stands for it below. */
  readonly policyMappings?: readonly (readonly [issuer: string, subject: string])[]
  /** After so many more certificates a policy has to stand, mappings count no more, `anyPolicy` counts no more. */
  readonly requireExplicitPolicy?: number
  readonly inhibitPolicyMapping?: number
  readonly inhibitAnyPolicy?: number
}

/** Ours: more than any authority writes into a certificate, and few enough to compare each with each. */
const MOST = 64

/** One of the extensions about policies; undefined for any other. Throws `Malformed`. */
export function decodePolicyExtension(
  name: keyof typeof Extension,
  node: Der,
  place: Place,
): PolicyExtensions | undefined {
  switch (name) {
    case 'certificatePolicies': {
      const policies = some(node, place).map((one) => oid(sequence(one, place)[0], place))
      if (new Set(policies).size < policies.length) fail(place, 'a policy stands there twice')
      return { policies }
    }
    case 'policyMappings':
      return {
        policyMappings: some(node, place).map((pair) => {
          const [issuer, subject] = sequence(pair, place)
          return [oid(issuer, place), oid(subject, place)] as const
        }),
      }
    case 'policyConstraints': {
      const [explicit, mapping] = [0, 1].map((tag) => {
        const field = sequence(node, place).find((one) => isContext(one, tag))
        return field === undefined ? undefined : count(contentOf(field), place)
      })
      if (explicit === undefined && mapping === undefined) fail(place, 'it says nothing')
      return {
        ...(explicit === undefined ? {} : { requireExplicitPolicy: explicit }),
        ...(mapping === undefined ? {} : { inhibitPolicyMapping: mapping }),
      }
    }
    case 'inhibitAnyPolicy':
      return { inhibitAnyPolicy: count(integerOctets(node, place), place) }
    default:
      return undefined
  }
}

function some(node: Der, place: Place): readonly Der[] {
  const all = sequence(node, place)
  if (all.length === 0 || all.length > MOST) fail(place, `${all.length} policies`)
  return all
}

/** Certificates to skip; no chain has more than fit into one octet. */
function count(octets: Uint8Array, place: Place): number {
  if (octets.length === 0 || octets[0]! >= 0x80) fail(place, 'a number below zero')
  return octets.length > 1 && octets.some((octet, at) => at < octets.length - 1 && octet !== 0)
    ? 255
    : octets.at(-1)!
}
