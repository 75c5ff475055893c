import { afterEach, describe, expect, test } from 'vitest'
import { asEspSpi, asMillis } from '../../core/bytes/brands.ts'
import { toHex, utf8 } from '../../core/bytes/octets.ts'
import { Secret } from '../../core/bytes/secret.ts'
import { createRegistry } from '../../core/crypto/registry.ts'
import type { Datapath } from '../../core/esp/datapath.ts'
import type { EspLimits, EspSa, SelectorPair } from '../../core/esp/engine.ts'
import { openDatapath } from '../../core/esp/open-datapath.ts'
import { loadAddon } from '../../core/native/load.ts'
import { ENGINES, type EngineKind } from '../support/esp-engines.ts'
import { selector, udp4 } from '../support/inner-packets.ts'

const addon = loadAddon()
const registry = createRegistry(addon)
const SPI = { there: asEspSpi(0x1001), back: asEspSpi(0x2002) }

const left: SelectorPair = {
  local: [selector('10.0.0.1', '10.0.0.1')],
  remote: [selector('10.0.0.2', '10.0.0.2')],
}
const right: SelectorPair = { local: left.remote, remote: left.local }
const packet = (text: string) => udp4('10.0.0.1', '10.0.0.2', 1, 2, text)

const saOf = (spi: EspSa['spi']): EspSa => ({
  spi,
  encryption: { id: 20, keyBits: 128 },
  encryptionKey: new Secret(Uint8Array.from({ length: 20 }, (_, i) => i + (spi & 0xff))),
  esn: true,
})

const endpoint = (port: number) => ({ address: '192.0.2.1', port })

const cleanUp: (() => void)[] = []
afterEach(() => {
  for (const undo of cleanUp.splice(0).reverse()) undo()
})

/** One datapath: a pair of sockets stands for its TUN device, whose other end is the machine. */
function endOf(engine: EngineKind, limits: EspLimits = {}) {
  const ike: string[] = []
  const said: string[] = []
  const datapath = openDatapath({
    engine,
    addon,
    registry,
    random: { bytes: (count) => new Uint8Array(count).fill(7) },
    now: () => asMillis(performance.now()),
    limits,
    onIke: (message, path) => ike.push(`${path.remote.port} ${toHex(message)}`),
    onTunEnd: (code) => said.push(`tun ${code}`),
    onSocketError: (code) => said.push(`socket ${code}`),
    onSoftLimit: (spi, reason) => said.push(`${spi} soft ${reason}`),
    onHardLimit: (spi) => said.push(`${spi} hard`),
    onNote: (text) => said.push(text),
  })
  expect(datapath.kind).toBe(engine)
  const [machine, tun] = addon.socketpair()
  cleanUp.push(() => {
    datapath.close()
    for (const fd of [tun, machine]) addon.closeFd(fd)
  })
  const received: string[] = []
  const reader = addon.readPackets(
    machine,
    (packets) => received.push(...packets.map((one) => toHex(one))),
    () => {},
  )
  cleanUp.push(() => reader.stop())
  return { datapath, tun, machine, received, ike, said }
}

type End = ReturnType<typeof endOf>

/** Both ends of a tunnel with one SA each way, joined by a pair of sockets. */
function tunnel(engines: readonly [EngineKind, EngineKind], limits: EspLimits = {}) {
  const a = endOf(engines[0], limits)
  const b = endOf(engines[1], limits)
  join(a.datapath, b.datapath, 4500)
  for (const end of [a, b]) end.datapath.attachTun(end.tun)
  a.datapath.useOutbound('child', saOf(SPI.there), left)
  b.datapath.addInbound(saOf(SPI.there), right)
  b.datapath.useOutbound('child', saOf(SPI.back), right)
  a.datapath.addInbound(saOf(SPI.back), left)
  return { a, b }
}

function join(a: Datapath, b: Datapath, port: number): void {
  const [fdA, fdB] = addon.socketpair()
  a.usePath({ fd: fdA, local: endpoint(port), remote: endpoint(port) })
  b.usePath({ fd: fdB, local: endpoint(port), remote: endpoint(port) })
}

