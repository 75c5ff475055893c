import type { BrowserWindow } from 'electron'
import type { Handlers } from '../../core/contract/contract.ts'
import type { ProfileStore } from '../../core/profile/store.ts'
import { type CredentialDesk, readRevocations, readTrust } from '../credential-desk.ts'
import { saveText } from '../dialogs.ts'
import type { ProbeDesk } from '../probe-desk.ts'
import type { ProfileDesk } from '../profile-desk.ts'
import { WORDS } from '../words.ts'
import type { GivenSecrets } from './given-secrets.ts'

/** The editor. `window`: the one its dialogs belong to. */
export const profileHandlers = (
  desk: ProfileDesk,
  secrets: GivenSecrets,
  probes: ProbeDesk,
  window: () => BrowserWindow,
): Handlers['profiles'] => ({
  probe: ({ host }) => probes.probe(host.trim()),
  stopProbe: () => {
    probes.cancel()
    return undefined
  },
  blank: () => desk.blank(),
  demo: () => desk.demo(),
  read: ({ profile }) => desk.read(profile),
  check: ({ document }) => desk.check(document),
  save: async ({ document, secrets: texts, key, fresh }) => {
    const outcome = await desk.save(document, secrets.taken(texts, key), fresh ?? false)
    // While something keeps the profile from being saved, its key waits on.
    if (outcome.issues.length === 0) secrets.used(key)
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

/** Certificates and keys from files. */
export const credentialHandlers = (
  credentials: CredentialDesk,
  profiles: Pick<ProfileStore, 'find'>,
): Handlers['credentials'] => ({
  read: async ({ profile, ...question }) =>
    credentials.read({
      ...question,
      profile: profile === undefined ? undefined : await profiles.find(profile),
    }),
  forget: ({ key }) => {
    credentials.forget(key)
    return undefined
  },
  authorities: ({ files, passphrase }) => readTrust(files, passphrase),
  revocations: ({ files }) => readRevocations(files),
})
