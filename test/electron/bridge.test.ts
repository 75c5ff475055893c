import * as v from 'valibot'
import { describe, expect, test } from 'vitest'
import { channelOf, contract, rows } from '../../core/contract/contract.ts'
import { VpnFailure } from '../../core/errors.ts'
import { answer, serveContract } from '../../electron/bridge.ts'

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
    { profile: 'a', secrets: { psk: 'x'.repeat(4097) } },
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

describe('the contract', () => {
  test('every call is served on a channel of its own', async () => {
    const served = new Map<string, (event: unknown, argument: unknown) => unknown>()
    const ipc = { handle: (channel: string, handler: never) => served.set(channel, handler) }
    const handlers = {
      app: { snapshot: () => ({ revision: 1, profiles: [], tunnels: [], prompts: [] }) },
      session: { connect: () => undefined, disconnect: () => 0 },
    }
    serveContract(ipc as never, handlers, () => false)
    const calls = rows().filter(({ row }) => row.kind === 'call')
    expect([...served.keys()]).toEqual(calls.map(({ area, name }) => channelOf(area, name)))
    // A page that is not ours gets a fault, whatever it asks.
    for (const handler of served.values()) expect(await handler({}, undefined)).toMatchObject({ ok: false })
  })

  test('secrets travel inward only: no argument but that of connect names them', () => {
    for (const { area, name, row } of rows()) {
      if (row.kind !== 'call' || (area === 'session' && name === 'connect')) continue
      expect(v.safeParse(row.argument, { profile: 'a', secrets: { psk: 'x' } }).success, name).toBe(false)
    }
  })
})
