import { expect, test } from 'vitest'
import { asEspSpi } from '../../core/bytes/brands.ts'
import { Secret } from '../../core/bytes/secret.ts'
import { systemRandom } from '../../core/crypto/system-random.ts'
import type { VpnError } from '../../core/errors.ts'
import type { EspLimits, IpsecSa } from '../../core/esp/engine.ts'
import type { Connection, ConnectionListener } from '../../core/ike/config.ts'
import { startManual } from '../../core/ike/manual.ts'
import type { NativeAddon } from '../../core/native/addon.ts'
import type { OsEdge } from '../../core/net/plan.ts'
import { Protocol, readIp, settle } from '../../core/wire/ip-packet.ts'
import { wholeRegistry } from '../support/bench.ts'
import { udp4 } from '../support/inner-packets.ts'

const [R1, R2] = ['192.168.12.1', '192.168.12.2'] as const
const AES_CBC = { id: 12, keyBits: 128 }
const AES_GCM = { id: 20, keyBits: 128 }
const SHA256 = 12
const TUN = 9

const key = (octets: number, seed: number): Secret => new Secret(new Uint8Array(octets).fill(seed))
const bundle = (spi: number): IpsecSa => ({
  mode: 'transport',
  esp: {
    spi: asEspSpi(spi),
    encryption: AES_CBC,
    encryptionKey: key(16, spi),
    integrity: SHA256,
    integrityKey: key(32, spi),
    esn: false,
  },
  ah: { spi: asEspSpi(spi + 1), integrity: SHA256, integrityKey: key(32, spi), esn: false },
})

/** A computer whose descriptors are numbers: 3 UDP, 4 ESP, 5 AH, 9 the device. */
class Host {
  readonly written: (readonly [fd: number, packet: Uint8Array])[] = []
  readonly closed: number[] = []
  readonly said: string[] = []
  readonly error: Promise<VpnError | undefined>
  readonly established: Promise<void>
  readonly connection: Connection
  readonly #readers = new Map<number, (packets: readonly Uint8Array[]) => void>()

