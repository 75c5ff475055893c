import type { AppSnapshot, ProfileSummary } from '../contract/snapshot.ts'
import { type VpnError, VpnFailure } from '../errors.ts'
import type { OsEdge } from '../net/plan.ts'
import type { ManagerDependencies } from './dependencies.ts'
import type { LoggedMessage } from './message-log.ts'
import { Tunnel } from './tunnel.ts'

export interface ManagerListener {
  /** The snapshot has a new revision. */
  changed?(): void
  /** Something for the log, of this profile. */
  note?(profile: string, text: string): void
}

/** Owns the running tunnels. The command line, the control socket and the window are its faces. */
export class Manager {
  readonly #needs: ManagerDependencies
  readonly #tunnels = new Map<string, Tunnel>()
  readonly #listeners = new Set<ManagerListener>()
  #profiles: readonly ProfileSummary[] = []
  #revision = 1
  #edge: Promise<OsEdge> | undefined
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
      gateway: profile.gateway.host,
      signIn: `IKEv2, ${profile.auth.method === 'psk' ? 'pre-shared key' : profile.auth.method}`,
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
    const tunnel = new Tunnel(profile, this.#freeDevice(), this.#needs, {
      changed: () => this.#changed(),
      note: (text) => {
        for (const listener of this.#listeners) listener.note?.(profile.id, text)
      },
      edge: () => this.#openEdge(),
    })
    this.#tunnels.set(profile.id, tunnel)
    tunnel.start()
    await tunnel.connected()
    return profile.id
  }

  /** Ends one tunnel by profile name or id, or all. Resolves when the machine is as it was; returns how many there were. */
  async disconnect(name?: string): Promise<number> {
    const running = [...this.#tunnels.values()].filter((tunnel) => !tunnel.ended)
    const wanted = name === undefined ? running : running.filter((tunnel) => isNamed(tunnel, name))
    if (wanted.length === 0 && name !== undefined) await this.#needs.profiles.find(name)
    await Promise.all(wanted.map((tunnel) => tunnel.disconnect()))
    return wanted.length
  }

  /** Resolves with the fault, if any, when the tunnel has ended. */
  async finished(id: string): Promise<VpnError | undefined> {
    const tunnel = this.#tunnels.get(id)
    await tunnel?.finished()
    return tunnel?.error
  }

  /** The messages of a profile's tunnel since the program started, oldest first. */
  messages(id: string): readonly LoggedMessage[] {
    return this.#tunnels.get(id)?.log.messages ?? []
  }

  /** Ends all tunnels and the helper. */
  close(): Promise<void> {
    this.#closing ??= this.disconnect().then(async () => {
      const edge = await this.#edge?.catch(() => undefined)
      await edge?.close()
    })
    return this.#closing
  }

  #openEdge(): Promise<OsEdge> {
    const edge = this.#edge ?? this.#needs.openEdge()
    this.#edge = edge
    // A helper that did not start (a password dialog closed) is asked for again at the next try.
    edge.catch(() => {
      if (this.#edge === edge) this.#edge = undefined
    })
    return edge
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
