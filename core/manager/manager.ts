import { IKE_VERSIONS } from '../contract/profile.ts'
import type { AppSnapshot, Probe, ProfileSummary } from '../contract/snapshot.ts'
import type { EapQuestion } from '../eap/method.ts'
import { type VpnError, VpnFailure } from '../errors.ts'
import type { OsEdge } from '../net/plan.ts'
import { isDemo } from '../profile/demo.ts'
import { authWords, type Profile } from '../profile/schema.ts'
import type { ManagerDependencies } from './dependencies.ts'
import { askPerson } from './gateway-questions.ts'
import type { LoggedMessage } from './message-log.ts'
import { PendingSecrets } from './pending-secrets.ts'
import { Prompts } from './prompts.ts'
import { Tunnel } from './tunnel.ts'

export interface ManagerListener {
  /** The snapshot has a new revision. */
  changed?(): void
  /** Something for the log, of this profile. */
  note?(profile: string, text: string): void
}

/** Owns the running tunnels. The command line, the control socket and the window are its faces. */
export class Manager {
  /** Questions to the person; whoever carries out `secret` may ask here. */
  readonly prompts = new Prompts(() => this.#changed())
  readonly #needs: ManagerDependencies
  readonly #tunnels = new Map<string, Tunnel>()
  readonly #listeners = new Set<ManagerListener>()
  #profiles: readonly ProfileSummary[] = []
  #revision = 1
  /** By place. */
  readonly #edges = new Map<string, Promise<OsEdge>>()
  readonly #goodbyes = new Map<string, Promise<void>>()
  #closing: Promise<void> | undefined

  constructor(needs: ManagerDependencies) {
    this.#needs = needs
  }

  /** Everything as of now. Counters are read afresh each time; `revision` grows when more than counters changed. */
  snapshot(): AppSnapshot {
    return {
      revision: this.#revision,
      profiles: this.#profiles,
      tunnels: [...this.#tunnels.values()].map((tunnel) => tunnel.snapshot()),
      prompts: this.prompts.open,
    }
  }

  /** Returns the way to unsubscribe. */
  subscribe(listener: ManagerListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Reads the profiles again, for the snapshot. */
  async refresh(): Promise<void> {
    const { profiles } = await this.#needs.profiles.list()
    this.#profiles = profiles.map((profile) => ({
      id: profile.id,
      name: profile.name,
      folder: profile.folder,
      gateway: profile.gateway.host,
      signIn: `${IKE_VERSIONS[profile.ike.version]}, ${authWords(profile.auth)}`,
      ...(isDemo(profile) ? { canTry: true } : {}),
      saved: [],
    }))
    this.#changed()
  }

