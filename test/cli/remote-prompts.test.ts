import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { PromptDesk } from '../../core/cli/prompt-desk.ts'
import { RemotePrompts } from '../../core/cli/remote-prompts.ts'
import type { Terminal } from '../../core/cli/terminal.ts'
import type { AppSnapshot } from '../../core/contract/snapshot.ts'
import { Attending } from '../../core/manager/attending.ts'
import { ControlClient } from '../../core/manager/control-client.ts'
import { type ControlTarget, controlPath } from '../../core/manager/control-protocol.ts'
import { type ControlServer, serveControl } from '../../core/manager/control-server.ts'
import { type PromptQuestion, Prompts } from '../../core/manager/prompts.ts'
import { revealed } from '../support/eap-pair.ts'

// A Culvert that runs, with its own terminal, and another terminal that has asked it to connect.

const question: PromptQuestion = {
  ...{ profile: 'office', kind: 'code', fields: ['code'], canSave: false, identity: 'alice' },
  ...{ message: undefined, untilMs: undefined, certificate: undefined },
}
const terminalOf = (typed: readonly (string | undefined)[]) => {
  const [asked, left] = [[] as string[], [...typed]]
  const askSecret = async (words: string) => {
    asked.push(words)
    return left.shift()
  }
  return { asked, terminal: { err: () => {}, askSecret } as unknown as Terminal }
}

let home = ''
let server: ControlServer | undefined
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'culvert-prompts-'))
})
afterEach(async () => {
  await server?.close()
  server = undefined
  await rm(home, { recursive: true })
})

async function running(
  typedThere: readonly (string | undefined)[],
  typedHere: readonly (string | undefined)[],
) {
  const [there, here] = [terminalOf(typedThere), terminalOf(typedHere)]
  const attending = new Attending()
  const listeners = new Set<{ changed(): void }>()
  const prompts: Prompts = new Prompts(() => {
    for (const listener of listeners) listener.changed()
    desk.look()
  })
  const desk = new PromptDesk({ prompts }, here.terminal, ({ profile }) => !attending.has(profile))
  const snapshot = (): AppSnapshot => ({ revision: 1, profiles: [], tunnels: [], prompts: prompts.open })
  const target = {
    snapshot,
    subscribe: (listener: { changed(): void }) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    attend: (profile: string) => attending.enter(profile),
    answer: (id: number, values: Parameters<ControlTarget['answer']>[1]) =>
      prompts.answer(id, { values, save: false }),
    cancel: (id: number) => prompts.cancel(id),
    connect: async () => {},
  } as unknown as ControlTarget
  server = await serveControl(controlPath(home), target)
  const client = await ControlClient.open(controlPath(home))
  if (client === undefined) throw new Error('nobody serves the socket')
  const remote = new RemotePrompts(client, there.terminal, 'office')
  await client.subscribe((changed) => remote.look(changed))
  await client.connect('office', {}, true)
  return { there, here, prompts, client, attending }
}

test('what the gateway asks is asked at the terminal that wanted the connection, and at no other', async () => {
  const { there, here, prompts, client } = await running(['755224'], ['never'])
  const answer = await prompts.ask(question)
  expect(revealed(answer?.values.get('code'))).toBe('755224')
  expect([there.asked, here.asked]).toEqual([['Code for alice'], []])
  client.close()
})

test('another profile is not its business', async () => {
  const { there, here, prompts, client } = await running(['never'], ['1234'])
  const answer = await prompts.ask({ ...question, profile: 'home' })
  expect(revealed(answer?.values.get('code'))).toBe('1234')
  expect([there.asked, here.asked]).toEqual([[], ['Code for alice']])
  client.close()
})

test('who gives up there cancels', async () => {
  const { prompts, client } = await running([undefined], [])
  expect(await prompts.ask(question)).toBeUndefined()
  client.close()
})

test('two at one profile: it is attended until both have gone', () => {
  const attending = new Attending()
  const [first, second] = [attending.enter('office'), attending.enter('office')]
  first()
  first()
  expect([attending.has('office'), attending.has('home')]).toEqual([true, false])
  second()
  expect(attending.has('office')).toBe(false)
})
