import { createHash, randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type EndOptions, INNER, INNER6, type Side, TunnelEnd, Wire } from '../support/tunnel/pair.ts'

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

const RECEIVE = `
  const hash = require('node:crypto').createHash('sha256')
  const server = require('node:net').createServer((socket) => {
    server.close()
    socket.on('data', (data) => hash.update(data))
    socket.on('end', () => { socket.end(); console.log(hash.digest('hex')) })
  })
  server.listen(7000, process.argv[1], () => console.log('listening'))`
const SEND = `
  const { createHash } = require('node:crypto')
  const [to, megabytes, seed] = process.argv.slice(1)
  const socket = require('node:net').connect(7000, to)
  let left = megabytes * 2 ** 20, block = createHash('sha512').update(seed).digest()
  const more = () => {
    while (left > 0) {
      block = createHash('sha512').update(block).digest()
      // Of every length, so that segments end anywhere.
      const size = Math.min(left, 1 + block.readUInt32LE(0) % 200000)
      const data = Buffer.alloc(size, block)
      left -= size
      if (!socket.write(data)) return socket.once('drain', more)
    }
    socket.end()
  }
  socket.on('connect', more)
  socket.on('close', () => process.exit(0))
  socket.resume()`

/** The same stream as `SEND` makes. */
function digestOf(megabytes: number, seed: string): string {
  const hash = createHash('sha256')
  let block = createHash('sha512').update(seed).digest()
  for (let left = megabytes * 2 ** 20; left > 0; ) {
    block = createHash('sha512').update(block).digest()
    const size = Math.min(left, 1 + (block.readUInt32LE(0) % 200_000))
    hash.update(Buffer.alloc(size, block))
    left -= size
  }
  return hash.digest('hex')
}

/** A stream from one side to the other; what arrived, as SHA-256. */
async function stream(from: Side, address: string, megabytes: number, seed: string): Promise<string> {
  const to = from === 'a' ? 'b' : 'a'
  const receiver = wire.start(to, process.execPath, ['-e', RECEIVE, address])
  let said = ''
  const ended = new Promise((resolve) => receiver.once('close', resolve))
  await new Promise<void>((resolve, reject) => {
    receiver.once('close', () => reject(new Error('the receiver ended early')))
    receiver.stdout!.on('data', (data) => {
      said += data
      if (said.includes('listening')) resolve()
    })
  })
  const sender = wire.start(from, process.execPath, ['-e', SEND, address, String(megabytes), seed])
  await new Promise((resolve) => sender.once('close', resolve))
  await ended
  return said.split('\n')[1] ?? 'nothing'
}

const native = { engine: 'native', suite: 'aes128gcm' } as const
const KINDS: readonly (readonly [string, EndOptions, EndOptions])[] = [
  ['native to native', native, native],
  ['native to native over IPv6', { ...native, outer: 6 }, { ...native, outer: 6 }],
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
