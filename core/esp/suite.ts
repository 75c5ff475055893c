import { concat, equalConstantTime, NO_OCTETS } from '../bytes/octets.ts'
import type { Secret } from '../bytes/secret.ts'
import type { AeadInfo, CipherInfo, CryptoRegistry, IntegrityInfo } from '../crypto/transforms.ts'
import type { EspSa } from './engine.ts'

/** The algorithms of one SA with their keys, whichever way encryption and integrity are combined. */
export interface EspSuite {
  readonly ivBytes: number
  readonly icvBytes: number
  /** Plaintext is a multiple of this, in octets. */
  readonly blockBytes: number
  /** CBC wants an IV nobody can guess (RFC 3602 §3); the others one that never repeats (RFC 4106 §3.1). */
  readonly unpredictableIv: boolean
  /**
   * → ciphertext ‖ ICV. `header`: SPI and sequence number as on the wire. `high`: upper half of an
   * extended sequence number, absent without ESN.
   */
  protect(header: Uint8Array, high: number | undefined, iv: Uint8Array, plaintext: Uint8Array): Uint8Array
  /** The plaintext, or `undefined` when the ICV is wrong. `sealed`: ciphertext ‖ ICV. */
  unprotect(
    header: Uint8Array,
    high: number | undefined,
    iv: Uint8Array,
    sealed: Uint8Array,
  ): Uint8Array | undefined
  /** Wipes the keys; the suite is of no use afterwards. */
  close(): void
}

/**
 * Looks up the transforms of `sa` and takes over its keys.
 * @throws RangeError when the registry lacks one, a key has the wrong length, or nothing would protect integrity
 */
export function createSuite(registry: CryptoRegistry, sa: EspSa): EspSuite {
  const encryption = registry.encryption.get(sa.encryption.id)
  if (encryption === undefined) throw new RangeError(`encryption ${sa.encryption.id} is not available`)
  const keyBits = (sa.encryptionKey.length - encryption.saltBytes) * 8
  // A cipher with one key length is negotiated without naming it, RFC 7296 §3.3.5.
  const agreed = encryption.keyLengthAttribute ? sa.encryption.keyBits === keyBits : true
  if (!agreed || !encryption.keyBits.includes(keyBits)) {
    throw new RangeError(`${encryption.name}: a key length nobody agreed on`)
  }
  if (encryption.aead) return aeadSuite(encryption, sa.encryptionKey)

  // Encryption without integrity is open to chosen-ciphertext attacks, RFC 4303 §1: not offered at all.
  const integrity = sa.integrity === undefined ? undefined : registry.integrity.get(sa.integrity)
  if (integrity === undefined) throw new RangeError(`integrity ${sa.integrity ?? 'NONE'} is not available`)
  if (sa.integrityKey?.length !== integrity.keyBytes) {
    throw new RangeError(`${integrity.name}: a key has ${integrity.keyBytes} octets`)
  }
  return cipherSuite(encryption, sa.encryptionKey, integrity, sa.integrityKey)
}

/** AAD: SPI ‖ sequence number, 64 bits of it with ESN. RFC 4106 §5, RFC 7634 §2.1 */
function aeadSuite(info: AeadInfo, key: Secret): EspSuite {
  let aead = key.use((bytes) => info.make(bytes)) as ReturnType<AeadInfo['make']> | undefined
  const aad = (header: Uint8Array, high: number | undefined): Uint8Array =>
    high === undefined ? header : concat(header.subarray(0, 4), u32(high), header.subarray(4))
  const open = () => aead ?? closed()
  return {
    ivBytes: info.ivBytes,
    icvBytes: info.icvBytes,
    blockBytes: info.blockBytes,
    unpredictableIv: false,
    protect: (header, high, iv, plaintext) => open().seal(iv, aad(header, high), plaintext),
    unprotect: (header, high, iv, sealed) => open().open(iv, aad(header, high), sealed),
    close() {
      aead = undefined
      key.close()
    },
  }
}

/** ICV over SPI … Next Header, then the half of the sequence number that is not sent. RFC 4303 §3.3.2.1 */
function cipherSuite(info: CipherInfo, key: Secret, integrity: IntegrityInfo, icvKey: Secret): EspSuite {
  let cipher = key.use((bytes) => info.make(bytes)) as ReturnType<CipherInfo['make']> | undefined
  const icv = (header: Uint8Array, high: number | undefined, iv: Uint8Array, ciphertext: Uint8Array) => {
    const covered = concat(header, iv, ciphertext, high === undefined ? NO_OCTETS : u32(high))
    return icvKey.use((bytes) => integrity.compute(bytes, covered))
  }
  const open = () => cipher ?? closed()
  return {
    ivBytes: info.ivBytes,
    icvBytes: integrity.icvBytes,
    blockBytes: info.blockBytes,
    unpredictableIv: info.ivBytes > 0 && info.ivBytes === info.blockBytes,
    protect(header, high, iv, plaintext) {
      const ciphertext = open().encrypt(iv, plaintext)
      return concat(ciphertext, icv(header, high, iv, ciphertext))
    },
    unprotect(header, high, iv, sealed) {
      const icvAt = sealed.length - integrity.icvBytes
      if (icvAt < 0) return undefined
      const ciphertext = sealed.subarray(0, icvAt)
      const wanted = icv(header, high, iv, ciphertext)
      return equalConstantTime(wanted, sealed.subarray(icvAt)) ? open().decrypt(iv, ciphertext) : undefined
    },
    close() {
      cipher = undefined
      key.close()
      icvKey.close()
    },
  }
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value)
  return bytes
}

function closed(): never {
  throw new Error('this SA was closed')
}
