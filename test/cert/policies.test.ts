import * as asn1 from 'asn1js'
import { describe, expect, test } from 'vitest'
import { decodeCertificate } from '../../core/cert/certificate.ts'
import { type ChainQuestion, verifyChain } from '../../core/cert/chain.ts'
import { ANY_POLICY, Extension } from '../../core/cert/oids.ts'
import {
  certificateDer,
  extension,
  type Issued,
  makeAuthority,
  makeGateway,
  makeKey,
  makeRoot,
  NOW,
  oid,
  sequence,
} from '../support/pki.ts'

// RFC 5280 §6.1, the parts about policies. NIST’s own chains (PKITS) are in test/extra.

const [P1, P2, P3] = ['1.2.3.1', '1.2.3.2', '1.2.3.3'] as const
const count = (tagNumber: number, value: number) =>
  new asn1.Primitive({
    idBlock: { tagClass: 3, tagNumber },
    valueHex: Uint8Array.of(value).buffer as ArrayBuffer,
  })

const policies = (...names: readonly string[]) =>
  extension(Extension.certificatePolicies.oid, true, sequence(...names.map((name) => sequence(oid(name)))))
const mappings = (...pairs: readonly (readonly [string, string])[]) =>
  extension(
    Extension.policyMappings.oid,
    true,
    sequence(...pairs.map(([from, to]) => sequence(oid(from), oid(to)))),
  )
const requireExplicit = (after: number) =>
  extension(Extension.policyConstraints.oid, true, sequence(count(0, after)))
const explicitWithout = (mapping: number) =>
  extension(Extension.policyConstraints.oid, true, sequence(count(0, 0), count(1, mapping)))
const inhibitAny = (after: number) =>
  extension(Extension.inhibitAnyPolicy.oid, true, new asn1.Integer({ value: after }))

type More = readonly asn1.AsnType[]
const root = makeRoot()

/** A gateway below authorities, one below the other, with these extensions; the last ones are those of the gateway. */
function chainOf(...levels: readonly More[]): readonly Issued[] {
  const chain: Issued[] = [root]
  levels.forEach((more, at) => {
    const by = chain.at(-1)!
    chain.push(
      at < levels.length - 1 ? makeAuthority(by, `CN=CA ${at}`, { more }) : makeGateway(by, { more }),
    )
  })
  return chain.slice(1).reverse()
}

function verdictOn(chain: readonly Issued[], wanted?: ChainQuestion['policies']): string {
  const verdict = verifyChain({
    certificates: chain.map(({ der }) => der),
    anchors: [root.certificate],
    role: 'gateway',
    at: NOW,
    ...(wanted === undefined ? {} : { policies: wanted }),
  })
  return verdict.ok ? 'good' : `${verdict.problem.rule}: ${verdict.problem.problem}`
}

describe('RFC 5280 §6.1.5 (g): where nobody asks for a policy, none can be missing', () => {
  test.each([
    ['none at all', [[], []]],
    ['one that stands from end to end', [[policies(P1)], [policies(P1)]]],
    ['one that does not', [[policies(P1)], [policies(P2)]]],
    ['a critical anyPolicy', [[policies(ANY_POLICY)], [policies(ANY_POLICY)]]],
  ] as const)('%s', (_, levels) => {
    expect(verdictOn(chainOf(...levels))).toBe('good')
  })
})

describe('RFC 5280 §4.2.1.11: requireExplicitPolicy', () => {
  test.each([
    ['the same policy down to the gateway', [[policies(P1), requireExplicit(0)], [policies(P1)]], true],
    ['another one', [[policies(P1), requireExplicit(0)], [policies(P2)]], false],
    ['none in the gateway', [[policies(P1), requireExplicit(0)], []], false],
    ['none in the authority', [[requireExplicit(0)], [policies(P1)]], false],
    ['lost on the way', [[policies(P1), requireExplicit(0)], [policies(P2)], [policies(P1)]], false],
    ['the authority says anyPolicy', [[policies(ANY_POLICY), requireExplicit(0)], [policies(P1)]], true],
    ['not yet in force', [[policies(P1), requireExplicit(5)], [policies(P2)]], true],
    ['in force just there', [[policies(P1), requireExplicit(1)], [policies(P2)]], false],
    ['said by the gateway’s own certificate', [[policies(P1)], [policies(P2), requireExplicit(0)]], false],
    [
      'what is below can only ask for more',
      [[policies(P1), requireExplicit(0)], [requireExplicit(9)], [policies(P1)]],
      false,
    ],
  ] as const)('%s', (_, levels, good) => {
    expect(verdictOn(chainOf(...levels))).toMatch(good ? /^good$/ : /^policy: /)
  })

  test('a self-issued certificate on the way is not counted', () => {
    const authority = makeAuthority(root, 'CN=CA', { more: [policies(P1), requireExplicit(1)] })
    const key = makeKey()
    const der = certificateDer(key, authority.key, {
      ...{ ca: true, keyUsage: [5, 6], subject: 'CN=CA', issuer: 'CN=CA', more: [policies(P1)] },
    })
    const read = decodeCertificate(der)
    if (!read.ok) throw read.error
    const renewed: Issued = { key, der, certificate: read.value, subject: 'CN=CA' }
    const below = (by: Issued) => makeGateway(by, { more: [policies(P1)] })
    expect(verdictOn([below(renewed), renewed, authority])).toBe('good')
    expect(verdictOn([makeGateway(renewed, { more: [policies(P2)] }), renewed, authority])).toMatch(/^policy/)
  })
})

