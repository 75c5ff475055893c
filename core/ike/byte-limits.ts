import type { EspSpi } from '../bytes/brands.ts'
import type { CryptoRegistry } from '../crypto/transforms.ts'
import type { IpsecSa } from '../esp/engine.ts'
import type { IkeAction, IkeEvent } from './session.ts'
import type { Counters } from './view.ts'

type Limit = Extract<IkeAction, { do: 'limitBytes' }>

const SHORT_BLOCK_BYTES = 8
/**
 * Ours: of 2³² blocks of 64 bits two are likely to be equal, which tells something of what they hide. A 32nd of that
 * leaves one chance in two thousand. CVE-2016-2183 (Sweet32)
 */
const SHORT_BLOCK_LIMIT_BYTES = 2 ** 30

/** Octets a pair of SAs may carry because of its cipher, whatever was agreed. `undefined`: as many as it likes. */
export function mostBytes({ esp }: IpsecSa, { encryption }: CryptoRegistry): number | undefined {
  const cipher = esp && encryption.get(esp.encryption.id)
  return cipher?.blockBytes === SHORT_BLOCK_BYTES ? SHORT_BLOCK_LIMIT_BYTES : undefined
}

/** What pairs of ESP SAs may carry, looked at whenever traffic is. RFC 2407 §4.5 */
export class ByteLimits {
  readonly #limits = new Map<EspSpi, Limit>()

  /** Of several limits the least counts. */
  add(limit: Limit): void {
    const known = this.#limits.get(limit.inbound)
    if (known === undefined || limit.bytes < known.bytes) this.#limits.set(limit.inbound, limit)
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
