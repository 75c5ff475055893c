import { adviceFor } from '../core/advice.ts'
import type { Secret } from '../core/bytes/secret.ts'
import type { CaptureFiles } from '../core/contract/capture.ts'
import type { MessageLine } from '../core/contract/message.ts'
import type { AppSnapshot, ErrorSnapshot, Probe } from '../core/contract/snapshot.ts'
import type { Finding, MessageTree } from '../core/contract/tree.ts'
import { VpnFailure } from '../core/errors.ts'
import { ControlClient } from '../core/manager/control-client.ts'
import { controlPath } from '../core/manager/control-protocol.ts'
import type { PromptAnswer } from '../core/manager/prompts.ts'
import type { Carrier, EngineOptions } from './carrier.ts'
import { later } from './later.ts'

/**
 * The tunnels of this user: carried in this process, or by a Culvert in a terminal that was there first. When that one
 * ends, this process takes over.
 */
export class Engine {
  readonly #options: EngineOptions
  readonly #asked = new Set<string>()
  #carrier: Promise<Carrier> | undefined
  #closed = false
  /** Added to revisions, so that they keep growing when another process takes over. */
  #base = 0
  #latest = 0

  constructor(options: EngineOptions) {
    this.#options = options
  }

  /** Whether somebody has asked for more than what is there already. */
  get begun(): boolean {
    return this.#carrier !== undefined
  }

