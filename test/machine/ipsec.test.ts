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
/** Both engines carry one protocol at a time; both together the TypeScript one. */
const PROTECTIONS = [
  ['native', 'esp transport'],
  ['typescript', 'esp transport'],
  ['native', 'ah transport'],
  ['typescript', 'ah transport'],
  ['native', 'ah tunnel'],
  ['typescript', 'ah tunnel'],
  ['typescript', 'ah+esp transport'],
  ['typescript', 'ah+esp tunnel'],
] as const

describe.each([4, 6] as const)('over IPv%i', (outer) => {
  test.each(PROTECTIONS)('RFC 4301 §3.2: %s, %s: a stream arrives as sent', async (engine, protection) => {
    const options: EndOptions = {
      engine,
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

test.each([
  ['native', 'native', 4],
  ['native', 'typescript', 4],
  ['typescript', 'native', 6],
] as const)(
  'RFC 3948 §2.1: ESP in transport mode goes in UDP too, %s to %s over IPv%i',
  async (from, to, outer) => {
    const options = { suite: 'aes128gcm', protection: 'esp transport', outer } as const
    open.push(await TunnelEnd.open(wire, programs, 'a', { ...options, engine: from }))
    open.push(await TunnelEnd.open(wire, programs, 'b', { ...options, engine: to }))
    const seed = randomBytes(8).toString('hex')
    const ends = outer === 4 ? OUTER : OUTER6
    const digest = await streamBetween(wire.namespace('a'), wire.namespace('b'), ends.b, MEGABYTES, seed)
    expect(digest).toBe(digestOf(MEGABYTES, seed))
    expect((await open[1]!.report()).inbound.bytes).toBeGreaterThan(MEGABYTES * 1_000_000)
  },
)
