import type { BrowserWindow } from 'electron'
import { writeCapture } from '../../core/capture/write.ts'
import type { Handlers } from '../../core/contract/contract.ts'
import { askForKeys, chooseFolder } from '../dialogs.ts'
import type { Engine } from '../engine.ts'
import { WORDS } from '../words.ts'
import type { GivenSecrets } from './given-secrets.ts'

/** Messages that cross to the page at once. */
const MOST_MESSAGES = 2_000

/** What is done with connections. */
export const sessionHandlers = (
  engine: Engine,
  secrets: GivenSecrets,
  window: () => BrowserWindow,
): Handlers['session'] => ({
  connect: async ({ profile, secrets: texts, key, ask }) => {
    const given = await secrets.taken(texts, key)
    const known = await secrets.known(profile)
    await secrets.used(key)
    await engine.connect(profile, new Map([...known, ...given]), ask)
    return undefined
  },
  disconnect: ({ profile }) => engine.disconnect(profile),
  retry: ({ profile }) => engine.retry(profile),
  letOut: async ({ profile }) => (await engine.letOut(profile)).length > 0,
  tryOut: ({ profile }) => engine.tryOut(profile),
  messages: ({ profile, after }) => engine.messages(profile, after, MOST_MESSAGES),
  tree: ({ profile, number }) => engine.tree(profile, number),
  find: ({ profile, wanted, after }) => engine.find(profile, wanted, after),
  capture: async ({ profile }) => {
    const keys = await askForKeys(window())
    const folder = keys === undefined ? undefined : await chooseFolder(window(), WORDS.saveMessages)
    if (keys === undefined || folder === undefined) return []
    return writeCapture(folder, profile, await engine.capture(profile, keys))
  },
})

/** Questions in mid-negotiation. */
export const promptHandlers = (engine: Engine, secrets: GivenSecrets): Handlers['prompts'] => ({
  answer: async ({ id, values, key, save }) => {
    const answer = { values: await secrets.taken(values, key), save: save ?? false }
    await secrets.used(key)
    return engine.answerPrompt(id, answer)
  },
  cancel: ({ id }) => engine.answerPrompt(id, undefined),
})