describe('RFC 5280 §4.2.1.14: inhibitAnyPolicy', () => {
  test.each([
    ['counts no more', [[policies(P1), requireExplicit(0), inhibitAny(0)], [policies(ANY_POLICY)]], false],
    ['still counts', [[policies(P1), requireExplicit(0), inhibitAny(1)], [policies(ANY_POLICY)]], true],
    [
      'is gone one further down',
      [[policies(P1), requireExplicit(0), inhibitAny(1)], [policies(P1)], [policies(ANY_POLICY)]],
      false,
    ],
  ] as const)('anyPolicy %s', (_, levels, good) => {
    expect(verdictOn(chainOf(...levels))).toMatch(good ? /^good$/ : /^policy: /)
  })
})

describe('RFC 5280 §4.2.1.5: policyMappings', () => {
  const mapping = [policies(P1), requireExplicit(0), mappings([P1, P2])]
  test.each([
    ['the other name for it holds below', [mapping, [policies(P2)]], true],
    ['its own name does not', [mapping, [policies(P1)]], false],
    [
      'two names for it',
      [[policies(P1), requireExplicit(0), mappings([P1, P2], [P1, P3])], [policies(P3)]],
      true,
    ],
    [
      'anyPolicy covers the mapped one',
      [[policies(ANY_POLICY), requireExplicit(0), mappings([P1, P2])], [policies(P2)]],
      true,
    ],
    [
      'inhibited above: the mapped policy is at its end',
      [[policies(P1), explicitWithout(0)], [policies(P1), mappings([P1, P2])], [policies(P2)]],
      false,
    ],
    [
      'not yet inhibited',
      [[policies(P1), explicitWithout(1)], [policies(P1), mappings([P1, P2])], [policies(P2)]],
      true,
    ],
    ['from anyPolicy', [[policies(P1), mappings([ANY_POLICY, P2])], [policies(P2)]], false],
    ['to anyPolicy', [[policies(P1), mappings([P1, ANY_POLICY])], [policies(P2)]], false],
  ] as const)('%s', (_, levels, good) => {
    expect(verdictOn(chainOf(...levels))).toMatch(good ? /^good$/ : /^policy: /)
  })
})

describe('RFC 5280 §6.1.1 (c): a policy somebody insists on', () => {
  test('has to stand from end to end, in the words of the authority that is trusted', () => {
    const mapped = chainOf([policies(P1), mappings([P1, P2])], [policies(P2)])
    expect(verdictOn(mapped, [P1])).toBe('good')
    expect(verdictOn(mapped, [P2])).toBe(`policy: it is issued under none of the policies ${P2}`)
  })

  test.each([
    ['one of two', [[policies(P1, P2)], [policies(P2)]], [P3, P2], true],
    ['none', [[], []], [P1], false],
    ['anyPolicy stands for it', [[policies(ANY_POLICY)], [policies(ANY_POLICY)]], [P1], true],
    ['anyPolicy above, the policy below', [[policies(ANY_POLICY)], [policies(P1)]], [P1], true],
    ['anyPolicy above, another below', [[policies(ANY_POLICY)], [policies(P2)]], [P1], false],
    ['any will do', [[policies(P1)], [policies(P1)]], [ANY_POLICY], true],
  ] as const)('%s', (_, levels, wanted, good) => {
    expect(verdictOn(chainOf(...levels), wanted)).toMatch(good ? /^good$/ : /^policy: /)
  })
})

describe('what a peer may send', () => {
  const malformed = (more: asn1.AsnType): boolean =>
    !decodeCertificate(certificateDer(root.key, root.key, { subject: 'CN=x', more: [more] })).ok

  test.each([
    ['the same policy twice', policies(P1, P1)],
    ['no policy', policies()],
    ['65 policies', policies(...Array.from({ length: 65 }, (_, at) => `1.2.3.${at}`))],
    ['no mapping', mappings()],
    ['empty constraints', extension(Extension.policyConstraints.oid, true, sequence())],
    ['a number below zero', inhibitAny(-1)],
  ])('%s is malformed', (_, more) => {
    expect(malformed(more)).toBe(true)
  })

  test('a number of any size is one', () => {
    expect(malformed(inhibitAny(2 ** 20))).toBe(false)
    expect(
      verdictOn(chainOf([policies(P1), requireExplicit(0), inhibitAny(2 ** 20)], [policies(ANY_POLICY)])),
    ).toBe('good')
  })

  test('CVE-2023-0464: policies that multiply at every step cost no more than what was sent', () => {
    const names = Array.from({ length: 8 }, (_, at) => `1.2.3.${at}`)
    const every = names.flatMap((from) => names.map((to) => [from, to] as const))
    const level = [policies(...names), mappings(...every)]
    const before = process.cpuUsage()
    expect(verdictOn(chainOf(level, level, level, level, level, [policies(...names)]))).toBe('good')
    const { user } = process.cpuUsage(before)
    expect(user).toBeLessThan(2_000_000)
  })
})
