import type { GatewayProbe } from '../core/contract/probe.ts'
import { createRegistry } from '../core/crypto/registry.ts'
import { systemRandom } from '../core/crypto/system-random.ts'
import { loadAddon } from '../core/native/load.ts'
import { probeGateway } from '../core/probe/probe.ts'

/** Questions to a gateway what it accepts, one at a time. */
export class ProbeDesk {
  #stop = new AbortController()

  /** Throws `VpnFailure` (`nameNotResolved`, `systemRefused`, `nativeMissing`, `cancelled`). */
  probe(host: string): Promise<GatewayProbe> {
    this.cancel()
    return probeGateway(host, createRegistry(loadAddon()), systemRandom, this.#stop.signal)
  }

  cancel(): void {
    this.#stop.abort()
    this.#stop = new AbortController()
  }
}
