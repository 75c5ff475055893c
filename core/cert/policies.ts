import { type Certificate, isSelfIssued } from './certificate.ts'
import { ANY_POLICY } from './oids.ts'
import type { PolicyExtensions } from './policy-extensions.ts'

/** A policy that holds so far. The tree of the RFC with equal nodes of a level as one: its size stays that of the certificates, not a power of it (CVE-2023-0464). */
interface Held {
  /** What the next certificate may call it. */
  readonly expected: ReadonlySet<string>
  /** The policies in the words of the anchor that it came from; of `anyPolicy` itself none. */
  readonly roots: ReadonlySet<string>
}
type Level = ReadonlyMap<string, Held>

const ANY: Held = { expected: new Set([ANY_POLICY]), roots: new Set() }

export interface PolicyProblem {
  readonly of: Certificate
  /** A clause without a full stop. */
  readonly problem: string
}

/**
 * Whether the policies of a chain, from the peer's own certificate to the anchor, hold together; `wanted`: one of these
 * has to be among them. RFC 5280 §6.1.2 – §6.1.5
 */
export function policyProblem(
  chain: readonly Certificate[],
  wanted: readonly string[] = [],
): PolicyProblem | undefined {
  const walk = new Walk(chain.length - 1, wanted)
  for (let at = chain.length - 2; at >= 0; at--) {
    const problem = walk.next(chain[at]!, at === 0)
    if (problem !== undefined) return { of: chain[at]!, problem }
  }
  return undefined
}

class Walk {
  readonly #wanted: readonly string[]
  /** Undefined: no policy holds any more. */
  #level: Level | undefined = new Map([[ANY_POLICY, ANY]])
  /** Certificates until each of them is in force; 0: it is. RFC 5280 §6.1.2 (d) – (f) */
  #explicit: number
  #mapping: number
  #any: number

  constructor(certificates: number, wanted: readonly string[]) {
    this.#wanted = wanted
    this.#explicit = wanted.length > 0 ? 0 : certificates + 1
    this.#mapping = certificates + 1
    this.#any = certificates + 1
  }

  /** One certificate further down. A clause where that is no way. */
  next(certificate: Certificate, isLast: boolean): string | undefined {
    const { policies, policyMappings = [], requireExplicitPolicy } = certificate.extensions
    const selfIssued = isSelfIssued(certificate)
    const anyCounts = this.#any > 0 || (!isLast && selfIssued)
    this.#level = this.#level && policies && narrowed(this.#level, policies, anyCounts)
    if (this.#explicit === 0 && this.#level === undefined) return 'none of its policies is one of its issuer'
    if (isLast) {
      // RFC 5280 §6.1.5 (a), (b)
      const isExplicit = this.#explicit <= 1 || requireExplicitPolicy === 0
      if (!isExplicit || this.#satisfied()) return undefined
      return this.#wanted.length > 0
        ? `it is issued under none of the policies ${this.#wanted.join(', ')}`
        : 'a policy has to stand from its authority down to it, and none does'
    }
    if (policyMappings.some((pair) => pair.includes(ANY_POLICY))) return 'it maps the policy for everything'
    this.#level = this.#level && mapped(this.#level, policyMappings, this.#mapping > 0)
    this.#count(certificate, selfIssued)
    return undefined
  }

  /** RFC 5280 §6.1.4 (h) – (j) */
  #count({ extensions }: Certificate, selfIssued: boolean): void {
    const step = selfIssued ? 0 : 1
    const least = (left: number, said = Number.POSITIVE_INFINITY): number =>
      Math.min(Math.max(left - step, 0), said)
    this.#explicit = least(this.#explicit, extensions.requireExplicitPolicy)
    this.#mapping = least(this.#mapping, extensions.inhibitPolicyMapping)
    this.#any = least(this.#any, extensions.inhibitAnyPolicy)
  }

  /** RFC 5280 §6.1.5 (g) */
  #satisfied(): boolean {
    const level = this.#level
    if (level === undefined) return false
    if (this.#wanted.length === 0 || this.#wanted.includes(ANY_POLICY) || level.has(ANY_POLICY)) return true
    return [...level.values()].some(({ roots }) => this.#wanted.some((policy) => roots.has(policy)))
  }
}

/** What still holds below a certificate with these policies. RFC 5280 §6.1.3 (d) */
function narrowed(level: Level, policies: readonly string[], anyCounts: boolean): Level | undefined {
  const next = new Map<string, Held>()
  const hold = (policy: string, roots: ReadonlySet<string>): void => {
    const known = next.get(policy)?.roots ?? []
    next.set(policy, { expected: new Set([policy]), roots: new Set([...known, ...roots]) })
  }
  for (const policy of policies) {
    if (policy === ANY_POLICY) continue
    const parents = [...level.values()].filter(({ expected }) => expected.has(policy))
    for (const { roots } of parents) hold(policy, roots)
    if (parents.length === 0 && level.has(ANY_POLICY)) hold(policy, new Set([policy]))
  }
  if (policies.includes(ANY_POLICY) && anyCounts) {
    const named = new Set(policies)
    for (const { expected, roots } of level.values()) {
      for (const policy of expected) if (policy === ANY_POLICY || !named.has(policy)) hold(policy, roots)
    }
  }
  return next.size === 0 ? undefined : next
}

/** What the policies are called further down, or that a mapped one ends. RFC 5280 §6.1.4 (b) */
function mapped(
  level: Level,
  mappings: NonNullable<PolicyExtensions['policyMappings']>,
  mappingCounts: boolean,
): Level | undefined {
  const next = new Map(level)
  for (const issuer of new Set(mappings.map(([from]) => from))) {
    const known = level.get(issuer)
    if (!mappingCounts) {
      next.delete(issuer)
      continue
    }
    const expected = new Set(mappings.filter(([from]) => from === issuer).map(([, to]) => to))
    if (known !== undefined) next.set(issuer, { ...known, expected })
    else if (level.has(ANY_POLICY)) next.set(issuer, { expected, roots: new Set([issuer]) })
  }
  return next.size === 0 ? undefined : next
}