  /** Throws `VpnFailure` (`nativeMissing`, `systemRefused`) while nothing can carry tunnels; asked again it tries again. */
  async snapshot(): Promise<AppSnapshot> {
    const snapshot = await (await this.#open()).snapshot()
    const revision = this.#base + snapshot.revision
    this.#latest = Math.max(this.#latest, revision)
    const tunnels = snapshot.tunnels.map((tunnel) => ({ ...tunnel, error: inWindow(tunnel.error) }))
    return { ...snapshot, revision, tunnels }
  }

  /**
   * Takes over the secrets. `ask`: those of earlier are not used. Resolves when traffic flows; throws `VpnFailure`.
   */
  async connect(profile: string, secrets: ReadonlyMap<string, Secret>, ask = false): Promise<void> {
    const carrier = await this.#open()
    if (ask) this.#asked.add(profile)
    try {
      await carrier.connect(profile, secrets)
    } finally {
      this.#asked.delete(profile)
    }
  }

  async disconnect(profile: string | undefined): Promise<number> {
    return (await this.#open()).disconnect(profile)
  }

  async messages(profile: string, after: number, most?: number): Promise<readonly MessageLine[]> {
    return (await this.#open()).messages(profile, after, most)
  }

  async tree(profile: string, number: number): Promise<MessageTree | undefined> {
    return (await this.#open()).tree(profile, number)
  }

  async find(profile: string, wanted: string, after: number): Promise<Finding> {
    return (await this.#open()).find(profile, wanted, after)
  }

  async capture(profile: string, keys: boolean): Promise<CaptureFiles> {
    return (await this.#open()).capture(profile, keys)
  }

  async retry(profile: string): Promise<boolean> {
    return (await this.#open()).retry(profile)
  }

  /** Lets out what its kill switch holds back. Throws `VpnFailure`; traffic then still waits. */
  async letOut(profile: string): Promise<readonly string[]> {
    return (await this.#open()).letOut(profile)
  }

  async tryOut(profile: string): Promise<readonly Probe[]> {
    const probes: Probe[] = []
    const manager = (await this.#open()).manager
    if (manager !== undefined) for await (const probe of manager.probe(profile)) probes.push(probe)
    return probes
  }

  /** Takes over `answer`; without one the question is cancelled. Whether somebody still waited. */
  async answerPrompt(id: number, answer: PromptAnswer | undefined): Promise<boolean> {
    const prompts = (await this.#open()).manager?.prompts
    if (answer === undefined) return prompts?.cancel(id) ?? false
    if (prompts !== undefined) return prompts.answer(id, answer)
    for (const secret of answer.values.values()) secret.close()
    return false
  }

  /** The tunnels as they are, where this process carries them and would take them along; throws nothing. */
  async own(): Promise<AppSnapshot | undefined> {
    return (await this.#carrier?.catch(() => undefined))?.manager?.snapshot()
  }

  /** Whether a tunnel of this profile runs. */
  async carries(profile: string): Promise<boolean> {
    const { tunnels } = await this.snapshot()
    return tunnels.some((one) => one.profile === profile && one.state !== 'idle' && one.state !== 'failed')
  }

  /** The computer is about to sleep. */
  async suspended(): Promise<void> {
    ;(await this.#carrier?.catch(() => undefined))?.manager?.suspended()
  }

  /** The computer woke. */
  async resumed(): Promise<void> {
    ;(await this.#carrier?.catch(() => undefined))?.manager?.resumed()
  }

  async networkChanged(addresses: readonly string[]): Promise<void> {
    ;(await this.#carrier?.catch(() => undefined))?.manager?.networkChanged(addresses)
  }

  /** Profiles were changed here: the snapshot shows them at once. */
  async refresh(): Promise<void> {
    await (await this.#carrier?.catch(() => undefined))?.manager?.refresh()
  }

  /** Ends what this process carries, and leaves alone what another one does. */
  async close(): Promise<void> {
    this.#closed = true
    const carrier = await this.#carrier?.catch(() => undefined)
    await carrier?.close()
    const stores = await this.#options.stores.loaded()
    stores?.given.close()
  }

  #open(): Promise<Carrier> {
    if (this.#closed) throw new VpnFailure({ kind: 'cancelled' })
    if (this.#carrier !== undefined) return this.#carrier
    const carrier = this.#find()
    this.#carrier = carrier
    carrier.catch(() => this.#forget(carrier))
    return carrier
  }

  #forget(carrier: Promise<Carrier>): void {
    if (this.#carrier === carrier) this.#carrier = undefined
  }

  async #find(): Promise<Carrier> {
    const path = controlPath(this.#options.home)
    const running = await ControlClient.open(path)
    if (running !== undefined) return this.#follow(running)
    try {
      return await (await tunnels())(path, this.#options, this.#asked)
    } catch (thrown) {
      if (!(thrown instanceof VpnFailure) || thrown.error.kind !== 'alreadyRunning') throw thrown
      // Another one was a moment faster.
      const faster = await ControlClient.open(path)
      if (faster === undefined) throw thrown
      return this.#follow(faster)
    }
  }

  async #follow(client: ControlClient): Promise<Carrier> {
    await client.subscribe(() => this.#options.changed())
    void client.ended.then(() => {
      this.#carrier = undefined
      this.#base = this.#latest
      if (!this.#closed) this.#options.changed()
    })
    return {
      manager: undefined,
      snapshot: () => client.snapshot(),
      connect: async (profile, secrets) => {
        await client.connect(profile, lend(secrets))
      },
      disconnect: (profile) => client.disconnect(profile),
      messages: (profile, after, most) => client.messages(profile, after, most),
      tree: (profile, number) => client.tree(profile, number),
      find: (profile, wanted, after) => client.find(profile, wanted, after),
      capture: (profile, keys) => client.capture(profile, keys),
      retry: (profile) => client.retry(profile),
      letOut: (profile) => client.letOut(profile),
      close: async () => client.close(),
    }
  }
}

/** Most of what the program is: the window need not wait for it to be read. */
const tunnels = later(async () => (await import('./host-tunnels.ts')).hostTunnels)

/** A fault in the words of the window, which has other steps to offer than a terminal. */
function inWindow(error: ErrorSnapshot | undefined): ErrorSnapshot | undefined {
  return error?.fault === undefined ? error : { ...error, ...adviceFor(error.fault, 'window') }
}

/** Secrets as the other process takes them; ours are wiped. */
function lend(secrets: ReadonlyMap<string, Secret>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    [...secrets].map(([name, secret]) => {
      const text = secret.use((bytes) => Buffer.from(bytes).toString('utf8'))
      secret.close()
      return [name, text]
    }),
  )
}
