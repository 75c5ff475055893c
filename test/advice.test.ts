import { expect, test } from 'vitest'
import { adviceFor, sentenceFor } from '../core/advice.ts'
import type { VpnError, VpnErrorKind } from '../core/errors.ts'

/** One of each kind; the type makes a new kind without an entry a compile error. */
const samples: { readonly [K in VpnErrorKind]: Extract<VpnError, { kind: K }> } = {
  nameNotResolved: { kind: 'nameNotResolved', host: 'vpn.example.org', code: 'ENOTFOUND' },
  unreachable: { kind: 'unreachable', host: 'vpn.example.org', tries: 6 },
  noAnswer: { kind: 'noAnswer', exchange: 'IKE_AUTH', tries: 6 },
  noProposalChosen: { kind: 'noProposalChosen', phase: 1, offered: ['aes128-sha256-modp2048'] },
  badProposalChosen: { kind: 'badProposalChosen', phase: 2, problem: 'ENCR 3 was not offered' },
  authFailed: { kind: 'authFailed', who: 'us', method: 'psk' },
  noSignInMethod: { kind: 'noSignInMethod', wanted: ['EAP-pwd'], allowed: ['EAP-MSCHAPv2'] },
  notAnswered: { kind: 'notAnswered', what: 'code', seconds: 120 },
  gatewayIdMismatch: { kind: 'gatewayIdMismatch', wanted: 'a.example.org', has: ['b.example.org'] },
  certificateRefused: { kind: 'certificateRefused', subject: 'CN=x', rule: 'expired', problem: 'it ran out' },
  selectorsUnacceptable: { kind: 'selectorsUnacceptable', asked: ['10.0.0.0/8'] },
  transportRefused: { kind: 'transportRefused' },
  ahBehindNat: { kind: 'ahBehindNat', who: 'us' },
  noAddress: { kind: 'noAddress' },
  refused: { kind: 'refused', exchange: 'IKE_AUTH', notify: 'NO_ADDITIONAL_SAS' },
  ppkNotUsed: { kind: 'ppkNotUsed' },
  versionUnsupported: { kind: 'versionUnsupported', theirs: '1.0' },
  protocol: { kind: 'protocol', exchange: 'IKE_AUTH', problem: 'no AUTH', reference: 'RFC 7296 §1.2' },
  closedByGateway: { kind: 'closedByGateway', reason: 'DELETE' },
  cancelled: { kind: 'cancelled' },
  profileInvalid: { kind: 'profileInvalid', source: 'a.json', field: 'name', problem: 'it is missing' },
  profileUnsupported: {
    kind: 'profileUnsupported',
    source: 'a.sswan',
    profile: 'School',
    reason: 'it needs IKEv1, which this version of Culvert does not speak yet',
  },
  fileUnreadable: { kind: 'fileUnreadable', source: 'a.pcap', problem: 'it is no capture' },
  profileUnknown: { kind: 'profileUnknown', name: 'ofice', known: ['Office'] },
  weakAlgorithm: {
    kind: 'weakAlgorithm',
    algorithm: '3des',
    weakness: 'it is old',
    switch: '"weak": ["3des"]',
  },
  keysUsedUp: { kind: 'keysUsedUp' },
  algorithmUnavailable: { kind: 'algorithmUnavailable', algorithm: 'curve448' },
  secretMissing: { kind: 'secretMissing', what: 'psk', profile: 'Office' },
  keychainUnavailable: { kind: 'keychainUnavailable', problem: 'it is locked' },
  noTun: { kind: 'noTun', problem: 'there is no /dev/net/tun' },
  noPermission: { kind: 'noPermission', what: 'open a TUN device' },
  systemRefused: { kind: 'systemRefused', what: 'add a route', problem: 'EEXIST' },
  demoUnavailable: { kind: 'demoUnavailable', problem: 'unshare: Operation not permitted' },
  nativeMissing: { kind: 'nativeMissing', problem: 'it is not built' },
  alreadyRunning: { kind: 'alreadyRunning', profile: 'Office' },
  internal: { kind: 'internal', problem: 'no state' },
}

test.each(Object.values(samples))('$kind: whose fault, exactly what, what to try', (error) => {
  const advice = adviceFor(error)
  expect(advice.title).toMatch(/^\S.*[^.]$/)
  expect(advice.detail).toMatch(/\.$/)
  expect(`${advice.title} ${advice.detail}`).not.toMatch(/undefined|\[object/)
  if (error.kind !== 'cancelled') expect(advice.tryThis.length).toBeGreaterThan(0)
})

test('the other name is offered where the gateway has one', () => {
  expect(adviceFor(samples.gatewayIdMismatch).tryThis[0]).toBe(
    'Use b.example.org as the remote ID, if your administrator confirms it',
  )
})

test('who could not prove itself decides whose fault it is', () => {
  expect(sentenceFor({ ...samples.authFailed, who: 'us' })).toContain('did not accept your sign-in')
  expect(sentenceFor({ ...samples.authFailed, who: 'gateway' })).toContain('could not prove who it is')
})

test('who brings an address along where the gateway gives them is told to ask', () => {
  expect(adviceFor({ kind: 'noAddress', mustAsk: true }).tryThis.join()).toContain('requestAddresses')
})

test('a certificate is told from a key, and the reason from none', () => {
  const failed = { kind: 'authFailed', method: 'certificate' } as const
  expect(adviceFor({ ...failed, who: 'us' }).tryThis.join()).toContain('run out or been revoked')
  expect(sentenceFor({ ...failed, who: 'us', problem: 'it takes no RSA' })).toContain(
    'cannot be used here: it takes no RSA.',
  )
  expect(sentenceFor({ ...failed, who: 'gateway', problem: 'it does not fit' })).toContain(
    'is wrong: it does not fit.',
  )
})

test('a certificate that ran out points to the clock, one of a stranger to the authority', () => {
  const refused = samples.certificateRefused
  expect(adviceFor(refused).tryThis[0]).toContain('clock')
  expect(adviceFor({ ...refused, rule: 'untrusted' }).tryThis[0]).toContain('authority (CA)')
  expect(adviceFor({ ...refused, rule: 'revoked' }).tryThis[0]).toContain('Do not connect')
})