/** Resolves when `done()`; the threads need their moment. */
async function until(done: () => boolean): Promise<void> {
  for (let tries = 0; !done(); tries++) {
    if (tries > 10_000) throw new Error('it never came')
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}

const PAIRS = ENGINES.flatMap((from) => ENGINES.map((to) => [from, to] as const))

describe.each(PAIRS)('%s to %s', (from, to) => {
  test('what came before there was a device leaves first, and what comes from it afterwards follows', async () => {
    const [a, b] = [endOf(from), endOf(to)]
    join(a.datapath, b.datapath, 4500)
    b.datapath.attachTun(b.tun)
    b.datapath.addInbound(saOf(SPI.there), right)
    a.datapath.useOutbound('child', saOf(SPI.there), left)
    const elsewhere = udp4('10.0.0.9', '10.0.0.2', 1, 2, 'for no SA')
    a.datapath.sendFirst([packet('kept 1'), elsewhere, packet('kept 2')])
    a.datapath.attachTun(a.tun)
    addon.writePacket(a.machine, packet('later'))
    await until(() => b.received.length === 3)
    expect(b.received).toEqual(['kept 1', 'kept 2', 'later'].map((text) => toHex(packet(text))))
    expect(a.datapath.outbound(SPI.there)).toMatchObject({ packets: 3, sequence: 3n })
    expect(a.datapath.strays().noSelector).toBe(1)
    expect([a.said, b.said]).toEqual([[], []])
  })

  test('what goes into one device comes out of the other, in order', async () => {
    const { a, b } = tunnel([from, to])
    const texts = Array.from({ length: 300 }, (_, i) => `number ${i}`)
    let sent = 0
    while (sent < texts.length) {
      // No more at once than the sockets between hold: what does not fit is lost, as on a wire.
      for (const text of texts.slice(sent, sent + 50)) {
        expect(addon.writePacket(a.machine, packet(text))).toBe(true)
        sent++
      }
      await until(() => b.received.length === sent)
    }
    expect(b.received).toEqual(texts.map((text) => toHex(packet(text))))
    expect(a.datapath.outbound(SPI.there)).toMatchObject({ packets: 300, sequence: 300n })
    expect(b.datapath.inbound(SPI.there)).toMatchObject({ packets: 300, replayed: 0, failedIcv: 0 })
    expect(a.datapath.traffic().outbound).toBe(300)
    expect(b.datapath.traffic().inbound).toBe(300)
  })

  test('RFC 3948 §2.2: IKE and ESP share the socket, and each finds its own', async () => {
    const { a, b } = tunnel([from, to])
    a.datapath.sendKeepalive()
    a.datapath.sendIke(utf8('an IKE message'))
    addon.writePacket(a.machine, packet('inner'))
    await until(() => b.ike.length === 1 && b.received.length === 1)
    expect(b.ike).toEqual([`4500 ${toHex(utf8('an IKE message'))}`])
    expect(b.datapath.strays()).toEqual({ noSa: 0, noSelector: 0 })
  })

  test('RFC 7296 §2.23: from port 500, where all is IKE, to port 4500', async () => {
    const [a, b] = [endOf(from), endOf(to)]
    join(a.datapath, b.datapath, 500)
    a.datapath.sendIke(utf8('on 500'))
    await until(() => b.ike.length === 1)
    join(a.datapath, b.datapath, 4500)
    a.datapath.sendIke(utf8('on 4500'))
    await until(() => b.ike.length === 2)
    b.datapath.sendIke(utf8('back'))
    await until(() => a.ike.length === 1)
    expect(b.ike).toEqual([`500 ${toHex(utf8('on 500'))}`, `4500 ${toHex(utf8('on 4500'))}`])
    expect(a.ike).toEqual([`4500 ${toHex(utf8('back'))}`])
  })
})

test('RFC 7296 §2.8: a thousand rekeys under traffic lose nothing and reorder nothing', {
  timeout: 60_000,
}, async () => {
  const { a, b } = tunnel(['native', 'native'])
  const spiOf = (generation: number) => asEspSpi(0x10_0000 + generation)
  const alive: number[] = []
  let sent = 0
  for (let generation = 1; generation <= 1000; generation++) {
    // First the receiver, then the sender. RFC 7296 §2.8
    b.datapath.addInbound(saOf(spiOf(generation)), right)
    a.datapath.useOutbound('child', saOf(spiOf(generation)), left)
    alive.push(generation)
    for (let i = 0; i < 3; i++) {
      expect(addon.writePacket(a.machine, packet(`${sent}`))).toBe(true)
      sent++
    }
    // An old one goes when what it sent has arrived: the peer's Delete comes no sooner.
    while (alive.length > 1) {
      const [oldest] = alive as [number]
      const out = a.datapath.outbound(spiOf(oldest))!.packets
      if (b.datapath.inbound(spiOf(oldest))!.packets < out || sent - b.received.length > 100) break
      alive.shift()
      a.datapath.removeOutbound(spiOf(oldest))
      b.datapath.removeInbound(spiOf(oldest))
    }
    if (sent - b.received.length > 100) await until(() => sent - b.received.length < 20)
  }
  await until(() => b.received.length === sent)
  expect(b.received).toEqual(Array.from({ length: sent }, (_, i) => toHex(packet(`${i}`))))
  expect(b.datapath.strays()).toEqual({ noSa: 0, noSelector: 0 })
})

test('where the native engine cannot be had, the tunnel says so and takes the other', () => {
  const notes: string[] = []
  const broken = {
    ...addon,
    openEsp: () => {
      throw new Error('not on this processor')
    },
  }
  const datapath = openDatapath({
    addon: broken,
    registry,
    random: { bytes: (count) => new Uint8Array(count) },
    now: () => asMillis(0),
    onIke: () => {},
    onTunEnd: () => {},
    onSocketError: () => {},
    onNote: (text) => notes.push(text),
  })
  expect(datapath.kind).toBe('typescript')
  expect(notes).toEqual([expect.stringContaining('not on this processor')])
  datapath.close()
})

describe.each(ENGINES)('%s', (kind) => {
  const end = (limits: EspLimits = {}): End => endOf(kind, limits)

  test('the end of the device is told once, and the rest goes on', async () => {
    const { a, b } = tunnel([kind, kind])
    const [machine, tun] = addon.socketpair()
    a.datapath.attachTun(tun)
    addon.closeFd(machine)
    await until(() => a.said.length === 1)
    expect(a.said).toEqual(['tun EOF'])
    a.datapath.sendIke(utf8('still here'))
    await until(() => b.ike.length === 1)
    a.datapath.close()
    addon.closeFd(tun)
  })

  test('the other end of the path closing is told', async () => {
    const { a, b } = tunnel([kind, kind])
    b.datapath.close()
    await until(() => a.said.length > 0)
    expect(a.said[0]).toMatch(/^socket /)
  })

  test('RFC 7296 §2.8: limits are told while packets go on', async () => {
    const { a, b } = tunnel([kind, kind], { softPackets: 2, hardSequence: 4n })
    for (let i = 0; i < 6; i++) addon.writePacket(a.machine, packet(`${i}`))
    await until(() => b.received.length === 4 && a.said.length === 2 && b.said.length === 1)
    expect(a.said).toEqual([`${SPI.there} soft packets`, `${SPI.there} hard`])
    expect(b.said).toEqual([`${SPI.there} soft packets`])
  })

  test('before there is an SA or a path nothing leaves, and after close nothing throws', () => {
    const { datapath, tun } = end()
    datapath.attachTun(tun)
    datapath.sendIke(utf8('nowhere to go'))
    datapath.close()
    datapath.close()
    datapath.sendKeepalive()
    expect(datapath.traffic()).toBeDefined()
    expect(datapath.inbound(SPI.there)).toBeUndefined()
    datapath.removeOutbound(SPI.there)
  })
})
