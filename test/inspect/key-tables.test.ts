import { describe, expect, test } from 'vitest'
import { type KeyTables, readKeyTable } from '../../core/inspect/key-tables.ts'

function read(text: string): KeyTables {
  const table = readKeyTable(text)
  if (!table.ok) throw new Error(table.problem)
  return table.keys
}
const problem = (text: string): string => {
  const table = readKeyTable(text)
  return table.ok ? 'read' : table.problem
}

describe("Wireshark's tables of keys", () => {
  test('ikev2_decryption_table: names of algorithms become numbers of IANA', () => {
    const { ikev2 } = read(
      '# made by hand\n\n191ccd371a7a1f7b,bc123d15e4af593f,' +
        `${'11'.repeat(36)},${'22'.repeat(36)},"AES-GCM-256 with 16 octet ICV [RFC5282]",,,"NONE [RFC4306]"\n`,
    )
    expect(ikev2[0]).toMatchObject({
      initiatorSpi: '191ccd371a7a1f7b',
      responderSpi: 'bc123d15e4af593f',
      encryption: { id: 20, keyBits: 256 },
      integrity: undefined,
    })
    expect(ikev2[0]!.ei.use((key) => key.length)).toBe(36)
  })

  test('ikev1_decryption_table: a cookie and a key', () => {
    expect(read('29f6006212625def,0xc26a81ba').ikev1[0]!.initiatorCookie).toBe('29f6006212625def')
  })

  test('esp_sa: any address, an ICV that is not checked, extended sequence numbers', () => {
    const { esp } = read(
      '"IPv4","*","192.1.2.45","0x12345678","TripleDES-CBC [RFC2451]","0x' +
        `${'40'.repeat(24)}","ANY 96 bit authentication [no checking]","","64-bit"`,
    )
    expect(esp[0]).toMatchObject({
      source: '*',
      destination: '192.1.2.45',
      spi: 0x12345678,
      encryption: { id: 3, keyBits: 192 },
      integrity: { icvBytes: 12 },
      esn: true,
    })
  })

  test('what is no table says in which line, and why', () => {
    expect(problem('hello')).toBe('line 1: 1 columns are in none of the tables')
    expect(problem('29f6006212625def,zz')).toBe('line 1: not an even number of hex digits')
    expect(problem('# fine\n29f6,11')).toBe('line 2: an SPI of IKE has 8 octets, not 2')
    expect(problem('a,"b')).toBe('line 1: a quote is not closed')
    expect(problem('"IPv4","*","*","*","ROT13","0x11","NULL",""')).toBe(
      'line 1: encryption “ROT13” is not known here',
    )
  })

  test('an error never repeats a key', () => {
    expect(problem(`29f6006212625def,${'11'.repeat(31)}1`)).not.toContain('1111')
  })
})
