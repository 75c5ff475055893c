import { isAlive } from '../contract/snapshot.ts'
import type { VpnError } from '../errors.ts'
import { Attending } from '../manager/attending.ts'
import { controlPath } from '../manager/control-protocol.ts'
import { type ControlServer, serveControl } from '../manager/control-server.ts'
import { controlTarget } from '../manager/control-target.ts'
import { systemClock } from '../manager/dependencies.ts'
import type { Manager } from '../manager/manager.ts'
import { kernelNotice, NetworkWatch, ownAddresses } from '../manager/network-watch.ts'
import { watchProfiles } from '../manager/watch-profiles.ts'
import { MemorySecrets } from '../secrets/memory.ts'
import type { CliContext } from './context.ts'
import { PromptDesk } from './prompt-desk.ts'
import { Reporter } from './reporter.ts'
import { secretSource } from './secret-source.ts'

export interface HostOptions {
  readonly json: boolean
  /** Tell what the sessions note as well: dropped messages, refused rekeys. */
  readonly verbose: boolean
  /** Say each step as it happens. */
  readonly narrate: boolean
}

/** The engine in this process, and its control socket for this user's other processes. */
export interface Host {
  readonly manager: Manager
  /** Secrets of this run. */
  readonly given: MemorySecrets
  /** Somebody wants us gone: all tunnels are being ended. */
  readonly stopping: boolean
  /** Resolves when no tunnel runs any more. */
  allEnded(): Promise<void>
  /** Resolves when somebody wants us gone. */
  stopped(): Promise<void>
  /** Ends tunnels, helper and socket, and wipes the secrets. */
  close(): Promise<void>
}

/** Throws `VpnFailure` (`alreadyRunning`) when another process hosts the tunnels, `nativeMissing`. */
export async function openHost(context: CliContext, options: HostOptions): Promise<Host> {
  const { terminal } = context
  const given = new MemorySecrets()
  const reporter = new Reporter(terminal, options.json)
  const attending = new Attending()
  const manager = context.openManager(
    secretSource(given, context.keychain, terminal),
    (note) => reporter.note(`culvert: ${note}`),
    (profile) => terminal.interactive || attending.has(profile) || context.hasStarter(),
  )
  // Who asked for the connection at another terminal is asked there.
  const desk = new PromptDesk(manager, terminal, ({ profile }) => !attending.has(profile))
  let control: ControlServer
  try {
    const target = controlTarget(manager, context.profiles, given, attending)
    control = await serveControl(controlPath(context.home), target)
  } catch (thrown) {
    await manager.close()
    throw thrown
  }
  const network = new NetworkWatch({
    addresses: ownAddresses,
    changed: (addresses) => manager.networkChanged(addresses),
    notice: kernelNotice,
    clock: systemClock,
  })
  const unsubscribe = manager.subscribe({
    changed: () => {
      network.need(manager.snapshot().tunnels.some(({ state }) => state === 'connected'))
      if (terminal.interactive) desk.look()
      if (options.narrate) reporter.show(manager.snapshot())
    },
    note: (profile, text) => {
      if (options.verbose) reporter.note(`${profile}: ${text}`)
    },
  })
  // Those who follow over the socket see the profiles as they are, not as they were.
  const refresh = (): Promise<void> => manager.refresh().catch(() => {})
  const unwatch = await watchProfiles(context.home, () => void refresh())
  await refresh()
  let stopping = false
  let tellStopped = (): void => {}
  const stopped = new Promise<void>((resolve) => {
    tellStopped = resolve
  })
  const unlisten = context.onStop(() => {
    stopping = true
    tellStopped()
    void manager.close()
  })
  return {
    manager,
    given,
    get stopping() {
      return stopping
    },
    allEnded: () => allEnded(manager),
    stopped: () => stopped,
    close: async () => {
      await manager.close()
      unwatch()
      network.need(false)
      unsubscribe()
      unlisten()
      await control.close()
      given.close()
    },
  }
}

function allEnded(manager: Manager): Promise<void> {
  const ended = (): boolean => !manager.snapshot().tunnels.some(isAlive)
  return new Promise((resolve) => {
    if (ended()) return resolve()
    const unsubscribe = manager.subscribe({
      changed: () => {
        if (!ended()) return
        unsubscribe()
        resolve()
      },
    })
  })
}

/** Ends with this fault unless the person wanted the end anyway. */
export const faultAtEnd = (host: Host, error: VpnError | undefined): VpnError | undefined =>
  host.stopping && error?.kind === 'cancelled' ? undefined : error
