import type { WindowApi } from '../../core/contract/contract.ts'
import {
  type AppSnapshot,
  type ErrorSnapshot,
  FIRST_LOOK,
  type ProfileSummary,
  type PromptSnapshot,
  type TunnelSnapshot,
} from '../../core/contract/snapshot.ts'
import type { ViewState } from '../text/en.ts'
import { sameProfiles } from './find.ts'
import { type Sample, Traffic } from './traffic.ts'
import { viewOf } from './view.ts'

/** Ours: traffic this many seconds ago is traffic now. */
const RECENT_SECONDS = 5

/** After what is known now was drawn; at once where nothing is. */
const painted = (): Promise<void> =>
  new Promise((done) => {
    if (document.visibilityState !== 'visible') done()
    else requestAnimationFrame(() => setTimeout(done))
  })

/** What the person gave: secrets by name, and the number of a key that main holds. */
export interface Given {
  readonly secrets?: Readonly<Record<string, string>>
  readonly key?: number | undefined
}

/** The mirror of main: the latest snapshot, which connection is looked at, and what may be done. */
export class Culvert {
  readonly #api: WindowApi
  #snapshot = $state.raw<AppSnapshot | undefined>(undefined)
  #fault = $state.raw<ErrorSnapshot | undefined>(undefined)
  #chosen = $state<string | undefined>(undefined)
  /** Faults of calls that never became a tunnel, by profile: a profile that cannot be used, a secret nobody gave. */
  #refusals = $state.raw<ReadonlyMap<string, ErrorSnapshot>>(new Map())
  readonly #profile = $derived.by(() => {
    const { profiles } = this
    const alive = this.#snapshot?.tunnels.find(({ state }) => state !== 'idle')?.profile
    return (
      profiles.find(({ id }) => id === this.#chosen) ?? profiles.find(({ id }) => id === alive) ?? profiles[0]
    )
  })
  #details = $state(localStorage.getItem('details') === 'on')
  /** Unix time in ms, every second. */
  now = $state(Date.now())
  readonly #traffic = new Map<string, Traffic>()
  #samples = $state.raw<readonly Sample[]>([])

  constructor(api: WindowApi) {
    this.#api = api
    // Subscribe before fetching: a change in between is then seen, and the higher revision kept.
    api.app.changed((snapshot) => this.#take(snapshot))
    void this.refresh()
    setInterval(() => {
      if (document.visibilityState === 'visible') this.now = Date.now()
    }, 1000)
  }

  get loaded(): boolean {
    return this.#snapshot !== undefined
  }

  /** Why there is nothing to show. */
  get fault(): ErrorSnapshot | undefined {
    return this.#fault
  }

  get profiles(): readonly ProfileSummary[] {
    return this.#snapshot?.profiles ?? []
  }

  /** The connection looked at: the one chosen, else the first that lives, else the first. */
  get profile(): ProfileSummary | undefined {
    return this.#profile
  }

  get samples(): readonly Sample[] {
    return this.#samples
  }

  get details(): boolean {
    return this.#details
  }

  set details(on: boolean) {
    this.#details = on
    localStorage.setItem('details', on ? 'on' : 'off')
  }

  /** A refusal counts until the tunnel has something newer to say. */
  refusalOf(profile: string): ErrorSnapshot | undefined {
    return this.#refusals.get(profile)
  }

  tunnelOf(profile: string): TunnelSnapshot | undefined {
    return this.#snapshot?.tunnels.find((tunnel) => tunnel.profile === profile)
  }

  promptOf(profile: string): PromptSnapshot | undefined {
    return this.#snapshot?.prompts.find((prompt) => prompt.profile === profile)
  }

  viewOf(profile: string): ViewState {
    return viewOf(this.tunnelOf(profile), this.refusalOf(profile), this.promptOf(profile) !== undefined)
  }

  /** Grows with everything but counters. */
  get revision(): number {
    return this.#snapshot?.revision ?? 0
  }

  /** Whether traffic went through the connection looked at a moment ago. */
  get flowing(): boolean {
    return this.#samples.slice(-RECENT_SECONDS).some(({ received, sent }) => received + sent > 0)
  }

  choose(profile: string): void {
    this.#chosen = profile
    this.#samples = this.#traffic.get(profile)?.samples ?? []
  }

  async refresh(): Promise<void> {
    const outcome = await this.#api.app.snapshot()
    if (!outcome.ok) {
      this.#fault = outcome.error
      // A first look was of use only with what should have come after it.
      if (this.#snapshot?.revision === FIRST_LOOK) this.#snapshot = undefined
      return
    }
    this.#take(outcome.value)
    if (outcome.value.revision === FIRST_LOOK) void painted().then(() => this.refresh())
  }

  /**
   * Secrets leave this process with the call and are kept nowhere here. `ask`: the person wants to be asked, whatever
   * is saved.
   */
  async connect(profile: string, given: Given = {}, ask = false): Promise<void> {
    this.#chosen = profile
    this.#refuse(profile, undefined)
    const outcome = await this.#api.session.connect({ profile, ...given, ask })
    if (!outcome.ok && this.tunnelOf(profile)?.error === undefined && outcome.error.kind !== 'cancelled') {
      this.#refuse(profile, outcome.error)
    }
  }

  async disconnect(profile: string): Promise<void> {
    const outcome = await this.#api.session.disconnect({ profile })
    if (!outcome.ok) this.#refuse(profile, outcome.error)
  }

  async retry(profile: string): Promise<void> {
    await this.#api.session.retry({ profile })
  }

  async letOut(profile: string): Promise<void> {
    const outcome = await this.#api.session.letOut({ profile })
    this.#refuse(profile, outcome.ok ? undefined : outcome.error)
  }

  /** Answers leave this process with the call, too. */
  async answer(id: number, { secrets = {}, key }: Given, save: boolean): Promise<void> {
    await this.#api.prompts.answer({ id, values: secrets, key, save })
  }

  async cancelPrompt(id: number): Promise<void> {
    await this.#api.prompts.cancel({ id })
  }

  #refuse(profile: string, error: ErrorSnapshot | undefined): void {
    const refusals = new Map(this.#refusals)
    if (error === undefined) refusals.delete(profile)
    else refusals.set(profile, error)
    this.#refusals = refusals
  }

  #take(snapshot: AppSnapshot): void {
    const before = this.#snapshot
    if (before !== undefined && snapshot.revision < before.revision) return
    // Each snapshot brings the list anew. What is made of it, for thousands, is made again only where it differs.
    const same = before !== undefined && sameProfiles(before.profiles, snapshot.profiles)
    this.#snapshot = same ? { ...snapshot, profiles: before.profiles } : snapshot
    this.#fault = undefined
    this.now = Date.now()
    for (const tunnel of snapshot.tunnels) this.#measure(tunnel)
    const shown = this.#profile?.id
    if (shown !== undefined) this.#samples = this.#traffic.get(shown)?.samples ?? []
  }

  #measure({ profile, state, phase2 }: TunnelSnapshot): void {
    if (state !== 'connected') {
      this.#traffic.delete(profile)
      return
    }
    const traffic = this.#traffic.get(profile) ?? new Traffic()
    this.#traffic.set(profile, traffic)
    const sum = (pick: (child: (typeof phase2)[number]) => number): number =>
      phase2.reduce((total, child) => total + pick(child), 0)
    traffic.add(
      Date.now(),
      sum((child) => child.traffic.inBytes),
      sum((child) => child.traffic.outBytes),
    )
  }
}
