import { randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type EndOptions, INNER, INNER6, type Side, TunnelEnd, Wire } from '../support/tunnel/pair.ts'
import { digestOf, streamBetween } from '../support/tunnel/stream.ts'

// Real devices, real sockets, and a kernel at both ends that checks every checksum we wrote.

let wire: Wire
let programs: ReturnType<Wire['programs']>
beforeAll(() => {
  wire = new Wire(process.cwd())
  programs = wire.programs()
})
afterAll(() => wire.remove())

const open: TunnelEnd[] = []
afterEach(async () => {
  for (const end of open.splice(0)) await end.close()
})

async function tunnel(a: EndOptions, b: EndOptions = a) {
  const ends = {
    a: await TunnelEnd.open(wire, programs, 'a', a),
    b: await TunnelEnd.open(wire, programs, 'b', b),
  }
  open.push(ends.a, ends.b)
  return ends
}

/** A stream from one side to the other; what arrived, as SHA-256. */
const stream = (from: Side, address: string, megabytes: number, seed: string): Promise<string> =>
  streamBetween(wire.namespace(from), wire.namespace(from === 'a' ? 'b' : 'a'), address, megabytes, seed)

const native = { engine: 'native', suite: 'aes128gcm' } as const
const KINDS: readonly (readonly [string, EndOptions, EndOptions])[] = [
  ['native to native', native, native],
  ['native to native over IPv6', { ...native, outer: 6 }, { ...native, outer: 6 }],
  ['native to native, protocol 50', { ...native, raw: true }, { ...native, raw: true }],
  ['the same over IPv6', { ...native, raw: true, outer: 6 }, { ...native, raw: true, outer: 6 }],
  [
    'native to TypeScript, protocol 50',
    { ...native, raw: true },
    { engine: 'typescript', suite: 'aes128gcm', raw: true },
  ],
  [
    'TypeScript to native, protocol 50 over IPv6',
    { engine: 'typescript', suite: 'aes128gcm', raw: true, outer: 6 },
    { ...native, raw: true, outer: 6 },
  ],
  ['offloads to none', native, { ...native, vnet: false }],
  ['none to offloads', { ...native, vnet: false }, native],
  ['native to TypeScript', native, { engine: 'typescript', suite: 'aes128gcm' }],
  ['TypeScript to native', { engine: 'typescript', suite: 'aes128gcm' }, native],
  ['AES-CBC and SHA-256', { ...native, suite: 'aes128-sha256' }, { ...native, suite: 'aes128-sha256' }],
  ['ChaCha20-Poly1305', { ...native, suite: 'chacha' }, { ...native, suite: 'chacha' }],
  ['AES-CCM', { ...native, suite: 'aes128ccm' }, { ...native, suite: 'aes128ccm' }],
  ['Camellia', { ...native, suite: 'camellia-sha1' }, { ...native, suite: 'camellia-sha1' }],
]

test.each(KINDS)(
  '%s: streams over IPv4 and IPv6 arrive as sent, every checksum right',
  async (_name, a, b) => {
    const ends = await tunnel(a, b)
    const megabytes = a.engine === 'native' && b.engine === 'native' ? 32 : 4
    for (const address of [INNER.b, INNER6.b]) {
      const seed = randomBytes(8).toString('hex')
      expect(await stream('a', address, megabytes, seed), address).toBe(digestOf(megabytes, seed))
    }
    const { inbound, strays, notes } = await ends.b.report()
    expect(inbound).toMatchObject({ replayed: 0, failedIcv: 0, malformed: 0, selectorMismatch: 0 })
    expect(strays.noSa).toBe(0)
    expect(notes).toEqual([])
    // What the other kernel thought of our checksums, of inner packets and outer ones alike.
    const counted = wire.run('b', 'nstat', '-asz', 'TcpInCsumErrors', 'UdpInCsumErrors', 'Udp6InCsumErrors')
    expect(counted).not.toMatch(/CsumErrors +[1-9]/)
  },
)

test('both ends leave to the kernel what it can do, and datagrams pass at full size and at none', async () => {
  const ends = await tunnel(native)
  const { offloads } = await ends.a.report()
  expect(offloads).toMatchObject({ tcp4: true, tcp6: true, largestSegment: 65535, gathers: true })
  for (const to of [INNER.b, INNER6.b]) {
    // 5000 octets go in fragments inside the tunnel.
    for (const size of ['0', '64', '1200', '5000']) {
      wire.run('a', 'ping', '-c', '3', '-i', '0.01', '-W', '2', '-q', '-s', size, to)
    }
  }
})

test('a wire too small for a sealed packet: it goes in fragments, and segmentation gives way', async () => {
  const ends = await tunnel(native)
  wire.ip('a', 'link set wire mtu 1300')
  wire.ip('b', 'link set wire mtu 1300')
  try {
    const seed = randomBytes(8).toString('hex')
    expect(await stream('a', INNER.b, 8, seed)).toBe(digestOf(8, seed))
    const { offloads } = await ends.a.report()
    expect(offloads!.largestSegment).toBeLessThan(1500)
  } finally {
    wire.ip('a', 'link set wire mtu 1500')
    wire.ip('b', 'link set wire mtu 1500')
  }
})

test('a device that is taken away under traffic is told, and ends nothing else', async () => {
  const ends = await tunnel(native)
  const flood = wire.start('a', 'ping', ['-q', '-f', '-w', '5', INNER.b])
  const flooded = new Promise((resolve) => flood.once('close', resolve))
  await new Promise((resolve) => setTimeout(resolve, 200))
  wire.ip('b', 'link del tun0')
  await expect
    .poll(async () => (await ends.b.report()).notes, { timeout: 10_000 })
    .toEqual([expect.stringMatching(/^tun (EBADFD|EIO)$/)])
  // The other end goes on sending, and this one counts what it cannot deliver.
  const before = (await ends.b.report()).inbound.packets
  await expect.poll(async () => (await ends.b.report()).inbound.packets).toBeGreaterThan(before)
  flood.kill('SIGINT')
  await flooded
  expect((await ends.a.report()).notes).toEqual([])
})
