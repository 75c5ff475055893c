/**
 * Suites as ipsec.conf, NetworkManager-libreswan and strongSwan write them, in words of ours: `aes256-sha1;modp1536`,
 * `aes_gcm256-null`, `aes128-sha2_256-dh14`, `3des-md5!`.
 */
export function libreswanSuites(written: string): readonly string[] {
  return written
    .replace(/!$/, '')
    .split(/[\s,]+/)
    .filter((suite) => suite !== '')
    .map((suite) =>
      suite
        .split(/[-;+]/)
        .map(wordOf)
        .filter((word) => word !== '')
        .join('-'),
    )
}

/** IANA numbers that stand behind `dh`. */
const GROUPS: Readonly<Record<string, string>> = {
  ...{
    '1': 'modp768',
    '2': 'modp1024',
    '5': 'modp1536',
    '14': 'modp2048',
    '15': 'modp3072',
    '16': 'modp4096',
  },
  ...{
    '17': 'modp6144',
    '18': 'modp8192',
    '19': 'ecp256',
    '20': 'ecp384',
    '21': 'ecp521',
    '31': 'curve25519',
  },
  ...{ '22': 'modp1024s160', '23': 'modp2048s224', '24': 'modp2048s256', '32': 'curve448' },
}

export const groupWord = (number: string): string => GROUPS[number] ?? `dh${number}`

function wordOf(written: string, at: number): string {
  const word = written.toLowerCase()
  const dh = /^dh_?(\d+)$/.exec(word)
  if (dh !== null) return groupWord(dh[1] ?? '')
  // In the place of an integrity algorithm it says that the cipher brings its own.
  if (word === 'null' && at > 0) return ''
  const aead =
    /^aes_?(gcm|ccm)(?:_?([abc]|8|12|16))?_?(128|192|256)?$/.exec(word) ??
    /^aes_(gcm|ccm)_([abc]|8|12|16)(?:_(128|192|256))?$/.exec(word)
  if (aead !== null) {
    const icv = { a: '8', b: '12', c: '16' }[aead[2] ?? 'c'] ?? aead[2] ?? '16'
    return `aes${aead[3] ?? '128'}${aead[1]}${icv}`
  }
  return word
    .replace(/^aes_?(?:cbc_?)?(128|192|256)$/, 'aes$1')
    .replace(/^aes_ctr_?(128|192|256)$/, 'aes$1ctr')
    .replace(/^aes(?:_cbc)?$/, 'aes128')
    .replace(/^chacha20_poly1305$/, 'chacha20poly1305')
    .replace(/^sha2$/, 'sha256')
    .replace(/^(?:hmac_)?sha2?_?(256|384|512)$/, 'sha$1')
    .replace(/^hmac_sha1$/, 'sha1')
    .replace(/^ecp_(256|384|521)$/, 'ecp$1')
}
