import { hostname, release, userInfo } from 'node:os'
import type { Check, ChecksProgress, ProblemReport } from '../core/contract/checks.ts'
import type { MessageLine } from '../core/contract/message.ts'
import type { AppSnapshot } from '../core/contract/snapshot.ts'
import { VERSION } from '../core/contract/version.ts'
import { VpnFailure } from '../core/errors.ts'
import { type CheckNeeds, runChecks } from '../core/manager/checks.ts'
import type { History } from '../core/manager/history.ts'
import { MOST_MESSAGES, problemReport } from '../core/manager/problem-report.ts'
import type { Profile } from '../core/profile/schema.ts'

export interface CheckDeskNeeds extends CheckNeeds {
  find(profile: string): Promise<Profile>
  snapshot(): Promise<AppSnapshot>
  messages(profile: string, after: number, most: number): Promise<readonly MessageLine[]>
  readonly history: History
  progress(progress: ChecksProgress): void
  /** So many messages were read for a report. */
  reading(messages: number): void
  now(): number
}

/** Ours: messages that are read at once, between which the window hears how many there were. */
const PAGE = 2_000

/** The checks of the window and the report made of them. */
export class CheckDesk {
  readonly #needs: CheckDeskNeeds
  #stop = new AbortController()
  #stopReport = new AbortController()
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

  /** Only the newest that was asked for is made. Throws `VpnFailure` (`cancelled`, `profileUnknown`). */
  async report(id: string | undefined, hide: boolean): Promise<ProblemReport> {
    this.stopReport()
    const { signal } = this.#stopReport
    const stopped = new Promise<never>((_, fail) =>
      signal.addEventListener('abort', () => fail(new VpnFailure({ kind: 'cancelled' }))),
    )
    const made = await Promise.race([this.#report(id, hide, signal), stopped])
    this.#shown = made.text
    return made
  }

  stopReport(): void {
    this.#stopReport.abort()
    this.#stopReport = new AbortController()
  }

  async #report(id: string | undefined, hide: boolean, signal: AbortSignal): Promise<ProblemReport> {
    const { find, history, now } = this.#needs
    const profile = id === undefined ? undefined : await find(id)
    return problemReport(
      {
        version: VERSION,
        system: `${process.platform} ${release()} ${process.arch}, Electron ${process.versions.electron ?? 'none'}`,
        now: now(),
        profile,
        tunnel: profile && (await this.#tunnel(profile.id)),
        checks: this.#checks,
        messages: profile === undefined ? [] : await this.#lastMessages(profile.id, signal),
        history: profile === undefined ? [] : await history.list(profile.id),
        own: [hostname(), userInfo().username],
      },
      hide,
    )
  }

  /** As many as a report has, of all there are. */
  async #lastMessages(profile: string, signal: AbortSignal): Promise<readonly MessageLine[]> {
    let last: readonly MessageLine[] = []
    let read = 0
    while (!signal.aborted) {
      const page = await this.#needs.messages(profile, last.at(-1)?.number ?? 0, PAGE)
      last = [...last, ...page].slice(-MOST_MESSAGES)
      read += page.length
      if (page.length < PAGE) break
      if (!signal.aborted) this.#needs.reading(read)
    }
    return last
  }

  async #tunnel(id: string) {
    return (await this.#needs.snapshot()).tunnels.find(({ profile }) => profile === id)
  }
}
