import { expect, test } from 'vitest'
import { asIkeSpi, asMillis, asNonce } from '../../core/bytes/brands.ts'
import { Cookies } from '../../core/gateway/cookies.ts'
import { NotifyType } from '../../core/iana/ikev2-notify.ts'
import type { Message } from '../../core/wire/ikev2/message.ts'
import type { Payload } from '../../core/wire/ikev2/payload.ts'
import { seededRandom } from './world.ts'

const at = asMillis
const from = { address: '192.0.2.7', port: 500 }

const request = (cookie?: Uint8Array, nonce = 1, spi = 1): Message => ({
  header: {
    initiatorSpi: asIkeSpi(new Uint8Array(8).fill(spi)),
    responderSpi: new Uint8Array(8),
    majorVersion: 2,
    minorVersion: 0,
    exchange: 34,
    initiator: true,
    higherVersion: false,
    response: false,
    messageId: 0,
  },
  payloads: [
    ...(cookie === undefined
      ? []
      : [
          {
            type: 'Notify',
            protocol: 0,
            spi: new Uint8Array(),
            notify: NotifyType.COOKIE.id,
            data: cookie,
          } as const,
        ]),
    { type: 'Nonce', nonce: asNonce(new Uint8Array(16).fill(nonce)) },
  ] as Payload[],
})

test('RFC 7296 §2.6: the cookie is bound to nonce, address and SPI of the initiator', () => {
  const cookies = new Cookies(seededRandom(1))
  const cookie = cookies.make(request(), from, at(0))
  expect(cookie.length).toBeLessThanOrEqual(64)
  expect(cookies.isShown(request(cookie), from, at(0))).toBe(true)
  expect(cookies.isShown(request(), from, at(0))).toBe(false)
  expect(cookies.isShown(request(cookie, 2), from, at(0))).toBe(false)
  expect(cookies.isShown(request(cookie, 1, 2), from, at(0))).toBe(false)
  expect(cookies.isShown(request(cookie), { address: '192.0.2.8', port: 500 }, at(0))).toBe(false)
  expect(cookies.isShown(request(cookie.subarray(0, 10)), from, at(0))).toBe(false)
})

test('RFC 7296 §2.6: the secret changes; cookies of the one before are still good, older ones are not', () => {
  const cookies = new Cookies(seededRandom(1))
  const cookie = cookies.make(request(), from, at(0))
  cookies.make(request(), from, at(61_000))
  expect(cookies.isShown(request(cookie), from, at(61_000))).toBe(true)
  expect(cookies.isShown(request(cookie), from, at(122_000))).toBe(false)
  const unused = cookies.make(request(), from, at(200_000))
  expect(cookies.isShown(request(unused), from, at(400_000))).toBe(false)
})
