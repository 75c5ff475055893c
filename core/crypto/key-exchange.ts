import { createECDH, createPrivateKey, createPublicKey, diffieHellman } from 'node:crypto'
import { concat, fromHex } from '../bytes/octets.ts'
import type { Random } from '../bytes/random.ts'
import { Secret } from '../bytes/secret.ts'
import type { NativeAddon } from '../native/addon.ts'
import type { KeyExchangeInfo } from './transforms.ts'

/** A Diffie-Hellman group as functions of a private value. */
interface Group {
  readonly id: number
  readonly name: string
  readonly reference: string
  readonly weakness?: string
  /** Octets of Key Exchange Data, the same both ways. */
  readonly publicBytes: number
  /** Fresh private value. */
  fresh(random: Random): Uint8Array
  publicOf(own: Uint8Array): Uint8Array
  /** `undefined`: the peer's value is not acceptable. */
  shared(own: Uint8Array, peer: Uint8Array): Uint8Array | undefined
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
  const finish = (own: Uint8Array, peer: Uint8Array): Secret | undefined => {
    const shared = peer.length === publicBytes ? group.shared(own, peer) : undefined
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
      const own = new Secret(group.fresh(random))
      return {
        data: own.use(group.publicOf),
        finish: (peer) => own.use((octets) => finish(octets, peer)),
        close: () => own.close(),
      }
    },
    respond: (random, peer) => {
      const own = group.fresh(random)
      try {
        const secret = finish(own, peer)
        return secret && { data: group.publicOf(own), secret }
      } finally {
        own.fill(0)
      }
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
    fresh: (random) => random.bytes(exponentBits(bits) / 8),
    publicOf: (own) => addon.modpPublic(id, own),
    shared: (own, peer) => addon.modpShared(id, own, peer),
  }
}

/** Takes scalars until one lies in 1 … n−1: every one of them equally likely. */
function sampleScalar(random: Random, bytes: number, topMask: number, accept: (scalar: Uint8Array) => void) {
  // Brainpool's orders refuse less than half of all values, so 128 refusals are not bad luck.
  for (let tries = 0; ; tries++) {
    const scalar = random.bytes(bytes)
    scalar[0]! &= topMask
    try {
      accept(scalar)
      return scalar
    } catch (error) {
      if (tries === 128) throw error
    }
  }
}

// RFC 5903 §7, §9: KE is x ‖ y, the secret is x alone.
function ecp(id: number, name: string, curve: string, bytes: number, topMask: number): Group {
  const own = (scalar: Uint8Array) => {
    const ecdh = createECDH(curve)
    ecdh.setPrivateKey(scalar)
    return ecdh
  }
  return {
    id,
    name,
    reference: 'RFC 5903',
    publicBytes: 2 * bytes,
    fresh: (random) => sampleScalar(random, bytes, topMask, own),
    publicOf: (scalar) => new Uint8Array(own(scalar).getPublicKey().subarray(1)),
    shared: (scalar, peer) => {
      const ecdh = own(scalar)
      try {
        // Both runtimes refuse points off the curve, RFC 6989 §2.3.
        return new Uint8Array(ecdh.computeSecret(concat(Uint8Array.of(4), peer)))
      } catch {
        return undefined
      }
    },
  }
}

function brainpool(addon: NativeAddon, id: number, bits: number): Group {
  const curve = `brainpoolP${bits}r1`
  return {
    id,
    name: `BRAINPOOL_P${bits}R1`,
    reference: 'RFC 6954',
    publicBytes: bits / 4,
    fresh: (random) => sampleScalar(random, bits / 8, 0xff, (scalar) => addon.ecPublic(curve, scalar)),
    publicOf: (scalar) => addon.ecPublic(curve, scalar),
    shared: (scalar, peer) => addon.ecShared(curve, scalar, peer),
  }
}

// DER around 32 raw octets, RFC 8410 §4 and §7.
const X25519_PRIVATE = fromHex('302e020100300506032b656e04220420')
const X25519_PUBLIC = fromHex('302a300506032b656e032100')

const x25519Key = (scalar: Uint8Array) =>
  createPrivateKey({ key: Buffer.from(concat(X25519_PRIVATE, scalar)), format: 'der', type: 'pkcs8' })

const x25519: Group = {
  id: 31,
  name: 'CURVE25519',
  reference: 'RFC 8031',
  publicBytes: 32,
  fresh: (random) => random.bytes(32),
  publicOf: (scalar) =>
    new Uint8Array(
      createPublicKey(x25519Key(scalar))
        .export({ format: 'der', type: 'spki' })
        .subarray(X25519_PUBLIC.length),
    ),
  shared: (scalar, peer) => {
    const privateKey = x25519Key(scalar)
    try {
      const publicKey = createPublicKey({
        key: Buffer.from(concat(X25519_PUBLIC, peer)),
        format: 'der',
        type: 'spki',
      })
      const shared = new Uint8Array(diffieHellman({ privateKey, publicKey }))
      return isZero(shared) ? undefined : shared
    } catch {
      // A point of small order makes the result all zero, RFC 7748 §6.1; both runtimes refuse it.
      return undefined
    }
  },
}

function x448(addon: NativeAddon): Group {
  return {
    id: 32,
    name: 'CURVE448',
    reference: 'RFC 8031',
    publicBytes: 56,
    fresh: (random) => random.bytes(56),
    publicOf: (scalar) => addon.x448Public(scalar),
    shared: (scalar, peer) => {
      const shared = addon.x448Shared(scalar, peer)
      return shared === undefined || isZero(shared) ? undefined : shared
    },
  }
}

function isZero(octets: Uint8Array): boolean {
  let any = 0
  for (const octet of octets) any |= octet
  return any === 0
}
