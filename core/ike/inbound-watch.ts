import type { EspSpi } from '../bytes/brands.ts'
import type { IkeEvent } from './session.ts'
import type { Counters } from './view.ts'

/** SAs of which a session wants to know once that the peer sends with them, looked at whenever traffic is. */
export class InboundWatch {
  /** Packets each had taken when the watch began. */
  readonly #watched = new Map<EspSpi, number>()

  /** From now on; packets that it took before do not count. */
  add(spi: EspSpi, counters: Counters): void {
    this.#watched.set(spi, packets(spi, counters))
  }

  remove(spi: EspSpi): void {
    this.#watched.delete(spi)
  }

  /** Those that have taken an authentic packet since, each once. */
  arrived(counters: Counters): readonly IkeEvent[] {
    const spis = [...this.#watched].filter(([spi, before]) => packets(spi, counters) > before)
    return spis.map(([spi]) => {
      this.#watched.delete(spi)
      return { type: 'arrived', spi }
    })
  }
}

const packets = (spi: EspSpi, counters: Counters): number => counters.inbound(spi)?.packets ?? 0
