import { IKE_VERSIONS } from '../contract/profile.ts'
import type { AppSnapshot, Probe, ProfileSummary } from '../contract/snapshot.ts'
import type { EapQuestion } from '../eap/method.ts'
import { type VpnError, VpnFailure } from '../errors.ts'
import type { ExposedKeys } from '../ike/exposed-keys.ts'
import type { OsEdge } from '../net/plan.ts'
import { isDemo } from '../profile/demo.ts'
import { isManual } from '../profile/manual.ts'
import { authWords, type Profile } from '../profile/schema.ts'
import type { ManagerDependencies } from './dependencies.ts'
import { askPerson } from './gateway-questions.ts'
import { asTunnel, type HeldTraffic, Hold } from './hold.ts'
import { MessageLog } from './message-log.ts'
import { PendingSecrets } from './pending-secrets.ts'
import { Prompts } from './prompts.ts'
import { Tunnel } from './tunnel.ts'

export interface ManagerListener {
  /** The snapshot has a new revision. */
  changed?(): void
  /** Something for the log, of this profile. */
  note?(profile: string, text: string): void
}

/** Ours: a computer that is awake this long after it was to sleep will not sleep, or has slept without a word. */
const STAYED_AWAKE_MS = 60_000

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
  /** Kill switches by profile, on or not. */
  readonly #holds = new Map<string, Hold>()
  #closing: Promise<void> | undefined
  /** Waits no longer for a sleep that does not come. */
  #stayedAwake: (() => void) | undefined

  constructor(needs: ManagerDependencies) {
    this.#needs = needs
    for (const held of needs.holds?.list() ?? [])
      this.#holds.set(held.profile, new Hold(held.device, needs.holds, held))
  }

  /** Everything as of now. Counters are read afresh each time; `revision` grows when more than counters changed. */
  snapshot(): AppSnapshot {
    return {
      revision: this.#revision,
      profiles: this.#profiles,
      tunnels: [
        ...[...this.#tunnels.values()].map((tunnel) => tunnel.snapshot()),
        ...this.#leftBehind().map(({ held }) => asTunnel(held)),
      ],
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
      signIn: isManual(profile)
        ? authWords(profile.auth)
        : `${IKE_VERSIONS[profile.ike.version]}, ${authWords(profile.auth)}`,
      ...(isDemo(profile) ? { canTry: true } : {}),
      ...(profile.killSwitch === true ? { killSwitch: true } : {}),
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
      edge: () => this.#openEdge(this.#placeOf(profile)),
      ask: (question: EapQuestion, untilMs: number) =>
        askPerson(this.prompts, this.#needs, pending, profile, question, untilMs),
      withdraw: () => this.prompts.cancelAll(profile.id),
      signedIn: () => void pending.accepted(async (...typed) => this.#needs.keep?.(profile, ...typed)),
    }
    const hold = this.#holdOf(profile)
    const device = hold?.device ?? this.#freeDevice()
    const tunnel = new Tunnel(profile, device, this.#needs, owner, hold, running?.log)
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

  /**
   * Ends one tunnel by profile name or id, or all, and lets out what their kill switches hold back. Resolves when the
   * machine is as it was; returns how many there were. Throws `VpnFailure` when traffic could not be let out.
   */
  async disconnect(name?: string): Promise<number> {
    const ended = await this.#end(name)
    return ended + (await this.#letOut(name)).length
  }

  /**
   * Lets out what kill switches hold back, of a profile by name or id, or of all; returns the names of their connections.
   * A tunnel on its way goes on, and holds back again once it stands. Throws `VpnFailure`; traffic then still waits.
   */
  async letOut(name?: string): Promise<readonly string[]> {
    const names = await this.#letOut(name)
    if (name !== undefined && names.length === 0) await this.#needs.profiles.find(name)
    return names
  }

  async #letOut(name: string | undefined): Promise<readonly string[]> {
    const held = [...this.#tunnels.values()].filter((one) => one.held !== undefined)
    const tunnels = held.filter((one) => name === undefined || isNamed(one, name))
    const left = this.#leftBehind(name)
    for (const tunnel of tunnels) await tunnel.letOut()
    for (const { hold } of left) await hold.lift(await this.#openEdge(''))
    if (left.length > 0) this.#changed()
    return [...tunnels.map(({ profile }) => profile.name), ...left.map((one) => one.held.name)]
  }

  /** Holds of an earlier run, which no tunnel of this one has taken over. */
  #leftBehind(name?: string): readonly { readonly hold: Hold; readonly held: HeldTraffic }[] {
    return [...this.#holds.values()].flatMap((hold) => {
      const { held } = hold
      if (held === undefined || this.#tunnels.has(held.profile)) return []
      return name === undefined || isCalled(held.profile, held.name, name) ? [{ hold, held }] : []
    })
  }

  /** Its kill switch, where it has one or had one that is still on. The demo touches nothing that could leak. */
  #holdOf(profile: Profile): Hold | undefined {
    const wanted = profile.killSwitch === true && this.#placeOf(profile) === ''
    const known = this.#holds.get(profile.id)
    if (known?.held !== undefined) return known
    this.#holds.delete(profile.id)
    if (!wanted) return undefined
    const hold = new Hold(this.#freeDevice(), this.#needs.holds)
    this.#holds.set(profile.id, hold)
    return hold
  }

  async #end(name: string | undefined): Promise<number> {
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

  /** The computer is about to sleep: until it is awake nobody counts as silent, and nothing is tried. */
  suspended(): void {
    this.#stayedAwake?.()
    this.#stayedAwake = this.#needs.clock.after(STAYED_AWAKE_MS, () => this.resumed())
    for (const tunnel of this.#tunnels.values()) tunnel.sleep()
  }

  /** The computer has slept: what stood may be gone at the gateway, which is asked. */
  resumed(): void {
    this.#stayedAwake?.()
    this.#stayedAwake = undefined
    for (const tunnel of this.#tunnels.values()) tunnel.wake()
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

  /** The messages of a profile's tunnel since the program started. */
  messages(id: string): MessageLog {
    return this.#tunnels.get(id)?.log ?? new MessageLog()
  }

  /** Copies of the keys its connection uses now, for a person who asked for them on purpose; the caller closes them. */
  keys(id: string): ExposedKeys {
    return this.#tunnels.get(id)?.keys() ?? { ikev1: [], ikev2: [], esp: [] }
  }

  /** Tries a running tunnel out, one thing after the other; nothing where nobody is known behind it. */
  async *probe(id: string): AsyncGenerator<Probe> {
    const tunnel = this.#tunnels.get(id)
    if (tunnel !== undefined && !tunnel.ended) yield* this.#needs.probe?.(tunnel.profile) ?? []
  }

  /** Ends all tunnels and the helper. What a kill switch holds back after a fault stays so: nobody has let it out. */
  close(): Promise<void> {
    this.#stayedAwake?.()
    this.#closing ??= this.#end(undefined).then(async () => {
      const places = new Set([...this.#edges.keys(), ...this.#goodbyes.keys()])
      await Promise.all([...places].map((place) => this.#closeEdge(place)))
      for (const { log } of this.#tunnels.values()) log.close()
    })
    return this.#closing
  }

  #placeOf(profile: Profile): string {
    return this.#needs.placeOf?.(profile) ?? ''
  }

  #openEdge(place: string): Promise<OsEdge> {
    const before = this.#edges.get(place)
    const edge =
      before === undefined
        ? this.#needs.openEdge(place)
        : before.then((opened) => (opened.ended ? this.#openAnother(place, opened) : opened))
    this.#edges.set(place, edge)
    // A helper that did not start (a password dialog closed) is asked for again at the next try.
    edge.catch(() => {
      if (this.#edges.get(place) === edge) this.#edges.delete(place)
    })
    return edge
  }

  /** The helper was killed: a new one undoes what the old one has left. */
  async #openAnother(place: string, ended: OsEdge): Promise<OsEdge> {
    await ended.close()
    return this.#needs.openEdge(place)
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
    const running = [...this.#tunnels.values()].filter((one) => !one.ended)
    const held = [...this.#holds.values()].filter((hold) => hold.held !== undefined)
    const taken = new Set([...running, ...held].map(({ device }) => device))
    for (let number = 0; ; number += 1) if (!taken.has(`culvert${number}`)) return `culvert${number}`
  }

  #changed(): void {
    this.#revision += 1
    for (const listener of this.#listeners) listener.changed?.()
  }
}

const isNamed = ({ profile }: Tunnel, name: string): boolean => isCalled(profile.id, profile.name, name)

function isCalled(id: string, called: string, name: string): boolean {
  const wanted = name.trim().toLowerCase()
  return id === wanted || called.toLowerCase() === wanted
}