  /**
   * Brings the profile of this name up; resolves with its id when traffic flows. Throws `VpnFailure` with the reason,
   * everything undone. Afterwards it reconnects by itself until `disconnect`.
   */
  async connect(name: string): Promise<string> {
    const profile = await this.#needs.profiles.find(name)
    if (this.#closing !== undefined) throw new VpnFailure({ kind: 'cancelled' })
    const running = this.#tunnels.get(profile.id)
    if (running !== undefined && !running.ended) {
      throw new VpnFailure({ kind: 'alreadyRunning', profile: profile.name })
    }
    const pending = new PendingSecrets()
    const owner = {
      changed: () => this.#changed(),
      note: (text: string) => {
        for (const listener of this.#listeners) listener.note?.(profile.id, text)
      },
      edge: () => this.#openEdge(profile),
      ask: (question: EapQuestion, untilMs: number) =>
        askPerson(this.prompts, this.#needs, pending, profile, question, untilMs),
      signedIn: () =>
        void pending.accepted(async (name, secret) => this.#needs.keep?.(profile, name, secret)),
    }
    const tunnel = new Tunnel(profile, this.#freeDevice(), this.#needs, owner, running?.log)
    this.#tunnels.set(profile.id, tunnel)
    tunnel.start()
    void tunnel.finished().finally(() => pending.close())
    try {
      await tunnel.connected()
    } catch (thrown) {
      await this.#leave(profile)
      throw thrown
    }
    return profile.id
  }

  /** Ends one tunnel by profile name or id, or all. Resolves when the machine is as it was; returns how many there were. */
  async disconnect(name?: string): Promise<number> {
    const running = [...this.#tunnels.values()].filter((tunnel) => !tunnel.ended)
    const wanted = name === undefined ? running : running.filter((tunnel) => isNamed(tunnel, name))
    if (wanted.length === 0 && name !== undefined) await this.#needs.profiles.find(name)
    for (const { profile } of wanted) this.prompts.cancelAll(profile.id)
    await Promise.all(wanted.map((tunnel) => tunnel.disconnect()))
    for (const { profile } of wanted) await this.#leave(profile)
    return wanted.length
  }

  /** Tries again at once what waits for its next try; returns whether anything did. */
  retry(name?: string): boolean {
    const waiting = [...this.#tunnels.values()].filter((one) => name === undefined || isNamed(one, name))
    return waiting.map((tunnel) => tunnel.retry()).includes(true)
  }

  /** The computer has slept: what stood may be gone at the gateway, which is asked. */
  resumed(): void {
    for (const tunnel of this.#tunnels.values()) tunnel.lookAgain(undefined)
  }

  /** The computer has other addresses now. A tunnel whose own address is gone is made anew; others are asked after. */
  networkChanged(addresses: readonly string[]): void {
    for (const tunnel of this.#tunnels.values()) tunnel.lookAgain(addresses)
  }

  /** Resolves with the fault, if any, when the tunnel has ended. */
  async finished(id: string): Promise<VpnError | undefined> {
    const tunnel = this.#tunnels.get(id)
    await tunnel?.finished()
    if (tunnel !== undefined) await this.#leave(tunnel.profile)
    return tunnel?.error
  }

  /** The messages of a profile's tunnel since the program started, oldest first. */
  messages(id: string): readonly LoggedMessage[] {
    return this.#tunnels.get(id)?.log.messages ?? []
  }

  /** Tries a running tunnel out, one thing after the other; nothing where nobody is known behind it. */
  async *probe(id: string): AsyncGenerator<Probe> {
    const tunnel = this.#tunnels.get(id)
    if (tunnel !== undefined && !tunnel.ended) yield* this.#needs.probe?.(tunnel.profile) ?? []
  }

  /** Ends all tunnels and the helper. */
  close(): Promise<void> {
    this.#closing ??= this.disconnect().then(async () => {
      const places = new Set([...this.#edges.keys(), ...this.#goodbyes.keys()])
      await Promise.all([...places].map((place) => this.#closeEdge(place)))
    })
    return this.#closing
  }

  #placeOf(profile: Profile): string {
    return this.#needs.placeOf?.(profile) ?? ''
  }

  #openEdge(profile: Profile): Promise<OsEdge> {
    const place = this.#placeOf(profile)
    const edge = this.#edges.get(place) ?? this.#needs.openEdge(profile)
    this.#edges.set(place, edge)
    // A helper that did not start (a password dialog closed) is asked for again at the next try.
    edge.catch(() => {
      if (this.#edges.get(place) === edge) this.#edges.delete(place)
    })
    return edge
  }

  /** A place other than this machine is given up with its last tunnel. */
  async #leave(profile: Profile): Promise<void> {
    const place = this.#placeOf(profile)
    const used = [...this.#tunnels.values()].some((one) => !one.ended && this.#placeOf(one.profile) === place)
    if (place !== '' && !used) await this.#closeEdge(place)
  }

  /** Whoever asks while it is being closed waits for the same end. */
  #closeEdge(place: string): Promise<void> {
    const edge = this.#edges.get(place)
    this.#edges.delete(place)
    if (edge === undefined) return this.#goodbyes.get(place) ?? Promise.resolve()
    const goodbye = edge.then(
      (opened) => opened.close(),
      () => undefined,
    )
    this.#goodbyes.set(place, goodbye)
    return goodbye
  }

  #freeDevice(): string {
    const taken = new Set([...this.#tunnels.values()].filter((one) => !one.ended).map((one) => one.device))
    for (let number = 0; ; number += 1) if (!taken.has(`culvert${number}`)) return `culvert${number}`
  }

  #changed(): void {
    this.#revision += 1
    for (const listener of this.#listeners) listener.changed?.()
  }
}

function isNamed(tunnel: Tunnel, name: string): boolean {
  const wanted = name.trim().toLowerCase()
  return tunnel.profile.id === wanted || tunnel.profile.name.toLowerCase() === wanted
}
