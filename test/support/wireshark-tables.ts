import { extraJson } from './extra-vectors.ts'

// The published keys of captures, written as Wireshark keeps its tables.

interface Ikev2Row {
  readonly spi_i: string
  readonly spi_r: string
  readonly sk_ei: string
  readonly sk_er: string
  readonly encr: string
  readonly sk_ai: string
  readonly sk_ar: string
  readonly integ: string
}
interface OpenswanRow {
  readonly spi_i: string
  readonly spi_r: string
  readonly I: { readonly sk_a: string; readonly sk_e: string }
  readonly R: { readonly sk_a: string; readonly sk_e: string }
}
interface EspRow {
  readonly src?: string
  readonly dst: string
  readonly spi: string
  readonly encr: string
  readonly key: string
  readonly integ?: string
  readonly ikey?: string
}

const ikev2 = (row: Ikev2Row): string =>
  [row.spi_i, row.spi_r, row.sk_ei, row.sk_er, `"${row.encr}"`, row.sk_ai, row.sk_ar, `"${row.integ}"`].join(
    ',',
  )

const esp = ({ src = '*', dst, spi, encr, key, integ, ikey = '' }: EspRow): string =>
  [
    'IPv4',
    src,
    dst,
    `0x${spi}`,
    encr,
    `0x${key}`,
    integ ?? 'ANY 96 bit authentication [no checking]',
    ikey === '' ? '' : `0x${ikey}`,
  ]
    .map((cell) => `"${cell}"`)
    .join(',')

/** The published integrity key of the second scenario is not the one its messages were made with. */
const OPENSWAN_INTEGRITY: Readonly<Record<string, string>> = {
  'ikev2-psk': 'HMAC_SHA2_256_128 [RFC4868]',
  'ikev2-rekey': 'ANY 128-bits of Authentication [No Checking]',
}

function openswan(folder: string): string {
  const { keys } = extraJson<{ keys: readonly OpenswanRow[] }>(`captures/openswan/${folder}/ike-keys.json`)
  return keys
    .map((row) =>
      ikev2({
        spi_i: row.spi_i,
        spi_r: row.spi_r,
        sk_ei: row.I.sk_e,
        sk_er: row.R.sk_e,
        encr: 'AES-CBC-128 [RFC3602]',
        sk_ai: row.I.sk_a,
        sk_ar: row.R.sk_a,
        integ: OPENSWAN_INTEGRITY[folder]!,
      }),
    )
    .join('\n')
}

/** The tables that belong to a capture, each as text; none for most. */
export function tablesFor(file: string): readonly string[] {
  const [folder = '', name = ''] = [file.split('/')[0], file.split('/').at(-1)]
  if (folder === 'openswan') {
    const scenario = file.split('/')[1]!
    return scenario === 'ikev2-psk' || scenario === 'ikev2-rekey' ? [openswan(scenario)] : []
  }
  if (folder === 'tcpdump') {
    const rows = extraJson<readonly (EspRow & { file: string })[]>('captures/tcpdump/esp-keys.json')
    return rows.filter((row) => row.file === name && row.key !== undefined).map(esp)
  }
  if (folder !== 'wireshark') return []
  const all = extraJson<Record<string, Record<string, unknown>>>('captures/wireshark/keys.json')
  const row = all[name]
  if (row === undefined) return []
  if (row.sas !== undefined) return [(row.sas as readonly EspRow[]).map(esp).join('\n')]
  const cookies = row.ikev1_encryption_keys_by_initiator_cookie
  if (cookies !== undefined) {
    return [
      Object.entries(cookies as Record<string, string>)
        .map((pair) => pair.join(','))
        .join('\n'),
    ]
  }
  return [ikev2(row as unknown as Ikev2Row)]
}
