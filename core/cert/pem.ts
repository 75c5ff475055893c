/** One block between BEGIN and END. RFC 7468 */
export interface PemBlock {
  /** `CERTIFICATE`, `PRIVATE KEY` … */
  readonly label: string
  readonly der: Uint8Array
  /** Lines like `DEK-Info: …` in front of the data, as older keys have them. RFC 1421 §4.6 */
  readonly headers: string
  readonly encrypted: boolean
}

const BLOCK =
  /-----BEGIN ([A-Z0-9 ]{1,40})-----\r?\n((?:[A-Za-z0-9-]+: .*\r?\n)*)([A-Za-z0-9+/=\s]*)-----END \1-----/g

/** All blocks of a text; what stands around them is passed over. */
export const splitPem = (text: string): PemBlock[] =>
  [...text.matchAll(BLOCK)].map(([, label = '', headers = '', data = '']) => ({
    label,
    headers,
    der: Uint8Array.from(Buffer.from(data, 'base64')),
    encrypted: label === 'ENCRYPTED PRIVATE KEY' || /^Proc-Type: 4,ENCRYPTED/m.test(headers),
  }))

export function encodePem({
  label,
  der,
  headers = '',
}: {
  label: string
  der: Uint8Array
  headers?: string
}): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  const gap = headers === '' ? '' : `${headers.trimEnd()}\n\n`
  return `-----BEGIN ${label}-----\n${gap}${lines.join('\n')}\n-----END ${label}-----\n`
}

export const looksLikePem = (octets: Uint8Array): boolean =>
  Buffer.from(octets.buffer, octets.byteOffset, octets.length).includes('-----BEGIN ')
