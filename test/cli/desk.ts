import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BackgroundResult, CliContext, ExitCode } from '../../core/cli/context.ts'
import { runCulvert } from '../../core/cli/program.ts'
import type { Terminal } from '../../core/cli/terminal.ts'
import { VpnFailure } from '../../core/errors.ts'
import { ControlClient } from '../../core/manager/control-client.ts'
import { controlPath } from '../../core/manager/control-protocol.ts'
import type { Finding } from '../../core/manager/doctor.ts'
import { readFileNamed, readNamed } from '../../core/manager/named-files.ts'
import type { ProbeReport } from '../../core/probe/probe.ts'
import { demoProfile } from '../../core/profile/demo.ts'
import { ProfileStore } from '../../core/profile/store.ts'
import { MemorySecrets } from '../../core/secrets/memory.ts'
import type { SecretStore } from '../../core/secrets/store.ts'
import { MemoryHolds, World } from '../manager/world.ts'

/** A terminal that remembers. */
export class FakeTerminal implements Terminal {
  readonly written: string[] = []
  readonly complaints: string[] = []
  readonly asked: string[] = []
  interactive = false
  screen = false
  input = ''
  /** What a person says to every question, or to each. */
  answer: string | ((prompt: string) => string | undefined) | undefined
  out(line: string): void {
    this.written.push(line)
  }
  async ready(): Promise<void> {}
  err(line: string): void {
    this.complaints.push(line)
  }
  redraw(text: string): void {
    this.written.push(text)
  }
  async readInput(): Promise<string> {
    return this.input
  }
  async ask(prompt: string): Promise<string | undefined> {
    this.asked.push(prompt)
    return typeof this.answer === 'function' ? this.answer(prompt) : this.answer
  }
  askSecret(prompt: string): Promise<string | undefined> {
    return this.ask(prompt)
  }
}

/** A keychain nobody has unlocked. */
export const lockedKeychain: SecretStore = {
  get: () => Promise.reject(new VpnFailure({ kind: 'keychainUnavailable', problem: 'it is locked' })),
  set: () => Promise.reject(new VpnFailure({ kind: 'keychainUnavailable', problem: 'it is locked' })),
  delete: () => Promise.reject(new VpnFailure({ kind: 'keychainUnavailable', problem: 'it is locked' })),
}

/** One person's home with a fake machine below it. Several commands may run at once, as in several terminals. */
export class Desk {
  readonly home: string
  readonly profiles: ProfileStore
  keychain: SecretStore = new MemorySecrets()
  findings: readonly Finding[] = []
  /** What a probe finds. */
  probed: ProbeReport | undefined
  edited: ((text: string) => string) | undefined
  background: BackgroundResult = { ok: true, pid: 4711 }
  readonly started: { readonly args: readonly string[]; readonly input: string }[] = []
  readonly told: unknown[] = []
  world: World | undefined
  /** Secrets the sessions got, as texts. */
  readonly used: string[] = []
  readonly holds = new MemoryHolds()
  readonly #stops = new Set<() => void>()

  private constructor(home: string) {
    this.home = home
    this.profiles = new ProfileStore(home, [demoProfile()])
  }

  static async make(): Promise<Desk> {
    return new Desk(await mkdtemp(join(tmpdir(), 'culvert-cli-')))
  }

  async clear(): Promise<void> {
    await rm(this.home, { recursive: true })
  }

  /** Starts a command; the terminal tells what it said so far. */
  run(args: readonly string[], terminal = new FakeTerminal()) {
    return { terminal, done: runCulvert(args, this.#context(terminal)) }
  }

  /** Runs a command to its end. */
  async end(...args: string[]): Promise<{ readonly terminal: FakeTerminal; readonly code: ExitCode }> {
    const { terminal, done } = this.run(args)
    return { terminal, code: await done }
  }

  /** Ctrl-C. */
  interrupt(): void {
    for (const stop of [...this.#stops]) stop()
  }

  #context(terminal: Terminal): CliContext {
    return {
      terminal,
      home: this.home,
      profiles: this.profiles,
      keychain: this.keychain,
      holds: this.holds,
      now: () => this.world?.now ?? 1_000_000,
      openManager: (secret) => {
        this.world = new World({
          holds: this.holds,
          profiles: this.profiles,
          secret: async (profile, name) => {
            const got = await secret(profile, name)
            this.used.push(got.use((bytes) => Buffer.from(bytes).toString()))
            return got
          },
        })
        return this.world.manager
      },
      openGateway: async () => {
        throw new VpnFailure({ kind: 'noPermission', what: 'open a gateway in a test' })
      },
      findRunning: () => ControlClient.open(controlPath(this.home)),
      onStop: (stop) => {
        this.#stops.add(stop)
        return () => this.#stops.delete(stop)
      },
      everySecond: () => () => {},
      startInBackground: async (args, input) => {
        this.started.push({ args, input })
        return this.background
      },
      hasStarter: () => false,
      tellStarter: (result) => this.told.push(result),
      readFile: async (path) => (await readFileNamed(path)).bytes,
      readFiles: (path) => readNamed(path),
      editText: async (text) => this.edited?.(text) ?? text,
      examine: async (tell) => {
        this.findings.forEach((_, at) => void tell(at + 1, this.findings.length))
        return this.findings
      },
      probe: async (host) => {
        if (this.probed === undefined) throw new Error(`nobody probes ${host}`)
        return this.probed
      },
    }
  }
}
