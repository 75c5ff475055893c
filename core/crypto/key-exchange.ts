import { createECDH, createPrivateKey, createPublicKey, diffieHellman } from 'node:crypto'
import { concat, fromHex } from '../bytes/octets.ts'
import type { Random } from '../bytes/random.ts'
import { Secret } from '../bytes/secret.ts'
import type { NativeAddon } from '../native/addon.ts'
import type { KeyExchangeInfo } from './transforms.ts'

/** A Diffie-Hellman group. */
interface Group {
  readonly id: number
  readonly name: string
  readonly reference: string
  readonly weakness?: string
  /** Octets of Key Exchange Data, the same both ways. */
  readonly publicBytes: number
  /** A fresh private value and what belongs to it. */
  fresh(random: Random): OwnValue
}

interface OwnValue {
  readonly data: Uint8Array
  /** `undefined`: the peer's value is not acceptable. Its length was checked. */
  shared(peer: Uint8Array): Uint8Array | undefined
  wipe(): void
}

/** Transform type 4, the groups that need nothing but node:crypto. */
export function nodeGroups(): readonly KeyExchangeInfo[] {
  return [
    ecp(19, 'ECP_256', 'prime256v1', 32, 0xff),
    ecp(20, 'ECP_384', 'secp384r1', 48, 0xff),
    ecp(21, 'ECP_521', 'secp521r1', 66, 0x01),
    x25519,
  ].map(fromGroup)
}

/** Transform type 4, the groups that need the addon's libcrypto. */
export function addonGroups(addon: NativeAddon): readonly KeyExchangeInfo[] {
  const weak = (what: string) => `${what} can be broken by those who spend enough once for everybody (Logjam)`
  const old = 'MODP-1536 gives about 90 bits of strength, less than anything new should have'
  return [
    modp(addon, 1, 768, 'RFC 7296', weak('MODP-768')),
    modp(addon, 2, 1024, 'RFC 7296', weak('MODP-1024')),
    modp(addon, 5, 1536, 'RFC 3526', old),
    modp(addon, 14, 2048, 'RFC 3526'),
    modp(addon, 15, 3072, 'RFC 3526'),
    modp(addon, 16, 4096, 'RFC 3526'),
    modp(addon, 17, 6144, 'RFC 3526'),
    modp(addon, 18, 8192, 'RFC 3526'),
    brainpool(addon, 28, 256),
    brainpool(addon, 29, 384),
    brainpool(addon, 30, 512),
    x448(addon),
  ].map(fromGroup)
}

function fromGroup(group: Group): KeyExchangeInfo {
  const { id, name, reference, weakness, publicBytes } = group
  const finish = (own: OwnValue, peer: Uint8Array): Secret | undefined => {
    const shared = peer.length === publicBytes ? own.shared(peer) : undefined
    return shared && new Secret(shared)
  }
  return {
    id,
    name,
    reference,
    ...(weakness === undefined ? {} : { weakness }),
    initiatorBytes: publicBytes,
    responderBytes: publicBytes,
    begin: (random) => {
      let own: OwnValue | undefined = group.fresh(random)
      return {
        data: own.data,
        finish: (peer) => {
          if (own === undefined) throw new Error('this key exchange was closed')
          return finish(own, peer)
        },
        close: () => {
          own?.wipe()
          own = undefined
        },
      }
    },
    respond: (random, peer) => {
      const own = group.fresh(random)
      const secret = finish(own, peer)
      own.wipe()
      return secret && { data: own.data, secret }
    },
  }
}

/** Twice the strength of the group or more, RFC 3526 §8 (its larger estimate is far beyond any attack). */
const exponentBits = (primeBits: number): number => (primeBits <= 2048 ? 256 : primeBits <= 4096 ? 384 : 512)

function modp(addon: NativeAddon, id: number, bits: number, reference: string, weakness?: string): Group {
  return {
    id,
    name: `MODP_${bits}`,
    reference,
    ...(weakness === undefined ? {} : { weakness }),
    publicBytes: bits / 8,
    fresh: (random) => {
      const exponent = random.bytes(exponentBits(bits) / 8)
      return {
        data: addon.modpPublic(id, exponent),
        shared: (peer) => addon.modpShared(id, exponent, peer),
        wipe: () => void exponent.fill(0),
      }
    },
  }
}

