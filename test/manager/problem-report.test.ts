import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Check } from '../../core/contract/checks.ts'
import { runChecks } from '../../core/manager/checks.ts'
import { problemReport, type ReportMaterial } from '../../core/manager/problem-report.ts'
import { Redaction } from '../../core/manager/redaction.ts'
import { MemorySecrets } from '../../core/secrets/memory.ts'
import { lockedKeychain } from '../cli/desk.ts'
import { TUNNEL } from '../support/snapshots.ts'
import { profileOf } from './world.ts'

const profile = profileOf('Marine', {
  name: 'Lindqvist Marine',
  gateway: { host: 'vpn.lindqvist.example' },
  localId: 'ingrid@lindqvist.example',
  remoteId: 'fqdn:vpn.lindqvist.example',
  remoteSubnets: ['10.20.0.0/16', '2001:db8:44::/48'],
})
const check: Check = {
  place: 'way',
  name: 'name of the gateway',
  state: 'ok',
  detail: 'vpn.lindqvist.example is 203.0.113.40',
  tryThis: [],
}
const material: ReportMaterial = {
  version: '1.0.0',
  system: 'linux 6.1 x64',
  now: Date.UTC(2026, 10, 23, 12),
  profile,
  tunnel: {
    ...TUNNEL,
    state: 'failed',
    error: {
      kind: 'gatewayIdMismatch',
      title: 'x',
      detail: 'You asked for vpn.lindqvist.example; it says it is gw2.lindqvist.example.',
      tryThis: [],
      fault: { kind: 'gatewayIdMismatch', wanted: 'vpn.lindqvist.example', has: ['gw2.lindqvist.example'] },
    },
  },
  checks: [check],
  messages: [
    {
      number: 1,
      atMs: Date.UTC(2026, 10, 23, 12),
      direction: 'out',
      exchange: 'IKE_SA_INIT',
      messageId: 0,
      response: false,
      retransmission: false,
      problem: undefined,
      payloads: ['SA', 'KE', 'Nonce'],
      octets: 240,
      sa: '00'.repeat(8),
    },
  ],
  history: [],
  own: ['ingrid-laptop', 'ingrid'],
}

describe('the problem report', () => {
  test('hides every name and address, the same word for the same name', () => {
    const { text, hidden } = problemReport(material, true)
    for (const secret of [
      'lindqvist',
      'ingrid',
      '203.0.113.40',
      '10.20.4.17',
      '192.0.2.23',
      '2001:db8',
      '10.44.8',
    ]) {
      expect(text.toLowerCase()).not.toContain(secret)
    }
    expect(text).toContain('gateway host-1, expected as fqdn:host-1')
    expect(text).toContain('You asked for host-1; it says it is host-2.')
    expect(text).toMatch(/name of the gateway: host-1 is address-\d/)
    expect(text).toContain('IKE_SA_INIT request 0, 240 octets: SA KE Nonce')
    expect(text).not.toContain('abab')
    expect(new Set(hidden.map(([from, to]) => text.slice(from, to)))).toContain('profile-1')
    for (const [from, to] of hidden) expect(text.slice(from, to)).toMatch(/^[a-z]+-\d+$/)
  })

  test('says everything where nothing is to be hidden, and marks nothing', () => {
    const { text, hidden } = problemReport(material, false)
    expect(text).toContain('vpn.lindqvist.example')
    expect(hidden).toEqual([])
  })

  test('times, versions and counters are no addresses', () => {
    const text = 'culvert 1.0.0 at 12:40:03.117, ::, 1.2.3.4.5, 300.1.1.1, aa:bb'
    expect(new Redaction().apply(text).text).toBe(text.replace(' ::,', ' address-1,'))
  })

  test('whatever is learned is not there afterwards', () => {
    fc.assert(
      fc.property(
        fc.array(fc.stringMatching(/^[a-z][a-z0-9.*+?()[\]\\-]{3,12}[a-z0-9]$/), { maxLength: 5 }),
        (names) => {
          const redaction = new Redaction()
          for (const name of names) redaction.add('host', name)
          const { text } = redaction.apply(names.map((name) => `to ${name},`).join('\n'))
          for (const name of names) {
            if (!/^host-\d+$/.test(name)) expect(text.split(/[\s,]+/)).not.toContain(name)
          }
        },
      ),
    )
  })
})

describe('the checks', () => {
  const needs = {
    profiles: { list: async () => ({ profiles: [profile], damaged: [] }) },
    keychain: new MemorySecrets(),
    resolve: async () => ['203.0.113.40'],
  }

  test('are grouped by side, and each that is done is told', async () => {
    const told: number[] = []
    const { checks, run, total } = await runChecks(
      needs,
      { profile, tunnel: TUNNEL },
      (progress) => told.push(progress.run),
      new AbortController().signal,
    )
    expect(run).toBe(total)
    expect(told).toEqual(Array.from({ length: total }, (_, at) => at + 1))
    expect([...new Set(checks.map(({ place }) => place))]).toEqual(['here', 'way', 'gateway', 'inside'])
    expect(checks.find(({ name }) => name === 'name of the gateway')?.detail).toContain('203.0.113.40')
  })

  test('a keychain that does not answer does not keep the rest waiting, and stopping returns what is there', async () => {
    const stop = new AbortController()
    const silent = { ...lockedKeychain, get: () => new Promise<never>(() => {}) }
    const { checks, run, total } = await runChecks(
      { ...needs, keychain: silent },
      undefined,
      (progress) => {
        if (progress.run === progress.total - 1) stop.abort()
      },
      stop.signal,
    )
    expect(run).toBe(total - 1)
    expect(checks.map(({ name }) => name)).not.toContain('keychain')
  })

  test('a fault of the last try stands on the side where it happened', async () => {
    const error = { kind: 'unreachable', title: 'The gateway does not answer', detail: 'x.', tryThis: ['y'] }
    const failed = { ...TUNNEL, state: 'failed' as const, phase1: undefined, phase2: [], error }
    const { checks } = await runChecks(
      needs,
      { profile, tunnel: failed },
      () => {},
      new AbortController().signal,
    )
    expect(checks.find(({ name }) => name === 'last try')).toMatchObject({ place: 'way', state: 'missing' })
  })
})
