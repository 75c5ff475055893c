import { concat } from '../../core/bytes/octets.ts'
import { Secret } from '../../core/bytes/secret.ts'
import type { AeadInfo, CryptoRegistry, KeyExchangeInfo, PrfInfo } from '../../core/crypto/transforms.ts'

/**
 * Transforms that keep no secret and take no time: a wrong key, IV or octet is noticed, and that is all. For tests
 * that run a protocol a hundred thousand times. They go by the numbers of real ones, so that proposals stay as they are.
 */

/** Sixteen octets that depend on everything given, the lengths too. */
function digest(...parts: readonly Uint8Array[]): Uint8Array {
  let a = 0x9e3779b9
  let b = 0x243f6a88
  for (const part of parts) {
    a = Math.imul(a ^ part.length, 0x85ebca6b)
    for (let i = 0; i < part.length; i++) {
      a = Math.imul(a ^ part[i]!, 0x01000193)
      b = (Math.imul(b, 33) + a) | 0
    }
  }
  const out = new Uint8Array(16)
  for (let i = 0; i < 16; i++) {
    a = Math.imul(a ^ (b >>> 13), 0x5bd1e995)
    b = Math.imul(b ^ (a >>> 15), 0x27d4eb2f)
    out[i] = a >>> 24
  }
  return out
}

const aead: AeadInfo = {
  name: 'ENCR_AES_GCM_16',
  id: 20,
  reference: 'none',
  keyBits: [128],
  keyLengthAttribute: true,
  saltBytes: 4,
  ivBytes: 8,
  blockBytes: 1,
  ike: true,
  aead: true,
  icvBytes: 16,
  make: (borrowed) => {
    const key = borrowed.slice()
    return {
      seal: (iv, aad, plaintext) => concat(plaintext, digest(key, iv, aad, plaintext)),
      open(iv, aad, sealed) {
        const plaintext = sealed.slice(0, -16)
        const icv = digest(key, iv, aad, plaintext)
        return icv.every((octet, i) => octet === sealed[plaintext.length + i]) ? plaintext : undefined
      },
    }
  },
}

const prf: PrfInfo = {
  name: 'PRF_HMAC_SHA2_256',
  id: 5,
  reference: 'none',
  outputBytes: 32,
  keyBytes: 32,
  fixedKey: false,
  compute: (key, data) => concat(digest(key, data), digest(data, key)),
}

/** Both values are public, and the secret is made of them in an order both ends agree on. */
const exchange = (name: string, id: number): KeyExchangeInfo => {
  const shared = (initiator: Uint8Array, responder: Uint8Array): Secret =>
    new Secret(digest(Uint8Array.of(id), initiator, responder))
  return {
    name,
    id,
    reference: 'none',
    initiatorBytes: 32,
    responderBytes: 32,
    begin(random) {
      const data = random.bytes(32)
      return {
        data,
        finish: (peer) => (peer.length === 32 ? shared(data, peer) : undefined),
        close: () => {},
      }
    },
    respond(random, peer) {
      if (peer.length !== 32) return undefined
      const data = random.bytes(32)
      return { data, secret: shared(peer, data) }
    },
  }
}

const byId = <T extends { readonly id: number }>(...rows: readonly T[]): ReadonlyMap<number, T> =>
  new Map(rows.map((row) => [row.id, row]))

export const cheapRegistry: CryptoRegistry = {
  encryption: byId(aead),
  prf: byId(prf),
  integrity: new Map(),
  keyExchange: byId(exchange('CURVE25519', 31), exchange('ECP_256_RANDOM', 19)),
}
