import type { EspSpi } from '../bytes/brands.ts'
import type { IkeAction, IkeEvent } from './session.ts'
import type { Counters } from './view.ts'

type Limit = Extract<IkeAction, { do: 'limitBytes' }>

/** What pairs of ESP SAs may carry, looked at whenever traffic is. RFC 2407 §4.5 */
export class ByteLimits {
  readonly #limits = new Map<EspSpi, Limit>()

  add(limit: Limit): void {
    this.#limits.set(limit.inbound, limit)
  }

  remove(spi: EspSpi): void {
    this.#limits.delete(spi)
  }

  /** Those that have carried it, each once. */
  reached(counters: Counters): readonly IkeEvent[] {
    const events: IkeEvent[] = []
    for (const { inbound, outbound, bytes } of [...this.#limits.values()]) {
      const carried = (counters.inbound(inbound)?.bytes ?? 0) + (counters.outbound(outbound)?.bytes ?? 0)
      if (carried < bytes) continue
      this.#limits.delete(inbound)
      events.push({ type: 'softLimit', spi: outbound, reason: 'bytes' })
    }
    return events
  }
}