/**
 * Takes scalars until `accept` does not throw, that is until one lies in 1 … n−1; each of them is equally likely.
 * Brainpool's orders refuse less than half of all values, so 128 refusals in a row are not bad luck.
 */
function sampleScalar<T>(
  random: Random,
  bytes: number,
  topMask: number,
  accept: (scalar: Uint8Array) => T,
): T {
  for (let tries = 1; ; tries++) {
    const scalar = random.bytes(bytes)
    scalar[0]! &= topMask
    try {
      return accept(scalar)
    } catch (error) {
      scalar.fill(0)
      if (tries === 128) throw error
    }
  }
}

// RFC 5903 §7, §9: KE is x ‖ y, the secret is x alone.
function ecp(id: number, name: string, curve: string, bytes: number, topMask: number): Group {
  return {
    id,
    name,
    reference: 'RFC 5903',
    publicBytes: 2 * bytes,
    fresh: (random) =>
      sampleScalar(random, bytes, topMask, (scalar) => {
        const ecdh = createECDH(curve)
        ecdh.setPrivateKey(scalar)
        scalar.fill(0)
        return {
          data: new Uint8Array(ecdh.getPublicKey().subarray(1)),
          shared: (peer) => {
            try {
              // Both runtimes refuse points off the curve, RFC 6989 §2.3.
              return new Uint8Array(ecdh.computeSecret(concat(UNCOMPRESSED, peer)))
            } catch {
              return undefined
            }
          },
          wipe: () => {}, // libcrypto clears the scalar when the object goes
        }
      }),
  }
}

function brainpool(addon: NativeAddon, id: number, bits: number): Group {
  const curve = `brainpoolP${bits}r1`
  return {
    id,
    name: `BRAINPOOL_P${bits}R1`,
    reference: 'RFC 6954',
    publicBytes: bits / 4,
    fresh: (random) =>
      sampleScalar(random, bits / 8, 0xff, (scalar) => ({
        data: addon.ecPublic(curve, scalar),
        shared: (peer) => addon.ecShared(curve, scalar, peer),
        wipe: () => void scalar.fill(0),
      })),
  }
}

/** SEC 1 §2.3.3: what stands before x ‖ y. */
const UNCOMPRESSED = Uint8Array.of(4)

// DER around 32 raw octets, RFC 8410 §4 and §7.
const X25519_PRIVATE = fromHex('302e020100300506032b656e04220420')
const X25519_PUBLIC = fromHex('302a300506032b656e032100')

const x25519: Group = {
  id: 31,
  name: 'CURVE25519',
  reference: 'RFC 8031',
  publicBytes: 32,
  fresh: (random) => {
    const scalar = random.bytes(32)
    const der = Buffer.from(concat(X25519_PRIVATE, scalar))
    const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    scalar.fill(0)
    der.fill(0)
    const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
    return {
      data: new Uint8Array(spki.subarray(X25519_PUBLIC.length)),
      shared: (peer) => {
        const theirs = Buffer.from(concat(X25519_PUBLIC, peer))
        const publicKey = createPublicKey({ key: theirs, format: 'der', type: 'spki' })
        try {
          return unlessZero(new Uint8Array(diffieHellman({ privateKey, publicKey })))
        } catch {
          return undefined // a point of small order: both runtimes refuse the all-zero result themselves
        }
      },
      wipe: () => {}, // libcrypto clears the scalar when the object goes
    }
  },
}

function x448(addon: NativeAddon): Group {
  return {
    id: 32,
    name: 'CURVE448',
    reference: 'RFC 8031',
    publicBytes: 56,
    fresh: (random) => {
      const scalar = random.bytes(56)
      return {
        data: addon.x448Public(scalar),
        shared: (peer) => unlessZero(addon.x448Shared(scalar, peer)),
        wipe: () => void scalar.fill(0),
      }
    },
  }
}

/** RFC 8031 §5: an all-zero result ends the exchange. */
function unlessZero(octets: Uint8Array | undefined): Uint8Array | undefined {
  let any = 0
  for (const octet of octets ?? []) any |= octet
  return any === 0 ? undefined : octets
}
