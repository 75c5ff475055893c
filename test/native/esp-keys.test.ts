import { closeSync, existsSync, openSync, readFileSync, readSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { asEspSpi, asMillis } from '../../core/bytes/brands.ts'
import { concat } from '../../core/bytes/octets.ts'
import { Secret } from '../../core/bytes/secret.ts'
import { createNativePacketEngine } from '../../core/esp/native-engine.ts'
import { loadAddon } from '../../core/native/load.ts'
import { selector, u16, udp4 } from '../support/inner-packets.ts'

const SPI = asEspSpi(0x1234)
const every = {
  local: [selector('0.0.0.0', '255.255.255.255')],
  remote: [selector('0.0.0.0', '255.255.255.255')],
}
const KEY_BYTES = 16
const inverted = (octet: number): number => octet ^ 0xff

/** Sixteen octets of key that stand in memory once, and a description of them that is not them. */
function freshKey(rest: number) {
  const bytes = crypto.getRandomValues(new Uint8Array(KEY_BYTES + rest))
  const described = {
    head: Uint8Array.from(bytes.subarray(0, 8)),
    invertedTail: Uint8Array.from(bytes.subarray(8, KEY_BYTES), inverted),
  }
  return { secret: new Secret(bytes), described }
}

/** Writable memory of this process, as address ranges. */
function writableMemory(): readonly { readonly from: number; readonly to: number }[] {
  return readFileSync('/proc/self/maps', 'utf8')
    .split('\n')
    .map((line) => /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line))
    .filter((match) => match !== null)
    .map((match) => ({ from: Number.parseInt(match[1]!, 16), to: Number.parseInt(match[2]!, 16) }))
    .filter(({ to }) => to < Number.MAX_SAFE_INTEGER)
}

/** How often the key stands in this process' memory. What is looked through leaves no copy behind. */
function copiesOf({ head, invertedTail }: ReturnType<typeof freshKey>['described']): number {
  const fd = openSync('/proc/self/mem', 'r')
  const chunk = Buffer.alloc(1 << 20)
  let copies = 0
  try {
    for (const { from, to } of writableMemory()) {
      for (let at = from; at < to; at += chunk.length - KEY_BYTES) {
        let length = 0
        try {
          length = readSync(fd, chunk, 0, Math.min(chunk.length, to - at), at)
        } catch {
          break // a guard page, or gone meanwhile
        }
        const seen = chunk.subarray(0, length)
        for (let i = seen.indexOf(head); i >= 0 && i + KEY_BYTES <= length; i = seen.indexOf(head, i + 1)) {
          if (invertedTail.every((octet, k) => seen[i + 8 + k] === inverted(octet))) copies++
        }
      }
    }
  } finally {
    chunk.fill(0)
    closeSync(fd)
  }
  return copies
}

const open = (crypto: 'fastest' | 'libcrypto') =>
  createNativePacketEngine({
    addon: loadAddon(),
    now: () => asMillis(0),
    toTun: () => {},
    toNetwork: () => {},
    ...(crypto === 'libcrypto' ? { crypto } : {}),
  })

/** Packets of all sizes, so that whatever the code does with the key has been done. */
function use(engine: ReturnType<typeof open>): void {
  for (const size of [1, 16, 100, 1000, 1400]) {
    engine.fromTun(udp4('10.0.0.1', '10.0.0.2', 1, 2, 'x'.repeat(size)))
    engine.fromNetwork(concat(u32(SPI), u32(size), new Uint8Array(8 + 16 * size)))
  }
}
const u32 = (value: number): Uint8Array => concat(u16(value >>> 16), u16(value & 0xffff))

const BACKENDS = ['fastest', 'libcrypto'] as const

describe.skipIf(!existsSync('/proc/self/mem'))('keys in memory', () => {
  test.each(
    BACKENDS.flatMap((backend) =>
      [
        { name: 'AES-GCM', id: 20, keyBits: 128, rest: 4 },
        { name: 'AES-CCM', id: 16, keyBits: 128, rest: 3 },
        { name: 'ChaCha20-Poly1305', id: 28, keyBits: 256, rest: 20 },
      ].map((row) => ({ ...row, backend })),
    ),
  )('$name, $backend code: there while the SA is, nowhere afterwards', ({ backend, id, keyBits, rest }) => {
    const engine = open(backend)
    for (const direction of ['in', 'out'] as const) {
      const { secret, described } = freshKey(rest)
      const sa = { spi: SPI, encryption: { id, keyBits }, encryptionKey: secret, esn: false }
      if (direction === 'in') engine.addInbound(sa, every)
      else engine.useOutbound('child', sa, every)
      expect(copiesOf(described)).toBeGreaterThan(0)
      use(engine)
      if (direction === 'in') engine.removeInbound(SPI)
      else engine.removeOutbound(SPI)
      expect(copiesOf(described)).toBe(0)
    }
    engine.close()
  })

  test.each(BACKENDS)('AES-CBC and HMAC-SHA2-256, %s code: both keys go with the engine', (backend) => {
    const engine = open(backend)
    const cipher = freshKey(0)
    const mac = freshKey(16)
    const sa = {
      spi: SPI,
      encryption: { id: 12, keyBits: 128 },
      encryptionKey: cipher.secret,
      integrity: 12,
      integrityKey: mac.secret,
      esn: false,
    }
    engine.useOutbound('child', sa, every)
    expect(copiesOf(cipher.described)).toBeGreaterThan(0)
    // The fast code keeps hashes of the padded key, not the key.
    expect(copiesOf(mac.described) > 0).toBe(
      backend === 'libcrypto' || !/^v?[0-9]/.test(loadAddon().ipsecMbVersion),
    )
    use(engine)
    engine.close()
    expect([copiesOf(cipher.described), copiesOf(mac.described)]).toEqual([0, 0])
  })
})
