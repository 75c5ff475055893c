import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fromHex, NO_OCTETS, toHex, utf8 } from '../../../core/bytes/octets.ts'
import {
  decodeEapPacket,
  decodeNak,
  type EapPacket,
  type EapRequest,
  encodeEapPacket,
  encodeNak,
} from '../../../core/wire/eap/packet.ts'

const value = (hex: string): EapPacket => {
  const read = decodeEapPacket(fromHex(hex))
  if (!read.ok) throw read.error
  return read.value
}
const problem = (hex: string): string => {
  const read = decodeEapPacket(fromHex(hex))
  return read.ok ? 'none' : read.error.message
}

describe('RFC 4186 App. A: packets as printed there', () => {
  test('A.1, A.2: Identity asked and given', () => {
    expect(value('0100000501')).toEqual({
      code: 'request',
      identifier: 0,
      method: { vendor: 0, type: 1 },
      expanded: false,
      data: NO_OCTETS,
    })
    const given = '02000020 01 31323434303730313030303030303031406561 7073696d2e666f6f'
    expect((value(given) as EapRequest).data).toEqual(utf8('1244070100000001@eapsim.foo'))
    expect(toHex(encodeEapPacket(value(given)))).toBe(given.replaceAll(' ', ''))
  })

  test('A.7: Success', () => {
    expect(value('03020004')).toEqual({ code: 'success', identifier: 2 })
    expect(toHex(encodeEapPacket({ code: 'failure', identifier: 9 }))).toBe('04090004')
  })
})

describe('RFC 3748 §4: what is not a packet', () => {
  test.each([
    ['', 'EAP / Code: 0 octets left'],
    ['0101', 'EAP / Length'],
    ['01010004', 'EAP / Type: 0 octets left'],
    ['0101000601', 'says 6 octets, 5 present'],
    ['010100040100', 'says 4 octets, 6 present'],
    ['0301000506', '1 octets after the header'],
    ['05010004', '5 is not a code'],
    ['0101000500', '0 is reserved'],
    ['0101000503', 'a Nak is never a request'],
    ['01010008fe000137', 'Vendor-Type: 0 octets left'],
  ])('%s: %s', (hex, words) => {
    expect(problem(hex)).toContain(words)
  })
})

describe('RFC 3748 §5.7: the long form of a type', () => {
  const soh = '0107000dfe000137 00000021 00'
  test('a vendor has types of its own, and an IETF method may come in it too', () => {
    expect(value(soh)).toMatchObject({ method: { vendor: 0x137, type: 0x21 }, expanded: true })
    expect(value('0107000cfe00000000000004')).toMatchObject({
      method: { vendor: 0, type: 4 },
      expanded: true,
    })
    expect(toHex(encodeEapPacket(value(soh)))).toBe(soh.replaceAll(' ', ''))
  })

  test('§5.3.2: a Nak has the form of the request', () => {
    const long = encodeNak(value(soh) as EapRequest, [26, 6])
    expect(toHex(long)).toBe('0207001cfe00000000000003 fe0000000000001a fe00000000000006'.replaceAll(' ', ''))
    expect(decodeNak(value(toHex(long)) as EapRequest)).toEqual([26, 6])
    const short = encodeNak(value('0107000504') as EapRequest, [])
    expect(toHex(short)).toBe('020700060300')
    expect(decodeNak(value('02070008031a0600') as EapRequest)).toEqual([26, 6])
  })
})

test('whatever comes in is a packet that goes out as it came, or a complaint', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.integer({ min: 1, max: 6 }), (body, code) => {
      const bytes = Uint8Array.of(code, 1, 0, body.length + 4, ...body)
      const read = decodeEapPacket(bytes)
      if (read.ok) expect(encodeEapPacket(read.value)).toEqual(bytes)
    }),
    { numRuns: 300 },
  )
})
