import { expect, test } from 'vitest'
import { Secret } from '../../core/bytes/secret.ts'
import type { VpnError } from '../../core/errors.ts'
import type { OurEap } from '../../core/ike/config.ts'
import type { ManagerDependencies } from '../../core/manager/dependencies.ts'
import { revealed } from '../support/eap-pair.ts'
import { profileOf, World } from './world.ts'

const refused: VpnError = { kind: 'authFailed', who: 'us', method: 'MD5-Challenge' }

function world(more: Partial<ManagerDependencies> = { attended: () => true }) {
  const made = new World(more)
  made.profiles = [profileOf('Office', { auth: { method: 'eap', user: 'alice', methods: ['md5'] } })]
  return made
}
const passwordOf = (made: World): string | undefined => {
  const { authentication } = made.connection.config
  return authentication.method === 'each'
    ? revealed((authentication.ours as OurEap).peer.password)
    : undefined
}

test('a password that was refused is asked for once, and tried in the place of the saved one', async () => {
  const made = world()
  const connected = made.manager.connect('Office')
  await made.settle()
  expect(passwordOf(made)).toBe('key')
  made.connection.end(refused)
  await made.settle()
  const [prompt] = made.manager.snapshot().prompts
  expect(prompt).toMatchObject({ kind: 'secret', fields: ['password'], identity: 'alice', refused: true })
  made.manager.prompts.answer(prompt!.id, {
    values: new Map([['password', Secret.fromText('better')]]),
    save: false,
  })
  await made.settle()
  expect([made.connections.length, passwordOf(made)]).toEqual([2, 'better'])
  made.connection.establish()
  await expect(connected).resolves.toBe('office')
})

test('once: the second refusal is the end', async () => {
  const made = world()
  const connected = made.manager.connect('Office')
  const failed = expect(connected).rejects.toMatchObject({ error: refused })
  await made.settle()
  made.connection.end(refused)
  await made.settle()
  const { id } = made.manager.snapshot().prompts[0]!
  made.manager.prompts.answer(id, { values: new Map([['password', Secret.fromText('worse')]]), save: false })
  await made.settle()
  made.connection.end(refused)
  await made.settle()
  expect(made.manager.snapshot().prompts).toEqual([])
  await failed
})

test.each([
  ['nobody is there', {}],
  ['the person does not want to', { attended: () => true }],
])('%s: the refusal is the reason', async (_, more) => {
  const made = world(more)
  const connected = made.manager.connect('Office')
  const failed = expect(connected).rejects.toMatchObject({ error: refused })
  await made.settle()
  made.connection.end(refused)
  await made.settle()
  made.manager.prompts.cancelAll()
  await failed
  expect(made.connections).toHaveLength(1)
})

test('a disconnect meanwhile ends it', async () => {
  const made = world()
  const connected = made.manager.connect('Office')
  const failed = expect(connected).rejects.toMatchObject({ error: { kind: 'cancelled' } })
  await made.settle()
  made.connection.end(refused)
  await made.settle()
  await made.manager.disconnect('Office')
  await failed
  expect([made.state(), made.connections.length]).toEqual(['idle', 1])
})

test('nobody answers: after two minutes the refusal is the reason, and nothing is asked any more', async () => {
  const made = world()
  const failed = expect(made.manager.connect('Office')).rejects.toMatchObject({ error: refused })
  await made.settle()
  made.connection.end(refused)
  await made.settle()
  expect(made.manager.snapshot().prompts[0]?.untilMs).toBe(made.now + 120_000)
  await made.pass(119_000)
  expect(made.manager.snapshot().prompts).toHaveLength(1)
  await made.pass(1_000)
  expect(made.manager.snapshot().prompts).toEqual([])
  await failed
})

test('a connection that ends while its gateway waits for an answer takes the question along', async () => {
  const made = world()
  const silent: VpnError = { kind: 'notAnswered', what: 'code', seconds: 120 }
  const failed = expect(made.manager.connect('Office')).rejects.toMatchObject({ error: silent })
  await made.settle()
  const asked = made.connection.listener.ask({ what: 'code', user: 'alice', message: 'Code?' }, 0)
  await made.settle()
  expect(made.manager.snapshot().prompts).toHaveLength(1)
  made.connection.end(silent)
  expect(await asked).toBeUndefined()
  await failed
  expect(made.manager.snapshot().prompts).toEqual([])
})

test('XAuth: the name of XAuth is asked for its password, not the group', async () => {
  const made = world()
  const change = { ike: { version: 1 }, localId: 'keyid:group', xauth: { user: 'bob' } }
  made.profiles = [profileOf('Office', change)]
  const failed = expect(made.manager.connect('Office')).rejects.toMatchObject({ error: refused })
  await made.settle()
  made.connection.end(refused)
  await made.settle()
  expect(made.manager.snapshot().prompts[0]).toMatchObject({ identity: 'bob', refused: true })
  made.manager.prompts.cancelAll()
  await failed
})

test('a gateway that has asked by itself is not asked for after it', async () => {
  const made = world()
  const connected = made.manager.connect('Office')
  const failed = expect(connected).rejects.toMatchObject({ error: refused })
  await made.settle()
  const asked = made.connection.listener.ask({ what: 'password', user: 'alice', retry: true }, 0)
  made.manager.prompts.cancelAll()
  expect(await asked).toBeUndefined()
  made.connection.end(refused)
  await made.settle()
  expect(made.manager.snapshot().prompts).toEqual([])
  await failed
})

test('what is typed to be kept is kept when the gateway takes it, and not before', async () => {
  const kept: string[] = []
  const keep: ManagerDependencies['keep'] = async (_, name, secret) =>
    void kept.push(`${name} ${revealed(secret)}`)
  const made = world({ attended: () => true, keep })
  const answer = async (text: string) => {
    await made.settle()
    made.connection.end(refused)
    await made.settle()
    const { id } = made.manager.snapshot().prompts[0]!
    made.manager.prompts.answer(id, { values: new Map([['password', Secret.fromText(text)]]), save: true })
    await made.settle()
  }
  const first = expect(made.manager.connect('Office')).rejects.toMatchObject({ error: refused })
  await answer('mistyped')
  made.connection.end(refused)
  await first
  expect(kept).toEqual([])
  const second = made.manager.connect('Office')
  await answer('better')
  expect(kept).toEqual([])
  made.connection.establish()
  await second
  expect(kept).toEqual(['password better'])
})
