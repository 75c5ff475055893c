import { hostname, release, userInfo } from 'node:os'
import type { Check, ChecksProgress, ProblemReport } from '../core/contract/checks.ts'
import type { MessageLine } from '../core/contract/message.ts'
import type { AppSnapshot } from '../core/contract/snapshot.ts'
import { VERSION } from '../core/contract/version.ts'
import { type CheckNeeds, runChecks } from '../core/manager/checks.ts'
import type { History } from '../core/manager/history.ts'
import { problemReport } from '../core/manager/problem-report.ts'
import type { Profile } from '../core/profile/schema.ts'

export interface CheckDeskNeeds extends CheckNeeds {
  find(profile: string): Promise<Profile>
  snapshot(): Promise<AppSnapshot>
  messages(profile: string, after: number): Promise<readonly MessageLine[]>
  readonly history: History
  progress(progress: ChecksProgress): void
  now(): number
}

/** The checks of the window and the report made of them. */
export class CheckDesk {
  readonly #needs: CheckDeskNeeds
  #stop = new AbortController()
  #checks: readonly Check[] = []
  #shown = ''

  constructor(needs: CheckDeskNeeds) {
    this.#needs = needs
  }

  /** The report shown last. */
  get shown(): string {
    return this.#shown
  }

  async run(id: string | undefined): Promise<ChecksProgress> {
    this.#stop.abort()
    const stop = new AbortController()
    this.#stop = stop
    const subject =
      id === undefined ? undefined : { profile: await this.#needs.find(id), tunnel: await this.#tunnel(id) }
    const result = await runChecks(
      this.#needs,
      subject,
      (progress) => this.#needs.progress(progress),
      stop.signal,
    )
    if (this.#stop === stop) this.#checks = result.checks
    return result
  }

  cancel(): void {
    this.#stop.abort()
  }

  async report(id: string | undefined, hide: boolean): Promise<ProblemReport> {
    const { find, messages, history, now } = this.#needs
    const profile = id === undefined ? undefined : await find(id)
    const made = problemReport(
      {
        version: VERSION,
        system: `${process.platform} ${release()} ${process.arch}, Electron ${process.versions.electron ?? 'none'}`,
        now: now(),
        profile,
        tunnel: profile && (await this.#tunnel(profile.id)),
        checks: this.#checks,
        messages: profile === undefined ? [] : await messages(profile.id, 0),
        history: profile === undefined ? [] : await history.list(profile.id),
        own: [hostname(), userInfo().username],
      },
      hide,
    )
    this.#shown = made.text
    return made
  }

  async #tunnel(id: string) {
    return (await this.#needs.snapshot()).tunnels.find(({ profile }) => profile === id)
  }
}
