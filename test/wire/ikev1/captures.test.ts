import { describe, expect, test } from 'vitest'
import { toHex } from '../../../core/bytes/octets.ts'
import { ExchangeType } from '../../../core/iana/ikev1.ts'
import { nameOf } from '../../../core/iana/registry.ts'
import { encodeMessage, encodeSealed } from '../../../core/wire/ikev1/message.ts'
import type { Payload } from '../../../core/wire/ikev1/payload.ts'
import { complaint, decoded } from '../../support/isakmp.ts'
import { datagramsOf, ikeOf, readCapture } from '../../support/pcap.ts'
import { vector } from '../../support/vectors.ts'

/** The ISAKMP messages of a capture, in order. */
const messages = (name: string): Uint8Array[] =>
  datagramsOf(readCapture(vector(`ikev1/${name}`))).flatMap((datagram) => ikeOf(datagram) ?? [])

/** `MAIN 1: SA VendorID`, as the standard writes a message; `*` where it is encrypted. */
function shape(bytes: Uint8Array): string {
  const message = decoded(bytes)
  const exchange = nameOf(ExchangeType, message.header.exchange)
  return message.sealed
    ? `${exchange}*`
    : `${exchange} ${message.payloads.map((p: Payload) => p.type).join(' ')}`
}

describe('RFC 2409 §5: main mode and quick mode as a gateway of 2000 spoke them', () => {
  test('six messages, of which the last two are encrypted, then three', () => {
    expect(messages('ISAKMP_sa_setup.pcap').map(shape)).toEqual([
      'MAIN SA VendorID VendorID VendorID',
      'MAIN SA VendorID',
      // NAT-D with the number it had in drafts 04 … 08, which means something else today.
      'MAIN KE Nonce VendorID VendorID VendorID VendorID Unknown Unknown',
      'MAIN KE Nonce VendorID VendorID VendorID VendorID Unknown Unknown',
      'MAIN*',
      'MAIN*',
      'QUICK*',
      'QUICK*',
      'QUICK*',
    ])
  })
})

describe('RFC 3947: main mode that moves to port 4500', () => {
  test('the peers say what they can by vendor ID, and show each other what they see in messages 3 and 4', () => {
    const shapes = messages('isakmp4500.pcap').map(shape)
    expect(shapes.slice(0, 4)).toEqual([
      expect.stringMatching(/^MAIN SA( VendorID)+$/),
      expect.stringMatching(/^MAIN SA( VendorID)+$/),
      expect.stringMatching(/^MAIN KE Nonce .*NATD/),
      expect.stringMatching(/^MAIN KE Nonce .*NATD/),
    ])
  })
})

test.each(['ISAKMP_sa_setup.pcap', 'isakmp4500.pcap', 'isakmp-identification-segfault.pcap'])(
  '%s: every message encodes to the octets it came from',
  (name) => {
    const all = messages(name)
    expect(all.length).toBeGreaterThan(0)
    for (const bytes of all) {
      const message = decoded(bytes)
      const again = message.sealed
        ? encodeSealed(message.header, message.first, message.ciphertext)
        : encodeMessage(message.header, message.payloads, message.padding)
      expect(toHex(again)).toBe(toHex(bytes))
    }
  },
)

test('cut anywhere, a message is refused with a place and a section', () => {
  for (const bytes of messages('isakmp4500.pcap').slice(0, 4)) {
    for (let length = 0; length < bytes.length; length++) {
      const cut = bytes.slice(0, length)
      expect(complaint(cut).reference).toBe('RFC 2408 §3.1')
      if (length < 28) continue
      new DataView(cut.buffer).setUint32(24, length)
      const error = complaint(cut)
      expect(error.path.length).toBeGreaterThan(0)
      expect(error.offset).toBeLessThanOrEqual(length)
    }
  }
})

describe('messages that broke other readers', () => {
  test.each([
    ['isakmp-pointer-loop.pcap', 'Header / Length'],
    ['isakmp-delete-segfault.pcap', 'Header / Major Version'],
    ['isakmp-no-none-np.pcapng', 'Header / Length'],
  ])('%s is refused: %s', (name, where) => {
    for (const bytes of messages(name)) expect(complaint(bytes).path.join(' / ')).toBe(where)
  })
})
