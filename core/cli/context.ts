import { adviceFor } from '../advice.ts'
import { type VpnError, VpnFailure } from '../errors.ts'
import type { GatewaySettings } from '../gateway/config.ts'
import type { GatewayListener } from '../gateway/gateway.ts'
import type { MachineGateway } from '../gateway/on-machine.ts'
import type { ControlClient } from '../manager/control-client.ts'
import type { ManagerDependencies } from '../manager/dependencies.ts'
import type { Finding } from '../manager/doctor.ts'
import { faultOf } from '../manager/fault.ts'
import type { HoldRecord } from '../manager/hold.ts'
import type { Manager } from '../manager/manager.ts'
import type { ProbeReport } from '../probe/probe.ts'
import type { ImportFile } from '../profile/import/bundle.ts'
import type { ProfileStore } from '../profile/store.ts'
import type { SecretStore } from '../secrets/store.ts'
import type { Terminal } from './terminal.ts'

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
  /** What kill switches hold back, also after a crash. */
  readonly holds: HoldRecord
  /** Unix time in ms. */
  now(): number
  /** Makes the engine. `attended`: whether a person answers prompts. Throws `VpnFailure` (`nativeMissing`). */
  openManager(
    secret: ManagerDependencies['secret'],
    onNote: (note: string) => void,
    attended: (profile: string) => boolean,
  ): Manager
  /** The built-in gateway on this machine. Throws `VpnFailure`. */
  openGateway(settings: GatewaySettings, source: string, listener: GatewayListener): Promise<MachineGateway>
  /** The Culvert of this user that runs already, `undefined` without one. */
  findRunning(): Promise<ControlClient | undefined>
  /** Calls `stop` when the person or the system wants us gone; returns the way to stop listening. */
  onStop(stop: () => void): () => void
  /** Calls `tick` every second; returns the way to stop it. */
  everySecond(tick: () => void): () => void
  /**
   * This very program with other arguments, on its own; resolves once it is connected or has failed. `attended`: until
   * then we answer what it is asked.
   */
  startInBackground(args: readonly string[], input: string, attended: boolean): Promise<BackgroundResult>
  /** Whoever started us in the background still waits, and answers what is asked. */
  hasStarter(): boolean
  /** Tells whoever started us in the background how it went; does nothing otherwise. */
  tellStarter(result: { readonly ok: true } | { readonly ok: false; readonly error: VpnError }): void
  /** The octets of a file a person named. Throws `VpnFailure` (`profileInvalid`). */
  readFile(path: string): Promise<Uint8Array>
  /** The file a person named, or all files of the folder. Throws `VpnFailure` (`profileInvalid`). */
  readFiles(path: string): Promise<readonly ImportFile[]>
  /** Lets a person change a text in the editor of their choice. */
  editText(text: string, name: string): Promise<string>
  /** `tell` hears how many things of all have been looked at. */
  examine(tell: (done: number, total: number) => void): Promise<readonly Finding[]>
  /** What the gateway at a host accepts. Throws `VpnFailure` (`nameNotResolved`, `systemRefused`). */
  probe(host: string): Promise<ProbeReport>
}

/** Whether it went well, as the exit code says it. 2: the command could not be understood. */
export type ExitCode = 0 | 1 | 2

/** A fault for people on stderr, and with `json` for machines on stdout. */
export function reportFault(terminal: Terminal, error: VpnError, json: boolean): ExitCode {
  const { title, detail, tryThis } = adviceFor(error)
  terminal.err(`culvert: ${title}: ${detail}`)
  for (const advice of tryThis) terminal.err(`  - ${advice}`)
  if (json) terminal.out(JSON.stringify({ event: 'failed', error, advice: { title, detail, tryThis } }))
  return 1
}

/** Runs a command; whatever it throws becomes a sentence and an exit code. */
export async function reporting(
  terminal: Terminal,
  json: boolean,
  work: () => Promise<ExitCode>,
): Promise<ExitCode> {
  try {
    return await work()
  } catch (thrown) {
    if (!(thrown instanceof VpnFailure) && process.env.CULVERT_DEBUG !== undefined) console.error(thrown)
    return reportFault(terminal, faultOf(thrown), json)
  }
}