  constructor(own: string, peer: string, inbound: IpsecSa, outbound: IpsecSa, limits: EspLimits = {}) {
    const addon = {
      readPackets: (fd: number, hear: (packets: readonly Uint8Array[]) => void) => {
        this.#readers.set(fd, hear)
        return { stop: () => this.#readers.delete(fd) }
      },
      writePacket: (fd: number, packet: Uint8Array) => {
        this.written.push([fd, packet.slice()])
        return true
      },
      closeFd: (fd: number) => void this.closed.push(fd),
    } as unknown as NativeAddon
    const edge = {
      openUdp: async () => ({ fd: 3, local: { address: own, port: 500 } }),
      openRaw: async ({ protocol }: { protocol: number }) => ({ fd: protocol - 46, local: own }),
    } as unknown as OsEdge
    let stands = (): void => {}
    let ended = (_error: VpnError | undefined): void => {}
    this.established = new Promise((resolve) => {
      stands = resolve
    })
    this.error = new Promise((resolve) => {
      ended = resolve
    })
    const listener: ConnectionListener = {
      changed() {},
      message() {},
      note: (text) => this.said.push(text),
      established: () => stands(),
      closed: (error) => ended(error),
      ask: async () => undefined,
    }
    this.connection = startManual({
      config: { gatewayAddress: peer, inbound, outbound },
      ...{ edge, addon, registry: wholeRegistry(), random: systemRandom, listener, limits },
    })
    this.connection.command({ type: 'connect' })
  }

  arrive(fd: number, packet: Uint8Array): void {
    this.#readers.get(fd)?.([packet])
  }
}

test('RFC 4301 §4.5.1: two ends with the same keys protect what goes between them, AH around ESP, and nothing else', async () => {
  const [there, back] = [0x1001, 0x1011]
  const a = new Host(R1, R2, bundle(back), bundle(there))
  const b = new Host(R2, R1, bundle(there), bundle(back))
  await Promise.all([a.established, b.established])
  a.connection.attachTun(TUN)
  b.connection.attachTun(TUN)
  const packet = udp4(R1, R2, 1000, 2000, 'a message')
  settle(packet)
  a.arrive(TUN, packet)
  a.arrive(TUN, udp4(R1, '192.168.12.3', 1000, 2000, 'for somebody else'))
  expect(a.written.map(([fd]) => fd)).toEqual([5])
  const [, wire] = a.written[0]!
  expect(readIp(wire)).toMatchObject({ protocol: Protocol.ah })
  b.arrive(5, wire)
  expect(b.written).toEqual([[TUN, packet]])

  const view = b.connection.view()
  expect(view).toMatchObject({ state: 'connected', phase1: undefined })
  expect(view.phase2[0]).toMatchObject({
    protocol: 'AH+ESP',
    mode: 'transport',
    localSelectors: [R2],
    traffic: { inPackets: 1, outPackets: 0 },
  })
  const shown = b.connection.keys().esp.map(({ source, destination }) => `${source} ${destination}`)
  expect(shown).toEqual([`${R1} ${R2}`, `${R2} ${R1}`])
  a.connection.close()
  b.connection.command({ type: 'disconnect' })
  expect(await b.error).toBeUndefined()
  expect(b.closed).toEqual([3, 4, 5])
})

test('RFC 8221 §3: a counter mode is not for keys of a person, and the keys are wiped', async () => {
  const gcm = (spi: number): IpsecSa => ({
    mode: 'tunnel',
    esp: { spi: asEspSpi(spi), encryption: AES_GCM, encryptionKey: key(20, 1), esn: false },
  })
  const [inbound, outbound] = [gcm(0x1001), gcm(0x1011)]
  const host = new Host(R1, R2, inbound, { ...outbound, mode: 'transport' })
  expect(await host.error).toMatchObject({ kind: 'profileInvalid', field: 'manual' })
  expect([inbound, outbound].map(({ esp }) => esp?.encryptionKey.closed)).toEqual([true, true])
})

test('RFC 4303 §3.4.3: a peer that was started again counts from one, and is heard all the same', async () => {
  const [there, back] = [0x1001, 0x1011]
  const b = new Host(R2, R1, bundle(there), bundle(back))
  await b.established
  b.connection.attachTun(TUN)
  for (let start = 1; start <= 2; start++) {
    const a = new Host(R1, R2, bundle(back), bundle(there))
    await a.established
    a.connection.attachTun(TUN)
    for (let packet = 0; packet < 3; packet++) {
      a.arrive(TUN, udp4(R1, R2, 1000, 2000, 'a message'))
      b.arrive(5, a.written.at(-1)![1])
    }
    a.connection.close()
    expect(b.written.length).toBe(3 * start)
  }
  b.connection.close()
})

test('RFC 4303 §3.3.3: with the last sequence number the keys are used up, and no number is used twice', async () => {
  const a = new Host(R1, R2, bundle(0x1011), bundle(0x1001), { hardSequence: 2n })
  await a.established
  a.connection.attachTun(TUN)
  for (let packet = 0; packet < 3; packet++) a.arrive(TUN, udp4(R1, R2, 1000, 2000, 'a message'))
  expect(await a.error).toEqual({ kind: 'keysUsedUp' })
  expect(a.written.length).toBe(2)
})

test('RFC 8221 §4: a key of the wrong length says which, and how long it should be', async () => {
  const short = bundle(0x1001)
  const host = new Host(R1, R2, bundle(0x1011), {
    ...short,
    esp: { ...short.esp!, encryptionKey: key(15, 1) },
  })
  expect(await host.error).toMatchObject({
    kind: 'profileInvalid',
    field: 'keys',
    problem: 'encryption.out has 15 octets, and its algorithm wants 16',
  })
})
