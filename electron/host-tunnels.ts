import { serveControl } from '../core/manager/control-server.ts'
import { controlTarget } from '../core/manager/control-target.ts'
import { openManager } from '../core/manager/engine.ts'
import { faultOf } from '../core/manager/fault.ts'
import { HoldFile } from '../core/manager/hold-file.ts'
import type { Manager } from '../core/manager/manager.ts'
import { watchProfiles } from '../core/manager/watch-profiles.ts'
import type { Carrier, EngineOptions } from './carrier.ts'
import { secretSource } from './secret-source.ts'

/**
 * This process carries the tunnels, and serves terminals at `path`. `asked`: profiles whose secrets of earlier are not
 * used. Throws `VpnFailure` (`nativeMissing`, `systemRefused`, `alreadyRunning`).
 */
export async function hostTunnels(
  path: string,
  options: EngineOptions,
  asked: Set<string>,
): Promise<Carrier> {
  const { home, stores, changed, note } = options
  const { profiles, keychain, given, history } = await stores()
  const manager: Manager = openManager({
    profiles,
    secret: (profile, name) =>
      secretSource({ given, keychain, prompts: manager.prompts, asked, note })(profile, name),
    attended: () => true,
    keep: async (profile, name, secret, save) => {
      await given.set(profile.id, name, secret)
      if (!save) return
      await keychain
        .set(profile.id, name, secret)
        .catch((thrown) => note(`keychain: ${faultOf(thrown).kind}`))
    },
    onNote: note,
    history,
    holds: new HoldFile(home),
  })
  const target = controlTarget(manager, profiles, given)
  const control = await serveControl(path, target)
  const unsubscribe = manager.subscribe({ changed, note: (profile, text) => note(`${profile}: ${text}`) })
  const unwatch = await watchProfiles(home, () => void manager.refresh().catch(() => {}))
  await manager.refresh()
  return {
    manager,
    snapshot: async () => target.snapshot(),
    connect: (profile, secrets) => target.connect(profile, secrets),
    disconnect: (profile) => target.disconnect(profile),
    messages: (profile, after, most) => target.messages(profile, after, most),
    tree: (profile, number) => target.tree(profile, number),
    find: (profile, wanted, after) => target.find(profile, wanted, after),
    capture: (profile, keys) => target.capture(profile, keys),
    retry: async (profile) => target.retry(profile),
    letOut: (profile) => target.letOut(profile),
    close: async () => {
      manager.prompts.cancelAll()
      await manager.close()
      unwatch()
      unsubscribe()
      await control.close()
    },
  }
}
