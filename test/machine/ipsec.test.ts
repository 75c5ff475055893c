import { randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type EndOptions, INNER, OUTER, OUTER6, TunnelEnd, Wire } from '../support/tunnel/pair.ts'
import { digestOf, streamBetween } from '../support/tunnel/stream.ts'

// AH, and transport mode between two computers themselves, on real devices and raw sockets.

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

const MEGABYTES = 1
const PROTECTIONS = [
  'esp transport',
  'ah transport',
  'ah tunnel',
  'ah+esp transport',
  'ah+esp tunnel',
] as const

describe.each([4, 6] as const)('over IPv%i', (outer) => {
  test.each(PROTECTIONS)('RFC 4301 §3.2: %s: a stream arrives as sent', async (protection) => {
    const options: EndOptions = {
      engine: 'typescript',
      suite: 'aes128gcm',
      raw: true,
      outer,
      protection,
      mtu: 1360,
    }
    const a = await TunnelEnd.open(wire, programs, 'a', options)
    open.push(a)
    const b = await TunnelEnd.open(wire, programs, 'b', options)
    open.push(b)
    const ends = outer === 4 ? OUTER : OUTER6
    const to = protection.endsWith('transport') ? ends.b : INNER.b
    const seed = randomBytes(8).toString('hex')
    const digest = await streamBetween(wire.namespace('a'), wire.namespace('b'), to, MEGABYTES, seed)
    expect(digest).toBe(digestOf(MEGABYTES, seed))
    const { inbound, notes } = await b.report()
    expect(inbound).toMatchObject({ replayed: 0, failedIcv: 0, malformed: 0, selectorMismatch: 0 })
    // It did not go past the tunnel.
    expect(inbound.bytes).toBeGreaterThan(MEGABYTES * 1_000_000)
    expect(notes).toEqual([])
  })
})

test('RFC 3948 §2.1: ESP in transport mode goes in UDP too', async () => {
  const options: EndOptions = { engine: 'typescript', suite: 'aes128gcm', protection: 'esp transport' }
  for (const side of ['a', 'b'] as const) open.push(await TunnelEnd.open(wire, programs, side, options))
  const seed = randomBytes(8).toString('hex')
  const digest = await streamBetween(wire.namespace('a'), wire.namespace('b'), OUTER.b, MEGABYTES, seed)
  expect(digest).toBe(digestOf(MEGABYTES, seed))
  expect((await open[1]!.report()).inbound.bytes).toBeGreaterThan(MEGABYTES * 1_000_000)
})
