import { describe, expect, test } from 'vitest'
import { parseFilter, type Sight } from '../../core/inspect/filter.ts'

const REQUEST: Sight = {
  fields: {
    'isakmp.exchangetype': '34',
    'isakmp.flag_r': '0',
    'isakmp.messageid': '0x00000000',
    'isakmp.ispi': '8f3a61c2d95e047b',
    'isakmp.typepayload': ['33', '34', '40'],
    'isakmp.tf.id.encr': ['20', '12'],
    'isakmp.id.data.fqdn': 'vpn.lindqvist.example',
  },
  words: () => 'ikev2 message\nkey exchange\nx25519 (31)',
}
const RESPONSE: Sight = {
  ...REQUEST,
  fields: { ...REQUEST.fields, 'isakmp.flag_r': '1', 'isakmp.typepayload': ['33'] },
}

function matches(text: string, sight = REQUEST): boolean {
  const filter = parseFilter(text)
  if (!filter.ok) throw new Error(`${filter.problem} at ${filter.at}`)
  return filter.matches(sight)
}

describe("Wireshark's names", () => {
  test.each([
    ['isakmp.exchangetype == 34 and not isakmp.flag_r', true, false],
    ['isakmp.exchangetype==34&&!isakmp.flag_r', true, false],
    ['isakmp.exchangetype eq 0x22', true, true],
    ['isakmp.messageid == 0', true, true],
    ['isakmp.flag_r', false, true],
    ['isakmp.typepayload == 40', true, false],
    ['isakmp.typepayload != 40', false, true],
    ['isakmp.exchangetype in {35, 34}', true, true],
    ['isakmp.exchangetype in {35 36}', false, false],
    ['isakmp.ispi == 8f:3a:61:c2:d9:5e:04:7b', true, true],
    ['isakmp.ispi contains 61c2', true, true],
    ['isakmp.id.data.fqdn contains "lindqvist"', true, true],
    ['isakmp.id.data.fqdn == "VPN.lindqvist.example"', true, true],
    ['isakmp.exchangetype > 34 or isakmp.tf.id.encr < 13', true, true],
    ['isakmp.exchangetype >= 34 and isakmp.exchangetype <= 34', true, true],
    ['(isakmp.flag_r or isakmp.typepayload == 40) and isakmp', true, true],
    ['not (isakmp.flag_r or isakmp.typepayload == 40)', false, false],
    ['esp', false, false],
    ['isakmp.nosuch == 1', false, false],
    ['isakmp.nosuch != 1', false, false],
  ])('%s', (text, request, response) => {
    expect(matches(text)).toBe(request)
    expect(matches(text, RESPONSE)).toBe(response)
  })

  test('the fields asked for are named, so that nobody wonders about a misspelt one', () => {
    expect(parseFilter('isakmp.flag_r and not isakmp.nosuch == 1')).toMatchObject({
      fields: ['isakmp.flag_r', 'isakmp.nosuch'],
    })
  })
})

describe('words', () => {
  test.each([
    ['X25519', true],
    ['key x25519', true],
    ['key ml-kem', false],
    ['', true],
  ])('%s', (text, there) => expect(matches(text)).toBe(there))
})

describe('what is not understood is said, and where', () => {
  test.each([
    ['isakmp.flag_r ==', 'a value is expected here, such as 34, 0x22 or "vpn.example"', 16],
    ['isakmp.flag_r == 1 and', 'a field is expected at the end, such as isakmp.exchangetype', 22],
    ['(isakmp.flag_r', '“)” is expected here', 14],
    ['isakmp.flag_r == 1 1', '“1” is not expected here', 19],
    ['34 == isakmp.exchangetype', '“34” is not the name of a field, such as isakmp.exchangetype', 0],
    ['isakmp.flag_r = 1', '“=” is not expected here', 14],
    [`${'('.repeat(60)}isakmp.flag_r`, 'too many parentheses', 40],
    ['a'.repeat(501), 'longer than 500 characters', 500],
  ])('%s', (text, problem, at) => {
    expect(parseFilter(text)).toEqual({ ok: false, problem, at })
  })
})
