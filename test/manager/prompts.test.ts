import { expect, test } from 'vitest'
import { Secret } from '../../core/bytes/secret.ts'
import { type PromptQuestion, Prompts } from '../../core/manager/prompts.ts'
import { World } from './world.ts'

const question = (profile: string): PromptQuestion => ({
  profile,
  kind: 'code',
  fields: ['code'],
  canSave: false,
  identity: 'alice',
  message: 'Enter your code',
  untilMs: undefined,
  certificate: undefined,
})
const textOf = (secret: Secret | undefined) => secret?.use((bytes) => Buffer.from(bytes).toString())

test('a question is seen in the snapshot until it is answered, and the answer reaches who asked', async () => {
  let changes = 0
  const prompts = new Prompts(() => {
    changes += 1
  })
  const asked = prompts.ask(question('office'))
  expect(prompts.open).toMatchObject([{ id: 1, profile: 'office', message: 'Enter your code' }])
  expect(prompts.answer(1, { values: new Map([['code', Secret.fromText('42')]]), save: false })).toBe(true)
  const answer = await asked
  expect(textOf(answer?.values.get('code'))).toBe('42')
  expect(prompts.open).toEqual([])
  expect(changes).toBe(2)
})

test('a cancelled question is answered with nothing; an answer nobody waits for is wiped', async () => {
  const prompts = new Prompts(() => {})
  const asked = prompts.ask(question('office'))
  expect(prompts.cancel(1)).toBe(true)
  expect(await asked).toBeUndefined()
  const late = Secret.fromText('42')
  expect(prompts.answer(1, { values: new Map([['code', late]]), save: false })).toBe(false)
  expect(() => late.use((bytes) => bytes.length)).toThrow()
})

test('disconnecting a profile takes its questions back, and no others', async () => {
  const world = new World()
  const first = world.manager.prompts.ask(question('office'))
  void world.manager.prompts.ask(question('home'))
  await world.up()
  expect(world.manager.snapshot().prompts).toHaveLength(2)
  await world.manager.disconnect('Office')
  expect(await first).toBeUndefined()
  expect(world.manager.snapshot().prompts).toMatchObject([{ profile: 'home' }])
})
