import { expect, test } from 'vitest'
import { Secret } from '../../core/bytes/secret.ts'
import type { EapQuestion } from '../../core/eap/method.ts'
import { VpnFailure } from '../../core/errors.ts'
import { askPerson } from '../../core/manager/gateway-questions.ts'
import { PendingSecrets } from '../../core/manager/pending-secrets.ts'
import { Prompts } from '../../core/manager/prompts.ts'
import { revealed } from '../support/eap-pair.ts'
import { profileOf } from './world.ts'

const office = profileOf('Office')

function ask(question: EapQuestion, attended = true) {
  const prompts = new Prompts(() => {})
  const pending = new PendingSecrets()
  const kept = async (): Promise<string[]> => {
    const names: string[] = []
    await pending.accepted(
      async (name, secret, save) =>
        void names.push(`${name} ${revealed(secret)}${save ? '' : ', for this run'}`),
    )
    return names
  }
  const needs = { attended: () => attended }
  return { prompts, kept, answer: askPerson(prompts, needs, pending, office, question, 2_000) }
}
const values = (name: string, text: string) => new Map([[name, Secret.fromText(text)]])

test('a one-time code: the words of the gateway, until when it waits, and nothing of it is kept', async () => {
  const { prompts, kept, answer } = ask({ what: 'code', user: 'alice', message: 'Your token, please' })
  expect(prompts.open).toEqual([
    {
      id: 1,
      profile: 'office',
      kind: 'code',
      fields: ['code'],
      canSave: false,
      refused: false,
      identity: 'alice',
      message: 'Your token, please',
      untilMs: 2_000,
      certificate: undefined,
    },
  ])
  prompts.answer(1, { values: values('code', '123456'), save: true })
  expect([revealed(await answer), await kept()]).toEqual(['123456', []])
})

test('a password that was refused is asked for again, and kept where the person says so, once it is taken', async () => {
  const { prompts, kept, answer } = ask({ what: 'password', user: 'alice', retry: true, message: 'Wrong' })
  expect(prompts.open[0]).toMatchObject({ kind: 'secret', fields: ['password'], refused: true })
  prompts.answer(1, { values: values('password', 'better'), save: true })
  expect([revealed(await answer), await kept()]).toEqual(['better', ['password better']])
})

test('a password typed for this run is used again in it, once it is taken', async () => {
  const { prompts, kept, answer } = ask({ what: 'password', user: 'alice', retry: true })
  prompts.answer(1, { values: values('password', 'better'), save: false })
  expect([revealed(await answer), await kept()]).toEqual(['better', ['password better, for this run']])
})

test('a password that has run out: the new one takes its place in the keychain', async () => {
  const { prompts, kept, answer } = ask({ what: 'newPassword', user: 'alice' })
  expect(prompts.open[0]).toMatchObject({ kind: 'newPassword', fields: ['newPassword'] })
  prompts.answer(1, { values: values('newPassword', 'fresh'), save: true })
  expect([revealed(await answer), await kept()]).toEqual(['fresh', ['password fresh']])
})

test('who cancels gives no answer; where nobody is, none is asked', async () => {
  const { prompts, answer } = ask({ what: 'code', user: 'alice', message: '' })
  prompts.cancel(1)
  expect(await answer).toBeUndefined()
  const alone = ask({ what: 'code', user: 'alice', message: '' }, false)
  await expect(alone.answer).rejects.toThrow(VpnFailure)
  expect(alone.prompts.open).toEqual([])
})
