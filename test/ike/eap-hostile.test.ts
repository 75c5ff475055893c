import { describe, expect, test } from 'vitest'
import { concat } from '../../core/bytes/octets.ts'
import type { Payload } from '../../core/wire/ikev2/payload.ts'
import { FAILED, md5Challenge, scripted, success } from '../support/eap-peers.ts'

describe('a hostile gateway costs bounded time', () => {
  test('endless rounds of EAP', () => {
    let identifier = 0
    const made = scripted({ onRequest: () => [md5Challenge(++identifier & 0xff)] })
    expect(made.client.closed?.error).toMatchObject({ kind: 'protocol', exchange: 'EAP' })
    expect(made.rounds()).toBeLessThan(130)
  })

  test('slow ones: after a minute and a half it is over, however many are left', () => {
    let identifier = 0
    const made = scripted({ onRequest: () => [md5Challenge(++identifier & 0xff)], slowMs: 2_000 })
    made.net.advance(60_000)
    expect(made.client.closed).toBeUndefined()
    made.net.advance(40_000)
    expect(made.client.closed?.error).toMatchObject({ problem: 'it never comes to an end' })
    expect(made.rounds()).toBeLessThan(50)
  })

  test.each([
    ['shorter than its header', Uint8Array.of(1, 1, 0)],
    ['longer than it says', concat(Uint8Array.of(1, 1, 0, 5, 1), new Uint8Array(3))],
    ['shorter than it says', Uint8Array.of(1, 1, 0xff, 0xff, 1)],
    ['of type 0', Uint8Array.of(1, 1, 0, 5, 0)],
    ['a response', Uint8Array.of(2, 1, 0, 5, 1)],
    ['of an unknown code', Uint8Array.of(9, 1, 0, 5, 1)],
    ['Success with something behind it', Uint8Array.of(3, 1, 0, 5, 6)],
    ['an expanded type cut short', Uint8Array.of(1, 1, 0, 8, 254, 0, 0, 0)],
  ])('an EAP packet %s', (_what, packet) => {
    const made = scripted({ onRequest: () => [{ type: 'EAP', packet }] })
    expect(made.client.closed?.error).toMatchObject({ kind: 'protocol' })
  })

  test('RFC 3748 §7.16, CVE-2021-45079: Success before any method', () => {
    const made = scripted({ onRequest: () => [success] })
    expect(made.client.closed?.error).toMatchObject({ kind: 'protocol', exchange: 'EAP' })
  })

  test('an answer without EAP', () => {
    const made = scripted({ onRequest: () => [] })
    expect(made.client.closed?.error).toMatchObject({ kind: 'protocol', problem: 'EAP is missing' })
  })

  test('AUTHENTICATION_FAILED in the place of Failure', () => {
    const failed: Payload = {
      type: 'Notify',
      protocol: 0,
      spi: new Uint8Array(0),
      notify: FAILED,
      data: new Uint8Array(0),
    }
    const made = scripted({ onRequest: () => [failed] })
    expect(made.client.closed?.error).toMatchObject({ kind: 'authFailed', who: 'us' })
  })

  test('§2.16: an AUTH at the end that was not made with the key: the gateway is told and left', () => {
    const made = scripted({
      onRequest: (at) =>
        at === 1
          ? [md5Challenge(2)]
          : at === 2
            ? [success]
            : [{ type: 'AUTH', method: 2, data: new Uint8Array(32) }],
    })
    expect(made.client.n.step).toBe('telling the gateway')
    made.net.advance(10_000)
    expect(made.client.closed?.error).toMatchObject({ kind: 'authFailed', who: 'gateway' })
    expect(made.client.actions.some((action) => action.do === 'addInbound')).toBe(false)
  })
})
