import { expect, test } from 'vitest'
import { PromptDesk } from '../../core/cli/prompt-desk.ts'
import type { Terminal } from '../../core/cli/terminal.ts'
import { type PromptQuestion, Prompts } from '../../core/manager/prompts.ts'
import { revealed } from '../support/eap-pair.ts'

function desk(typed: (string | undefined)[]) {
  const said: string[] = []
  const terminal = {
    err: (line: string) => void said.push(line),
    askSecret: async (words: string) => {
      said.push(`? ${words}`)
      return typed.shift()
    },
  } as unknown as Terminal
  const prompts: Prompts = new Prompts(() => at.look())
  const at = new PromptDesk({ prompts }, terminal)
  return { said, prompts }
}
const question = (more: Partial<PromptQuestion>): PromptQuestion => ({
  profile: 'office',
  kind: 'code',
  fields: ['code'],
  canSave: false,
  identity: 'alice',
  message: undefined,
  untilMs: undefined,
  certificate: undefined,
  ...more,
})

test('a code, with the words of the gateway', async () => {
  const { said, prompts } = desk(['755224'])
  const answer = await prompts.ask(question({ message: 'Token, please' }))
  expect(revealed(answer?.values.get('code'))).toBe('755224')
  expect(said).toEqual(['The gateway says: Token, please', '? Code for alice'])
})

test('a password that was refused', async () => {
  const { said, prompts } = desk(['better'])
  const answer = await prompts.ask(question({ kind: 'secret', fields: ['password'], refused: true }))
  expect([revealed(answer?.values.get('password')), answer?.save]).toEqual(['better', false])
  expect(said[0]).toContain('not accepted')
})

test('a new password is typed twice, until both are the same', async () => {
  const { said, prompts } = desk(['one', 'other', 'two', 'two'])
  const answer = await prompts.ask(question({ kind: 'newPassword', fields: ['newPassword'] }))
  expect(revealed(answer?.values.get('newPassword'))).toBe('two')
  expect(said.filter((line) => line.startsWith('culvert:'))).toHaveLength(1)
})

test('who gives up cancels; two questions come one after the other', async () => {
  const { said, prompts } = desk([undefined, '2'])
  const [first, second] = await Promise.all([
    prompts.ask(question({})),
    prompts.ask(question({ profile: 'home', identity: undefined })),
  ])
  expect([first, revealed(second?.values.get('code'))]).toEqual([undefined, '2'])
  expect(said).toEqual(['? Code for alice', '? Code'])
})
