import { fromHex } from '../bytes/octets.ts'
import { Secret } from '../bytes/secret.ts'

// Wireshark's tables of keys: comma-separated, texts in quotes, one SA a line.

export interface Ikev1Key {
  /** Hex. */
  readonly initiatorCookie: string
  readonly key: Secret
}

/** IANA ids of the algorithms. `integrity`: an id, or the octets of an ICV that is not checked. */
export interface Algorithms {
  readonly encryption: { readonly id: number; readonly keyBits: number }
  readonly integrity: { readonly id: number } | { readonly icvBytes: number } | undefined
}

export interface Ikev2Key extends Algorithms {
  readonly initiatorSpi: string
  readonly responderSpi: string
  readonly ei: Secret
  readonly er: Secret
  readonly ai: Secret
  readonly ar: Secret
}

export interface EspKey extends Algorithms {
  /** `*` for any. */
  readonly source: string
  readonly destination: string
  readonly spi: number | undefined
  readonly encryptionKey: Secret
  readonly integrityKey: Secret
  readonly esn: boolean
}

export interface KeyTables {
  readonly ikev1: readonly Ikev1Key[]
  readonly ikev2: readonly Ikev2Key[]
  readonly esp: readonly EspKey[]
}

export const NO_KEYS: KeyTables = { ikev1: [], ikev2: [], esp: [] }

/** The names under which Wireshark looks for them. */
export const TABLE_FILES = ['ikev1_decryption_table', 'ikev2_decryption_table', 'esp_sa'] as const

export type ReadTable =
  | { readonly ok: true; readonly keys: KeyTables }
  | { readonly ok: false; readonly problem: string }

/** A table of any of the three kinds, told apart by its lines. */
export function readKeyTable(text: string): ReadTable {
  const keys = { ikev1: [] as Ikev1Key[], ikev2: [] as Ikev2Key[], esp: [] as EspKey[] }
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue
    const cells = cellsOf(line)
    const problem = cells === undefined ? 'a quote is not closed' : addRow(keys, cells)
    if (problem !== undefined) return { ok: false, problem: `line ${index + 1}: ${problem}` }
  }
  return { ok: true, keys }
}

export const joinTables = (tables: readonly KeyTables[]): KeyTables => ({
  ikev1: tables.flatMap(({ ikev1 }) => ikev1),
  ikev2: tables.flatMap(({ ikev2 }) => ikev2),
  esp: tables.flatMap(({ esp }) => esp),
})

function cellsOf(line: string): readonly string[] | undefined {
  const cells = [...line.matchAll(/\s*(?:"([^"]*)"|([^,"]*))\s*(?:,|$)/g)]
  if ((line.match(/"/g)?.length ?? 0) % 2 !== 0) return undefined
  const values = cells.map(([, quoted, plain]) => quoted ?? plain?.trim() ?? '')
  // The pattern finds one more, empty, at the end of the line.
  return line.endsWith(',') ? values : values.slice(0, -1)
}

interface Building {
  readonly ikev1: Ikev1Key[]
  readonly ikev2: Ikev2Key[]
  readonly esp: EspKey[]
}

function addRow(keys: Building, cells: readonly string[]): string | undefined {
  try {
    if (cells.length === 2) keys.ikev1.push(ikev1Row(cells))
    else if (cells.length === 8 && !/^(IPv4|IPv6|\*|Any)$/i.test(cells[0]!)) keys.ikev2.push(ikev2Row(cells))
    else if (cells.length >= 8) keys.esp.push(espRow(cells))
    else return `${cells.length} columns are in none of the tables`
    return undefined
  } catch (error) {
    if (error instanceof RangeError) return error.message
    throw error
  }
}

const hexOf = (cell: string): string => cell.replace(/^0x/i, '').toLowerCase()
const secretOf = (cell: string): Secret => new Secret(fromHex(hexOf(cell)))

function spiOf(cell: string): string {
  const hex = hexOf(cell)
  if (fromHex(hex).length !== 8) throw new RangeError(`an SPI of IKE has 8 octets, not ${hex.length / 2}`)
  return hex
}

const ikev1Row = (cells: readonly string[]): Ikev1Key => ({
  initiatorCookie: spiOf(cells[0]!),
  key: secretOf(cells[1]!),
})

function ikev2Row(cells: readonly string[]): Ikev2Key {
  const [spiI, spiR, ei, er, encryption, ai, ar, integrity] = cells as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ]
  return {
    initiatorSpi: spiOf(spiI),
    responderSpi: spiOf(spiR),
    ei: secretOf(ei),
    er: secretOf(er),
    ai: secretOf(ai),
    ar: secretOf(ar),
    encryption: encryptionOf(encryption, secretOf(ei).length),
    integrity: integrityOf(integrity),
  }
}

function espRow(cells: readonly string[]): EspKey {
  const [, source, destination, spi, encryption, key, integrity, integrityKey, sn] = cells as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string?,
  ]
  const encryptionKey = secretOf(key)
  return {
    source: source.toLowerCase(),
    destination: destination.toLowerCase(),
    spi: spi === '*' ? undefined : Number.parseInt(hexOf(spi), 16),
    encryption: encryptionOf(encryption, encryptionKey.length),
    encryptionKey,
    integrity: integrityOf(integrity),
    integrityKey: secretOf(integrityKey),
    esn: sn !== undefined && /64/.test(sn),
  }
}

