/** Suites by IANA numbers, as an end of a test tunnel is told of them. */
export const SUITES = {
  aes128gcm: { encryption: 20, keyBits: 128 },
  aes256gcm: { encryption: 20, keyBits: 256 },
  chacha: { encryption: 28, keyBits: 256 },
  'aes128-sha256': { encryption: 12, keyBits: 128, integrity: 12 },
  aes128ccm: { encryption: 16, keyBits: 128 },
  'camellia-sha1': { encryption: 23, keyBits: 128, integrity: 2 },
} as const
export type SuiteName = keyof typeof SUITES
