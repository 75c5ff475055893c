import { adviceFor } from '../advice.ts'
import type { VpnError } from '../errors.ts'
import type { Clock, ManagerDependencies } from '../manager/dependencies.ts'
import type { Manager } from '../manager/manager.ts'
import type { ProfileStore } from '../profile/store.ts'
import type { SecretStore } from '../secrets/store.ts'
import type { Terminal } from './terminal.ts'

/** One line of `culvert doctor`. */
export interface Finding {
  readonly name: string
  readonly state: 'ok' | 'missing' | 'warning'
  readonly detail: string
  readonly tryThis: readonly string[]
}

/** What a process started in the background told before we left it alone. */
export type BackgroundResult =
  | { readonly ok: true; readonly pid: number }
  | { readonly ok: false; readonly error: VpnError }

/** All a command touches of the world. */
export interface CliContext {
  readonly terminal: Terminal
  /** The folder all state lives in. */
  readonly home: string
  readonly profiles: ProfileStore
  readonly keychain: SecretStore
  readonly clock: Clock
  /** Makes the engine. Throws `VpnFailure` (`nativeMissing`). */
  openManager(secret: ManagerDependencies['secret']): Promise<Manager>
  /** Calls `stop` when the person or the system wants us gone; returns the way to stop listening. */
  onStop(stop: () => void): () => void
  /** This very program with other arguments, on its own; resolves once it is connected or has failed. */
  startInBackground(args: readonly string[], input: string): Promise<BackgroundResult>
  /** Lets a person change a text in the editor of their choice. */
  editText(text: string, name: string): Promise<string>
  examine(): Promise<readonly Finding[]>
}

/** Whether it went well, as the exit code says it. */
export type ExitCode = 0 | 1 | 2

/** A fault for people on stderr, and with `json` for machines on stdout. */
export function reportFault(terminal: Terminal, error: VpnError, json: boolean): ExitCode {
  const { title, detail, tryThis } = adviceFor(error)
  terminal.err(`culvert: ${title}: ${detail}`)
  for (const advice of tryThis) terminal.err(`  - ${advice}`)
  if (json) terminal.out(JSON.stringify({ event: 'failed', error, advice: { title, detail, tryThis } }))
  return 1
}
