import type { Secret } from '../bytes/secret.ts'
import { messageTree } from '../capture/explain.ts'
import { findMessages } from '../capture/find.ts'
import type { ProfileStore } from '../profile/store.ts'
import type { MemorySecrets } from '../secrets/memory.ts'
import { Attending } from './attending.ts'
import { captureOf } from './capture.ts'
import type { ControlTarget } from './control-protocol.ts'
import type { Manager } from './manager.ts'

/** A manager as the control socket serves it. Secrets that come along stay in memory for this run. */
export function controlTarget(
  manager: Manager,
  profiles: Pick<ProfileStore, 'find'>,
  given: MemorySecrets,
  attending = new Attending(),
): ControlTarget {
  return {
    snapshot: () => manager.snapshot(),
    subscribe: (listener) => manager.subscribe(listener),
    connect: async (name, secrets) => {
      const profile = await profiles.find(name)
      await keep(secrets, profile.id, given)
      await manager.connect(profile.id)
    },
    attend: (profile) => attending.enter(profile),
    answer: (prompt, values) => manager.prompts.answer(prompt, { values, save: false }),
    cancel: (prompt) => manager.prompts.cancel(prompt),
    disconnect: (name) => manager.disconnect(name),
    messages: async (name, after = 0, most) =>
      manager.messages((await profiles.find(name)).id).lines(after, most),
    tree: async (name, number) => messageTree(manager.messages((await profiles.find(name)).id), number),
    find: async (name, wanted, after) =>
      findMessages(manager.messages((await profiles.find(name)).id), wanted, after),
    capture: async (name, keys) => {
      const { id } = await profiles.find(name)
      return captureOf(id, manager.messages(id), keys ? manager.keys(id) : undefined)
    },
    retry: (name) => manager.retry(name),
    letOut: (name) => manager.letOut(name),
  }
}

/** Hands secrets over to `given` and closes them. */
export async function keep(
  secrets: ReadonlyMap<string, Secret>,
  profile: string,
  given: MemorySecrets,
): Promise<void> {
  for (const [name, secret] of secrets) {
    await given.set(profile, name, secret)
    secret.close()
  }
}
