import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { decodeCertificate } from '../../core/cert/certificate.ts'
import { verifyChain } from '../../core/cert/chain.ts'
import { ANY_POLICY } from '../../core/cert/oids.ts'

// PKITS, §4.8 – §4.12: chains about policies that NIST made. Where it begins with other settings than ours (a first
// certificate that inhibits something), there is no such setting here.

interface Chains {
  readonly certificates: Readonly<Record<string, string>>
  /** Of each end certificate the authorities, upwards. */
  readonly paths: Readonly<Record<string, readonly string[]>>
}
const { certificates, paths } = JSON.parse(
  readFileSync(new URL('data/pkits-policies.json', import.meta.url), 'utf8'),
) as Chains
const octetsOf = (name: string): Uint8Array => new Uint8Array(Buffer.from(certificates[name] ?? '', 'base64'))

const anchor = decodeCertificate(octetsOf('TrustAnchorRootCertificate'))
if (!anchor.ok) throw anchor.error

const policy = (number: number): string => `2.16.840.1.101.3.2.1.48.${number}`

/** `wanted`: numbers of NIST’s policies; 0: any, but there must be one. */
function verdictOn(name: string, wanted: readonly number[] | undefined): string {
  const verdict = verifyChain({
    certificates: [name, ...(paths[name] ?? [])].map(octetsOf),
    anchors: anchor.ok ? [anchor.value] : [],
    role: 'client',
    at: Date.UTC(2026, 0, 1),
    ...(wanted && { policies: wanted.map((number) => (number === 0 ? ANY_POLICY : policy(number))) }),
  })
  return verdict.ok ? 'good' : verdict.problem.rule
}

describe('what its name says, with our own settings', () => {
  test.each(Object.keys(paths).filter((name) => /^(Valid|Invalid)/.test(name) && !/Mapping/.test(name)))(
    '%s',
    (name) => {
      expect(verdictOn(name, undefined)).toBe(name.startsWith('Valid') ? 'good' : 'policy')
    },
  )
})

const CASES: readonly [string, readonly number[] | undefined, 'good' | 'policy'][] = [
  ['ValidCertificatePathTest1EE', [0], 'good'],
  ['ValidCertificatePathTest1EE', [1], 'good'],
  ['ValidCertificatePathTest1EE', [2], 'policy'],
  ['ValidCertificatePathTest1EE', [1, 2], 'good'],
  ['AllCertificatesNoPoliciesTest2EE', undefined, 'good'],
  ['AllCertificatesNoPoliciesTest2EE', [0], 'policy'],
  ['DifferentPoliciesTest3EE', undefined, 'good'],
  ['DifferentPoliciesTest3EE', [0], 'policy'],
  ['DifferentPoliciesTest3EE', [1, 2], 'policy'],
  ['DifferentPoliciesTest4EE', undefined, 'policy'],
  ['DifferentPoliciesTest5EE', undefined, 'policy'],
  ['OverlappingPoliciesTest6EE', undefined, 'good'],
  ['OverlappingPoliciesTest6EE', [1], 'good'],
  ['OverlappingPoliciesTest6EE', [2], 'policy'],
  ['DifferentPoliciesTest7EE', undefined, 'policy'],
  ['DifferentPoliciesTest8EE', undefined, 'policy'],
  ['DifferentPoliciesTest9EE', undefined, 'policy'],
  ['AllCertificatesSamePoliciesTest10EE', undefined, 'good'],
  ['AllCertificatesSamePoliciesTest10EE', [1], 'good'],
  ['AllCertificatesSamePoliciesTest10EE', [2], 'good'],
  ['AllCertificatesanyPolicyTest11EE', undefined, 'good'],
  ['AllCertificatesanyPolicyTest11EE', [1], 'good'],
  ['DifferentPoliciesTest12EE', undefined, 'policy'],
  ['AllCertificatesSamePoliciesTest13EE', [1], 'good'],
  ['AllCertificatesSamePoliciesTest13EE', [2], 'good'],
  ['AllCertificatesSamePoliciesTest13EE', [3], 'good'],
  ['AnyPolicyTest14EE', [1], 'good'],
  ['AnyPolicyTest14EE', [2], 'policy'],
  ['UserNoticeQualifierTest15EE', undefined, 'good'],
  ['UserNoticeQualifierTest16EE', undefined, 'good'],
  ['UserNoticeQualifierTest17EE', undefined, 'good'],
  ['UserNoticeQualifierTest18EE', [1], 'good'],
  ['UserNoticeQualifierTest18EE', [2], 'good'],
  ['UserNoticeQualifierTest19EE', undefined, 'good'],
  ['CPSPointerQualifierTest20EE', [1], 'good'],
  ['ValidPolicyMappingTest1EE', [1], 'good'],
  ['ValidPolicyMappingTest1EE', [2], 'policy'],
  ['InvalidPolicyMappingTest2EE', undefined, 'policy'],
  ['ValidPolicyMappingTest3EE', [1], 'policy'],
  ['ValidPolicyMappingTest3EE', [2], 'good'],
  ['InvalidPolicyMappingTest4EE', undefined, 'policy'],
  ['ValidPolicyMappingTest5EE', [1], 'good'],
  ['ValidPolicyMappingTest5EE', [6], 'policy'],
  ['ValidPolicyMappingTest6EE', [1], 'good'],
  ['ValidPolicyMappingTest6EE', [6], 'policy'],
  ['InvalidMappingFromanyPolicyTest7EE', undefined, 'policy'],
  ['InvalidMappingToanyPolicyTest8EE', undefined, 'policy'],
  ['ValidPolicyMappingTest9EE', undefined, 'good'],
  ['InvalidPolicyMappingTest10EE', undefined, 'policy'],
  ['ValidPolicyMappingTest11EE', undefined, 'good'],
  ['ValidPolicyMappingTest12EE', [1], 'good'],
  ['ValidPolicyMappingTest12EE', [2], 'good'],
  ['ValidPolicyMappingTest13EE', undefined, 'good'],
  ['ValidPolicyMappingTest14EE', undefined, 'good'],
  ['ValidinhibitPolicyMappingTest2EE', undefined, 'good'],
  ['ValidinhibitPolicyMappingTest4EE', undefined, 'good'],
  ['ValidSelfIssuedinhibitPolicyMappingTest7EE', undefined, 'good'],
  ['InvalidinhibitPolicyMappingTest1EE', undefined, 'policy'],
  ['InvalidinhibitPolicyMappingTest3EE', undefined, 'policy'],
  ['InvalidinhibitPolicyMappingTest5EE', undefined, 'policy'],
  ['InvalidinhibitPolicyMappingTest6EE', undefined, 'policy'],
  ['InvalidSelfIssuedinhibitPolicyMappingTest8EE', undefined, 'policy'],
  ['InvalidSelfIssuedinhibitPolicyMappingTest9EE', undefined, 'policy'],
  ['InvalidSelfIssuedinhibitPolicyMappingTest10EE', undefined, 'policy'],
  ['InvalidSelfIssuedinhibitPolicyMappingTest11EE', undefined, 'policy'],
  ['inhibitAnyPolicyTest3EE', undefined, 'good'],
]

describe('as its description says', () => {
  test.each(CASES)('%s, of the policies %j: %s', (name, wanted, verdict) => {
    expect(verdictOn(name, wanted)).toBe(verdict)
  })
})
