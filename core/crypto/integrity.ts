import { aesCmac, aesXcbc, cmacPrf, hmac, xcbcPrf } from './macs.ts'
import type { IntegrityInfo, PrfInfo } from './transforms.ts'

const MD5 = 'MD5 is broken: collisions cost seconds, and RFC 8247 forbids it'
const SHA1 = 'SHA-1 is broken for signatures and on its way out everywhere'

type Mac = (key: Uint8Array, data: Uint8Array) => Uint8Array
const hmacOf =
  (hash: string): Mac =>
  (key, data) =>
    hmac(hash, key, data)

function prf(
  id: number,
  name: string,
  reference: string,
  outputBytes: number,
  compute: Mac,
  rest: { readonly fixedKey?: boolean; readonly weakness?: string } = {},
): PrfInfo {
  return { id, name, reference, outputBytes, keyBytes: outputBytes, fixedKey: false, compute, ...rest }
}

/** Transform type 2. RFC 7296 §3.3.2 */
export const PRFS: readonly PrfInfo[] = [
  prf(1, 'PRF_HMAC_MD5', 'RFC 2104', 16, hmacOf('md5'), { weakness: MD5 }),
  prf(2, 'PRF_HMAC_SHA1', 'RFC 2104', 20, hmacOf('sha1'), { weakness: SHA1 }),
  prf(4, 'PRF_AES128_XCBC', 'RFC 4434', 16, xcbcPrf, { fixedKey: true }),
  prf(5, 'PRF_HMAC_SHA2_256', 'RFC 4868', 32, hmacOf('sha256')),
  prf(6, 'PRF_HMAC_SHA2_384', 'RFC 4868', 48, hmacOf('sha384')),
  prf(7, 'PRF_HMAC_SHA2_512', 'RFC 4868', 64, hmacOf('sha512')),
  prf(8, 'PRF_AES128_CMAC', 'RFC 4615', 16, cmacPrf, { fixedKey: true }),
]

function integrity(
  id: number,
  name: string,
  reference: string,
  keyBytes: number,
  icvBytes: number,
  mac: Mac,
  weakness?: string,
): IntegrityInfo {
  return {
    id,
    name,
    reference,
    keyBytes,
    icvBytes,
    compute: (key, data) => {
      if (key.length !== keyBytes) throw new RangeError(`${name} takes a key of ${keyBytes} octets`)
      return mac(key, data).slice(0, icvBytes)
    },
    ...(weakness === undefined ? {} : { weakness }),
  }
}

/** Transform type 3. RFC 7296 §3.3.2 */
export const INTEGRITIES: readonly IntegrityInfo[] = [
  integrity(1, 'AUTH_HMAC_MD5_96', 'RFC 2403', 16, 12, hmacOf('md5'), MD5),
  integrity(2, 'AUTH_HMAC_SHA1_96', 'RFC 2404', 20, 12, hmacOf('sha1'), SHA1),
  integrity(5, 'AUTH_AES_XCBC_96', 'RFC 3566', 16, 12, aesXcbc),
  integrity(6, 'AUTH_HMAC_MD5_128', 'RFC 4595', 16, 16, hmacOf('md5'), MD5),
  integrity(7, 'AUTH_HMAC_SHA1_160', 'RFC 4595', 20, 20, hmacOf('sha1'), SHA1),
  integrity(8, 'AUTH_AES_CMAC_96', 'RFC 4494', 16, 12, aesCmac),
  integrity(12, 'AUTH_HMAC_SHA2_256_128', 'RFC 4868', 32, 16, hmacOf('sha256')),
  integrity(13, 'AUTH_HMAC_SHA2_384_192', 'RFC 4868', 48, 24, hmacOf('sha384')),
  integrity(14, 'AUTH_HMAC_SHA2_512_256', 'RFC 4868', 64, 32, hmacOf('sha512')),
]
