import { equal, NO_OCTETS } from '../bytes/octets.ts'
import type { Random } from '../bytes/random.ts'
import type { NativeAddon } from '../native/addon.ts'
import { addonEncryption, nodeEncryption } from './encryption.ts'
import { INTEGRITIES, PRFS } from './integrity.ts'
import { addonGroups, nodeGroups } from './key-exchange.ts'
import { legacyCrypto } from './legacy.ts'
import { mlKems } from './ml-kem.ts'
import type {
  CryptoRegistry,
  EncryptionInfo,
  IntegrityInfo,
  KeyExchangeInfo,
  PrfInfo,
  TransformInfo,
} from './transforms.ts'

/**
 * Every transform this host can do. node:crypto serves where Node (OpenSSL) and Electron (BoringSSL) both have it
 * and are fast; the addon's own libcrypto serves the rest. Each row is tried once; what fails is absent.
 */
export function createRegistry(addon: NativeAddon | undefined): CryptoRegistry {
  return {
    encryption: table([...nodeEncryption(), ...(addon ? addonEncryption(addon) : [])], encryptionWorks),
    prf: table(PRFS, prfWorks),
    integrity: table(INTEGRITIES, integrityWorks),
    keyExchange: table(
      [...nodeGroups(), ...mlKems(), ...(addon ? addonGroups(addon) : [])],
      keyExchangeWorks,
    ),
    ...(addon ? { legacy: legacyCrypto(addon) } : {}),
  }
}

function table<T extends TransformInfo>(
  rows: readonly T[],
  works: (row: T) => boolean,
): ReadonlyMap<number, T> {
  const good = rows.filter((row) => {
    try {
      return works(row)
    } catch {
      return false
    }
  })
  return new Map(good.sort((a, b) => a.id - b.id).map((row) => [row.id, row]))
}

function encryptionWorks(row: EncryptionInfo): boolean {
  const iv = new Uint8Array(row.ivBytes)
  const plaintext = new Uint8Array(row.blockBytes * 2).fill(0x5a)
  return row.keyBits.every((bits) => {
    const key = Uint8Array.from({ length: bits / 8 + row.saltBytes }, (_, i) => i)
    if (!row.aead) {
      const cipher = row.make(key)
      return equal(cipher.decrypt(iv, cipher.encrypt(iv, plaintext)), plaintext)
    }
    const aead = row.make(key)
    const sealed = aead.seal(iv, iv, plaintext)
    const opened = aead.open(iv, iv, sealed)
    sealed[0]! ^= 1
    return opened !== undefined && equal(opened, plaintext) && aead.open(iv, iv, sealed) === undefined
  })
}

const prfWorks = (row: PrfInfo): boolean =>
  row.compute(new Uint8Array(row.keyBytes), NO_OCTETS).length === row.outputBytes

const integrityWorks = (row: IntegrityInfo): boolean =>
  row.compute(new Uint8Array(row.keyBytes), NO_OCTETS).length === row.icvBytes

/** Not random at all: the probe's result is thrown away, and a small exponent is quick. */
const smallest: Random = {
  bytes: (count) => Uint8Array.from({ length: count }, (_, i) => (i === count - 1 ? 2 : 0)),
}

function keyExchangeWorks(row: KeyExchangeInfo): boolean {
  const begun = row.begin(smallest)
  return begun.data.length === row.initiatorBytes
}