/** Wireshark's names → IANA id and octets of salt behind the key. */
const ENCRYPTIONS: readonly (readonly [RegExp, number, number])[] = [
  [/^DES-CBC/i, 2, 0],
  [/^(3DES|TripleDES)/i, 3, 0],
  [/^NULL/i, 11, 0],
  [/^AES-CBC/i, 12, 0],
  [/^AES-CTR/i, 13, 4],
  [/^AES-CCM.* 8 octet/i, 14, 3],
  [/^AES-CCM.* 12 octet/i, 15, 3],
  [/^AES-CCM/i, 16, 3],
  [/^AES-GCM.* 8 octet/i, 18, 4],
  [/^AES-GCM.* 12 octet/i, 19, 4],
  [/^AES-GCM/i, 20, 4],
  [/^CAMELLIA-CBC/i, 23, 0],
  [/^ChaCha20/i, 28, 4],
]
const INTEGRITIES: readonly (readonly [RegExp, number])[] = [
  [/^HMAC.?MD5.?96/i, 1],
  [/^HMAC.?SHA.?1.?96/i, 2],
  [/^HMAC.?MD5.?128/i, 6],
  [/^HMAC.?SHA1.?160/i, 7],
  [/^HMAC.?SHA2?.?256.?128/i, 12],
  [/^HMAC.?SHA2?.?384.?192/i, 13],
  [/^HMAC.?SHA2?.?512.?256/i, 14],
]

function encryptionOf(name: string, keyBytes: number): Algorithms['encryption'] {
  const row = ENCRYPTIONS.find(([pattern]) => pattern.test(name))
  if (row === undefined) throw new RangeError(`encryption “${name}” is not known here`)
  return { id: row[1], keyBits: (keyBytes - row[2]) * 8 }
}

function integrityOf(name: string): Algorithms['integrity'] {
  if (name === '' || /^(NULL|NONE)/i.test(name)) return undefined
  const unchecked = /^ANY (\d+)/i.exec(name)
  if (unchecked !== null) return { icvBytes: Number(unchecked[1]) / 8 }
  // RFC 4868 came after this one, which cut to 96 bits what has 128 now; nothing else is like it.
  if (/^HMAC.?SHA2?.?256.?96/i.test(name)) return { icvBytes: 12 }
  const row = INTEGRITIES.find(([pattern]) => pattern.test(name))
  if (row === undefined) throw new RangeError(`integrity “${name}” is not known here`)
  return { id: row[1] }
}
