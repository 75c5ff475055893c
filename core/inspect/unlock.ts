import { concat, equalConstantTime, NO_OCTETS } from '../bytes/octets.ts'
import type { Secret } from '../bytes/secret.ts'
import type { CryptoRegistry } from '../crypto/transforms.ts'
import type { Algorithms } from './key-tables.ts'
import type { RemarkKind } from './tree.ts'

export interface Sealed {
  /** What the integrity check covers in front of the IV; with an AEAD, the associated data. */
  readonly prefix: Uint8Array
  /** IV, ciphertext and ICV. */
  readonly body: Uint8Array
  /** The half of an extended sequence number that is not sent. RFC 4303 §2.2.1, RFC 4106 §5 */
  readonly high?: Uint8Array
}

export type Unlocked =
  | {
      readonly plaintext: Uint8Array
      readonly ivBytes: number
      readonly icvBytes: number
      readonly checked: boolean
    }
  | { readonly remark: RemarkKind; readonly text: string }

const refused = (remark: RemarkKind, text: string): Unlocked => ({ remark, text })

/** Decrypts what IKEv2 or ESP sealed, once its integrity is proven; `checked` is false where the table says not to look. */
export function unlock(
  registry: CryptoRegistry,
  { encryption, integrity }: Algorithms,
  keys: { readonly encryption: Secret; readonly integrity: Secret },
  { prefix, body, high }: Sealed,
): Unlocked {
  const cipher = registry.encryption.get(encryption.id)
  if (cipher === undefined) return refused('noAlgorithm', `encryption ${encryption.id} cannot be done here`)
  if (
    keys.encryption.length !== encryption.keyBits / 8 + cipher.saltBytes ||
    !cipher.keyBits.includes(encryption.keyBits)
  ) {
    return refused('wrongKey', `a key of ${keys.encryption.length} octets does not fit ${cipher.name}`)
  }
  if (cipher.aead) {
    if (body.length < cipher.ivBytes + cipher.icvBytes) return refused('tooShort', 'shorter than IV and ICV')
    const iv = body.subarray(0, cipher.ivBytes)
    const aad = high === undefined ? prefix : concat(prefix.subarray(0, 4), high, prefix.subarray(4))
    const plaintext = keys.encryption.use((key) =>
      cipher.make(key).open(iv, aad, body.subarray(cipher.ivBytes)),
    )
    if (plaintext === undefined) return refused('wrongKey', WRONG)
    return { plaintext, ivBytes: cipher.ivBytes, icvBytes: cipher.icvBytes, checked: true }
  }
  const mac = integrity !== undefined && 'id' in integrity ? registry.integrity.get(integrity.id) : undefined
  if (integrity !== undefined && 'id' in integrity && mac === undefined) {
    return refused('noAlgorithm', `integrity ${integrity.id} cannot be done here`)
  }
  if (mac !== undefined && keys.integrity.length !== mac.keyBytes) {
    return refused('wrongKey', `an integrity key of ${keys.integrity.length} octets does not fit ${mac.name}`)
  }
  const icvBytes =
    mac?.icvBytes ?? (integrity !== undefined && 'icvBytes' in integrity ? integrity.icvBytes : 0)
  const end = body.length - icvBytes
  const ciphertext = body.subarray(cipher.ivBytes, Math.max(cipher.ivBytes, end))
  if (end < cipher.ivBytes || ciphertext.length % cipher.blockBytes !== 0) {
    return refused('badLength', `${body.length} octets are no whole number of blocks`)
  }
  if (mac !== undefined) {
    const covered = concat(prefix, body.subarray(0, end), high ?? NO_OCTETS)
    const wanted = keys.integrity.use((key) => mac.compute(key, covered))
    if (!equalConstantTime(wanted, body.subarray(end))) return refused('wrongKey', WRONG)
  }
  const plaintext = keys.encryption.use((key) =>
    cipher.make(key).decrypt(body.subarray(0, cipher.ivBytes), ciphertext),
  )
  return { plaintext, ivBytes: cipher.ivBytes, icvBytes, checked: mac !== undefined }
}

const WRONG = 'the integrity check fails: another key, or changed on the way'
