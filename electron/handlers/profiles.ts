import type { BrowserWindow } from 'electron'
import type { Handlers } from '../../core/contract/contract.ts'
import { saveText } from '../dialogs.ts'
import type { Later } from '../later.ts'
import type { ProbeDesk } from '../probe-desk.ts'
import type { ProfileDesk } from '../profile-desk.ts'
import { WORDS } from '../words.ts'
import type { GivenSecrets } from './given-secrets.ts'

/** The editor. `window`: the one its dialogs belong to. */
export const profileHandlers = (
  desk: ProfileDesk,
  secrets: GivenSecrets,
  probes: Later<ProbeDesk>,
  window: () => BrowserWindow,
): Handlers['profiles'] => ({
  probe: async ({ host }) => (await probes()).probe(host.trim()),
  stopProbe: async () => {
    ;(await probes.loaded())?.cancel()
    return undefined
  },
  blank: () => desk.blank(),
  demo: () => desk.demo(),
  read: ({ profile }) => desk.read(profile),
  check: ({ document }) => desk.check(document),
  save: async ({ document, secrets: texts, key, fresh }) => {
    const outcome = await desk.save(document, await secrets.taken(texts, key), fresh ?? false)
    // While something keeps the profile from being saved, its key waits on.
    if (outcome.issues.length === 0) await secrets.used(key)
    return outcome
  },
  remove: async ({ profile }) => {
    await desk.remove(profile)
    return undefined
  },
  export: async ({ profile }) => {
    const document = await desk.read(profile)
    const text = `${JSON.stringify(document, undefined, 2)}\n`
    return saveText(window(), WORDS.saveProfile, `${document.id}.culvert.json`, text)
  },
  secrets: ({ profile }) => desk.secrets(profile),
  forget: ({ profile, name }) => desk.forget(profile, name),
  history: ({ profile }) => desk.history(profile),
})
