import * as v from 'valibot'
import { describe, expect, test } from 'vitest'
import { channelOf, contract, rows } from '../../core/contract/contract.ts'
import { VpnFailure } from '../../core/errors.ts'
import { answer, serveContract } from '../../electron/bridge.ts'
import { later } from '../../electron/later.ts'

const connect = contract.session.connect

describe('a call from the window', () => {
  test('its argument is parsed before anybody uses it', async () => {
    const seen: unknown[] = []
    const good = { profile: 'office', secrets: { psk: 'k' } }
    expect(await answer(connect, (argument) => seen.push(argument), good)).toEqual({ ok: true, value: 1 })
    expect(seen).toEqual([good])
  })

  test.each([
    undefined,
    null,
    'office',
    [],
    {},
    { profile: '' },
    { profile: 'x'.repeat(256) },
    { profile: 'a', more: true },
    { profile: 'a', secrets: { psk: 1 } },
    { profile: 'a', secrets: { 'not a name': 'x' } },
    { profile: 'a', secrets: { psk: 'x'.repeat(32_769) } },
    { profile: 'a', secrets: Object.fromEntries(Array.from({ length: 9 }, (_, at) => [`s${at}`, 'x'])) },
  ])('rubbish is refused as a value, and nobody is called (%#)', async (argument) => {
    const outcome = await answer(connect, () => expect.unreachable(), argument)
    expect(outcome).toMatchObject({ ok: false, error: { kind: 'internal' } })
  })

  test('a refusal names the field and never the content', async () => {
    const outcome = await answer(connect, () => 0, { profile: 'a', secrets: { psk: ['hunter2'] } })
    expect(JSON.stringify(outcome)).toContain('secrets.psk')
    expect(JSON.stringify(outcome)).not.toContain('hunter2')
  })

  test('what a handler throws crosses as kind and sentences', async () => {
    const failing = (): never => {
      throw new VpnFailure({ kind: 'noAddress' })
    }
    expect(await answer(connect, failing, { profile: 'a' })).toMatchObject({
      ok: false,
      error: { kind: 'noAddress', title: expect.any(String), tryThis: expect.any(Array) },
    })
    const broken = async (): Promise<never> => {
      throw new TypeError('x is undefined')
    }
    expect(await answer(connect, broken, { profile: 'a' })).toMatchObject({ error: { kind: 'internal' } })
  })
})

test('answers to the questions of files have keys with names of connections in them', async () => {
  const answers = { 'Büro 港.localId': 'alice', 'loose.passphrase': 'x', passphrase: 'y' }
  const outcome = await answer(contract.files.again, (argument) => argument, { token: 1, answers })
  expect(outcome).toEqual({ ok: true, value: { token: 1, answers } })
  for (const rubbish of [{ '': 'x' }, { a: 7 }, { a: 'x'.repeat(32_769) }, { ['k'.repeat(1025)]: 'x' }]) {
    const refused = await answer(contract.files.again, () => 0, { token: 1, answers: rubbish })
    expect(refused).toMatchObject({ ok: false, error: { kind: 'internal' } })
  }
})

describe('the contract', () => {
  test('every call is served on a channel of its own', async () => {
    const served = new Map<string, (event: unknown, argument: unknown) => unknown>()
    const ipc = { handle: (channel: string, handler: never) => served.set(channel, handler) }
    const anything = new Proxy({}, { get: () => () => undefined })
    const areas = new Proxy({}, { get: () => () => anything })
    serveContract(ipc as never, areas as never, () => false)
    const calls = rows().filter(({ row }) => row.kind === 'call')
    expect([...served.keys()]).toEqual(calls.map(({ area, name }) => channelOf(area, name)))
    // A page that is not ours gets a fault, whatever it asks.
    for (const handler of served.values()) expect(await handler({}, undefined)).toMatchObject({ ok: false })
  })

  test('an area that cannot be loaded is a fault in words, and loaded when it is asked for again', async () => {
    const served = new Map<string, (event: unknown, argument: unknown) => unknown>()
    const ipc = { handle: (channel: string, handler: never) => served.set(channel, handler) }
    let there = false
    const checks = later(async () => {
      if (!there) throw new Error('Cannot find module check-desk.mjs')
      return { cancel: () => 'done' }
    })
    const areas = new Proxy({}, { get: () => checks })
    serveContract(ipc as never, areas as never, () => true)
    const cancel = (): unknown => served.get(channelOf('checks', 'cancel'))?.({}, undefined)
    expect(await cancel()).toMatchObject({
      ok: false,
      error: { kind: 'internal', detail: expect.stringContaining('part of Culvert could not be loaded') },
    })
    there = true
    expect(await cancel()).toEqual({ ok: true, value: 'done' })
  })

  test('secrets travel inward only, and only where a person typed them', () => {
    const taking = rows()
      .filter(({ row }) => row.kind === 'call')
      .filter(({ row }) => {
        const { argument } = row as Extract<typeof row, { kind: 'call' }>
        const rest = [{}, { profile: 'a' }, { document: {} }, { id: 1 }, { token: 1 }]
        const shapes = rest.flatMap((one) =>
          ['secrets', 'values', 'answers'].map((field) => ({ ...one, [field]: { psk: 'x' } })),
        )
        return shapes.some((shape) => v.safeParse(argument, shape).success)
      })
      .map(({ area, name }) => `${area}.${name}`)
    expect(taking).toEqual(['session.connect', 'prompts.answer', 'profiles.save', 'files.again'])
  })

  test('a document goes in circles, is no JSON or has no end: refused', async () => {
    const circle: Record<string, unknown> = {}
    circle.circle = circle
    const check = contract.profiles.check
    for (const document of [circle, { big: 1n }, { long: 'x'.repeat(2 << 20) }, [], 'text', null]) {
      const outcome = await answer(check as never, () => expect.unreachable(), { document })
      expect(outcome).toMatchObject({ ok: false, error: { kind: 'internal' } })
    }
  })
})
