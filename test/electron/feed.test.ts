import { describe, expect, test } from 'vitest'
import type { AppSnapshot } from '../../core/contract/snapshot.ts'
import { Feed } from '../../electron/feed.ts'

/** A feed on a clock of its own, with what it sent and when. */
class Watched {
  now = 1000
  sent: number[] = []
  reads = 0
  alive = false
  fails = false
  #timers: { at: number; work: () => void }[] = []
  readonly feed = new Feed({
    read: async () => {
      this.reads += 1
      if (this.fails) throw new Error('gone')
      const tunnels = this.alive ? [{ state: 'connected' }] : []
      return { revision: this.reads, profiles: [], tunnels } as unknown as AppSnapshot
    },
    send: () => this.sent.push(this.now),
    clock: {
      now: () => this.now,
      after: (ms, work) => {
        const timer = { at: this.now + ms, work }
        this.#timers.push(timer)
        return () => {
          this.#timers = this.#timers.filter((other) => other !== timer)
        }
      },
    },
  })

  async pass(ms: number): Promise<void> {
    const until = this.now + ms
    for (;;) {
      await this.settle()
      const next = this.#timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0]
      if (next === undefined) break
      this.#timers = this.#timers.filter((timer) => timer !== next)
      this.now = next.at
      next.work()
    }
    this.now = until
    await this.settle()
  }

  async settle(): Promise<void> {
    for (let turn = 0; turn < 10; turn += 1) await Promise.resolve()
  }
}

describe('snapshots on their way to the window', () => {
  test('a window nobody sees gets nothing, and the newest at once when it is shown', async () => {
    const watched = new Watched()
    watched.feed.changed()
    await watched.pass(5000)
    expect(watched.reads).toBe(0)
    watched.feed.show(true)
    await watched.settle()
    expect(watched.sent).toEqual([6000])
  })

  test('a thousand changes in a second are at most twenty sendings, the last one included', async () => {
    const watched = new Watched()
    watched.feed.show(true)
    await watched.settle()
    for (let change = 0; change < 1000; change += 1) {
      watched.feed.changed()
      await watched.pass(1)
    }
    await watched.pass(100)
    expect(watched.sent.length).toBeGreaterThan(10)
    expect(watched.sent.length).toBeLessThanOrEqual(22)
    expect(watched.sent.at(-1)).toBeGreaterThanOrEqual(2000)
  })

  test('counters are read every second while a tunnel lives, and not without one', async () => {
    const watched = new Watched()
    watched.feed.show(true)
    await watched.pass(10_000)
    expect(watched.sent).toHaveLength(1)
    watched.alive = true
    watched.feed.changed()
    await watched.pass(3100)
    expect(watched.sent).toEqual([1000, 11_000, 12_000, 13_000, 14_000])
    watched.feed.show(false)
    await watched.pass(10_000)
    expect(watched.sent).toHaveLength(5)
  })

  test('an engine that is gone does not end it', async () => {
    const watched = new Watched()
    watched.fails = true
    watched.feed.show(true)
    await watched.pass(100)
    watched.fails = false
    watched.feed.changed()
    await watched.pass(100)
    expect(watched.sent).toHaveLength(1)
  })
})
