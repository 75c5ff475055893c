const RULES: readonly (readonly [RegExp, string])[] = [
  [/^ENCR_AES_(GCM|CCM)_16[ _](\d+)$/, 'AES-$2-$1'],
  [/^ENCR_AES_(GCM|CCM)_(\d+)[ _](\d+)$/, 'AES-$3-$1, ICV of $2 octets'],
  [/^ENCR_(AES|CAMELLIA)_(CBC|CTR)[ _](\d+)$/, '$1-$3-$2'],
  [/^ENCR_CHACHA20_POLY1305$/, 'ChaCha20-Poly1305'],
  [/^ENCR_NULL$/, 'no encryption'],
  [/^ENCR_(3?DES)$/, '$1'],
  [/^PRF_HMAC_(.+)$/, 'PRF HMAC-$1'],
  [/^AUTH_HMAC_(.+)$/, 'HMAC-$1'],
  [/^(?:CURVE|Curve)(25519|448)$/, 'X$1'],
  [/^SECP(\d+)R1$/i, 'P-$1'],
  [/^MODP[ _]?(\d+)$/i, 'MODP-$1'],
  [/^ML_?KEM_?(\d+)$/i, 'ML-KEM-$1'],
]

/** An algorithm as people write it; its name at IANA where we know no better one. */
export function algorithmName(iana: string): string {
  const rule = RULES.find(([pattern]) => pattern.test(iana))
  if (rule === undefined) return iana
  const name = iana.replace(rule[0], rule[1]).replace('CAMELLIA', 'Camellia')
  return name.startsWith('PRF') || name.startsWith('HMAC') ? name.replaceAll('_', '-') : name
}

export const suiteNames = (suite: readonly string[]): string => suite.map(algorithmName).join(', ')
