import { describe, expect, test } from 'vitest'
import type { IkeSpi } from '../../core/bytes/brands.ts'
import type { ObservedMessage } from '../../core/ike/session.ts'
import { expectedOf } from '../../core/manager/exchanges.ts'
import { Steps } from '../../core/manager/steps.ts'
import { Totals } from '../../core/manager/totals.ts'
import { PHASE2 } from '../support/snapshots.ts'
import { profileOf } from './world.ts'

/** As the inspector is told of it. `sealed`: it was encrypted. */
function message(
  version: 1 | 2,
  exchange: string,
  sealed = false,
  attributes: readonly { readonly type: number }[] = [],
): ObservedMessage {
  const bytes = new Uint8Array(28)
  bytes[17] = version << 4
  return {
    direction: 'out',
    bytes,
    exchange,
    messageId: 0,
    response: false,
    initiatorSpi: new Uint8Array(8) as IkeSpi,
    responderSpi: new Uint8Array(8),
    payloads: [{ type: 'ATTRIBUTES', attributes }],
    retransmission: false,
    ...(sealed ? { plaintext: new Uint8Array(1) } : {}),
  }
}

describe('what the exchanges of a step are called', () => {
  const XAUTH_USER_NAME = 16521
  const INTERNAL_IP4_ADDRESS = 1
  const exchanges = (steps: Steps) => steps.list.slice(2).map((one) => one.exchanges.join(', '))
  const stepsOf = (change: object) => {
    const profile = profileOf('Office', change)
    return new Steps((version) => expectedOf(profile, version))
  }

  test('IKEv2: IKE_SA_INIT and IKE_AUTH; those between them are seen when they come (RFC 9242)', () => {
    const steps = stepsOf({})
    steps.restart(0)
    expect(exchanges(steps)).toEqual(['IKE_SA_INIT', 'IKE_AUTH', 'CHILD_SA'])
    for (const exchange of ['IKE_SA_INIT', 'IKE_INTERMEDIATE', 'IKE_AUTH', 'INFORMATIONAL'])
      steps.follow(message(2, exchange, exchange !== 'IKE_SA_INIT'), 1)
    expect(exchanges(steps)).toEqual(['IKE_SA_INIT, IKE_INTERMEDIATE', 'IKE_AUTH', 'CHILD_SA'])
  })

  test('RFC 2409 §5: the modes of IKEv1, with XAuth before phase 2 and Mode Config in it', () => {
    const steps = stepsOf({ ike: { version: 1 }, xauth: { user: 'alice' } })
    steps.restart(0)
    expect(exchanges(steps)).toEqual(['Main mode', 'Main mode, XAuth', 'Mode Config, Quick mode'])
    steps.follow(message(1, 'MAIN'), 1)
    expect(exchanges(steps)[1]).toBe('Main mode, XAuth')
    steps.follow(message(1, 'MAIN', true), 2)
    expect(steps.list[3]).toMatchObject({ what: 'prove', state: 'now', exchanges: ['Main mode'] })
    steps.follow(message(1, 'TRANSACTION', true, [{ type: XAUTH_USER_NAME }]), 3)
    expect(steps.list[3]).toMatchObject({ state: 'now', exchanges: ['Main mode', 'XAuth'] })
    steps.follow(message(1, 'TRANSACTION', true, [{ type: INTERNAL_IP4_ADDRESS }]), 4)
    steps.follow(message(1, 'QUICK', true), 5)
    expect(steps.list[4]).toMatchObject({ state: 'now', exchanges: ['Mode Config', 'Quick mode'] })
  })

  test('aggressive mode is one exchange that proves with its last message', () => {
    const steps = stepsOf({ ike: { version: 1, aggressive: true }, weak: ['aggressivepsk'] })
    steps.restart(0)
    expect(exchanges(steps)[0]).toBe('Aggressive mode')
    steps.follow(message(1, 'AGGRESSIVE'), 1)
    steps.follow(message(1, 'AGGRESSIVE', true), 2)
    expect(steps.list[3]).toMatchObject({ state: 'now', exchanges: ['Aggressive mode'] })
  })

  test('a fallback shows both, and what comes next is that of IKEv1', () => {
    const steps = stepsOf({ ike: { version: 'auto' } })
    steps.restart(0)
    expect(exchanges(steps)[1]).toBe('IKE_AUTH')
    steps.follow(message(2, 'IKE_SA_INIT'), 1)
    steps.follow(message(1, 'MAIN'), 8001)
    expect(exchanges(steps)).toEqual(['IKE_SA_INIT, Main mode', 'Main mode', 'Mode Config, Quick mode'])
    steps.restart(9000)
    expect(exchanges(steps)[0]).toBe('IKE_SA_INIT')
  })
})

describe('the steps of a connection', () => {
  const states = (steps: Steps) => steps.list.map(({ what, state, tookMs }) => [what, state, tookMs])

  test('each takes from its beginning to the beginning of the next', () => {
    const steps = new Steps()
    steps.restart(1000)
    steps.reach('prepare', 1004)
    steps.reach('agree', 1010)
    steps.follow(message(2, 'IKE_SA_INIT'), 1011)
    steps.follow({ ...message(2, 'IKE_SA_INIT'), retransmission: true }, 1020)
    expect(steps.list[2]).toEqual({
      what: 'agree',
      state: 'now',
      exchanges: ['IKE_SA_INIT'],
      sinceMs: 1010,
      tookMs: undefined,
      again: 1,
    })
    steps.reach('prove', 1030)
    expect(states(steps)).toEqual([
      ['find', 'done', 4],
      ['prepare', 'done', 6],
      ['agree', 'done', 20],
      ['prove', 'now', undefined],
      ['open', 'todo', undefined],
    ])
    steps.reach('open', 1040)
    steps.finish(1050)
    expect(states(steps).at(-1)).toEqual(['open', 'done', 10])
  })

  test('nothing goes back, and nothing moves once it stands', () => {
    const steps = new Steps()
    steps.restart(0)
    steps.reach('prove', 5)
    steps.reach('agree', 6)
    expect(states(steps).map(([, state]) => state)).toEqual(['done', 'done', 'done', 'now', 'todo'])
    steps.finish(9)
    steps.reach('open', 10)
    expect(states(steps).map(([, state]) => state)).toEqual(['done', 'done', 'done', 'done', 'todo'])
    steps.restart(20)
    expect(states(steps).map(([, state]) => state)).toEqual(['now', 'todo', 'todo', 'todo', 'todo'])
  })
})

test('octets are summed over all keys a connection had, because fresh keys count from nothing', () => {
  const totals = new Totals()
  const child = (inboundSpi: string, inBytes: number, outBytes: number) => ({
    ...PHASE2,
    inboundSpi,
    traffic: { ...PHASE2.traffic, inBytes, outBytes },
  })
  totals.look([child('a', 10, 1)])
  totals.look([child('a', 100, 10)])
  totals.look([child('b', 5, 2)])
  expect(totals.take()).toEqual({ inBytes: 105, outBytes: 12 })
  expect(totals.take()).toEqual({ inBytes: 0, outBytes: 0 })
})
