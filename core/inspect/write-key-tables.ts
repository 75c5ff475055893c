import { toHex } from '../bytes/octets.ts'
import type { Secret } from '../bytes/secret.ts'
import type { ExposedEsp, ExposedIkev2, ExposedKeys } from '../ike/exposed-keys.ts'
import type { TABLE_FILES } from './key-tables.ts'

export interface WrittenTables {
  /** By the names under which Wireshark looks for them; an empty one is left out. */
  readonly tables: Readonly<Partial<Record<(typeof TABLE_FILES)[number], string>>>
  /** What Wireshark has no word for, a sentence each. */
  readonly leftOut: readonly string[]
}

/** Keys as Wireshark reads them: whoever has these texts reads the traffic. */
export function writeKeyTables({ ikev1, ikev2, esp }: ExposedKeys): WrittenTables {
  const leftOut: string[] = []
  const told = (row: string | undefined, what: string): readonly string[] => {
    if (row === undefined) leftOut.push(`Wireshark has no name for the algorithms of ${what}.`)
    return row === undefined ? [] : [row]
  }
  const rows = {
    ikev1_decryption_table: ikev1.map(
      ({ initiatorCookie, cipher }) => `${toHex(initiatorCookie)},${hex(cipher)}`,
    ),
    ikev2_decryption_table: ikev2.flatMap((keys) => told(ikev2Row(keys), 'the IKE SA')),
    esp_sa: esp.flatMap((keys) => told(espRow(keys), `ESP ${spiOf(keys)}`)),
  }
  const tables = Object.fromEntries(
    Object.entries(rows).flatMap(([name, lines]) =>
      lines.length === 0 ? [] : [[name, `${lines.join('\n')}\n`]],
    ),
  )
  return { tables, leftOut }
}

const hex = (secret: Secret): string => secret.use(toHex)

/** IANA ids of transform type 1 → the names of the table. `bits` stands where the length of the key is part of it. */
const IKE_ENCRYPTION: Readonly<Record<number, (bits: number) => string>> = {
  3: () => '3DES [RFC2451]',
  12: (bits) => `AES-CBC-${bits} [RFC3602]`,
  13: (bits) => `AES-CTR-${bits} [RFC5930]`,
  14: (bits) => `AES-CCM-${bits} with 8 octet ICV [RFC5282]`,
  15: (bits) => `AES-CCM-${bits} with 12 octet ICV [RFC5282]`,
  16: (bits) => `AES-CCM-${bits} with 16 octet ICV [RFC5282]`,
  18: (bits) => `AES-GCM-${bits} with 8 octet ICV [RFC5282]`,
  19: (bits) => `AES-GCM-${bits} with 12 octet ICV [RFC5282]`,
  20: (bits) => `AES-GCM-${bits} with 16 octet ICV [RFC5282]`,
}

/** The octets of an ICV are all that is needed where Wireshark does not know how to check it. */
const IKE_INTEGRITY: Readonly<Record<number, string>> = {
  1: 'HMAC_MD5_96 [RFC2403]',
  2: 'HMAC_SHA1_96 [RFC2404]',
  5: 'ANY 96-bits of Authentication [No Checking]',
  8: 'ANY 96-bits of Authentication [No Checking]',
  12: 'HMAC_SHA2_256_128 [RFC4868]',
  13: 'HMAC_SHA2_384_192 [RFC4868]',
  14: 'HMAC_SHA2_512_256 [RFC4868]',
}

function ikev2Row({ initiatorSpi, responderSpi, encryption, integrity, ...keys }: ExposedIkev2) {
  const cipher = IKE_ENCRYPTION[encryption.id]?.(encryption.keyBits)
  const check = integrity === undefined ? 'NONE [RFC4306]' : IKE_INTEGRITY[integrity]
  if (cipher === undefined || check === undefined) return undefined
  const { ei, er, ai, ar } = keys
  return [
    ...[toHex(initiatorSpi), toHex(responderSpi), hex(ei), hex(er), `"${cipher}"`],
    ...[hex(ai), hex(ar), `"${check}"`],
  ].join(',')
}

const ESP_ENCRYPTION: Readonly<Record<number, string>> = {
  2: 'DES-CBC [RFC2405]',
  3: 'TripleDES-CBC [RFC2451]',
  11: 'NULL',
  12: 'AES-CBC [RFC3602]',
  13: 'AES-CTR [RFC3686]',
  18: 'AES-GCM with 8 octet ICV [RFC4106]',
  19: 'AES-GCM with 12 octet ICV [RFC4106]',
  20: 'AES-GCM with 16 octet ICV [RFC4106]',
}

const ESP_INTEGRITY: Readonly<Record<number, string>> = {
  1: 'HMAC-MD5-96 [RFC2403]',
  2: 'HMAC-SHA-1-96 [RFC2404]',
  5: 'ANY 96 bit authentication [no checking]',
  8: 'ANY 96 bit authentication [no checking]',
  12: 'HMAC-SHA-256-128 [RFC4868]',
  13: 'HMAC-SHA-384-192 [RFC4868]',
  14: 'HMAC-SHA-512-256 [RFC4868]',
}

const spiOf = ({ sa }: ExposedEsp): string => `0x${sa.spi.toString(16).padStart(8, '0')}`

function espRow(keys: ExposedEsp): string | undefined {
  const { source, destination, sa } = keys
  const cipher = ESP_ENCRYPTION[sa.encryption.id]
  const check = sa.integrity === undefined ? 'NULL' : ESP_INTEGRITY[sa.integrity]
  if (cipher === undefined || check === undefined) return undefined
  const integrityKey = sa.integrityKey === undefined ? '' : `0x${hex(sa.integrityKey)}`
  return [
    ...[source.includes(':') ? 'IPv6' : 'IPv4', source, destination, spiOf(keys)],
    ...[cipher, `0x${hex(sa.encryptionKey)}`, check, integrityKey],
    ...(sa.esn ? ['64-bit'] : []),
  ]
    .map((cell) => `"${cell}"`)
    .join(',')
}
