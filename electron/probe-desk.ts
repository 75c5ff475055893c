import type { GatewayProbe } from '../core/contract/probe.ts'
import { createRegistry } from '../core/crypto/registry.ts'
import { systemRandom } from '../core/crypto/system-random.ts'
import { loadAddon } from '../core/native/load.ts'
import { probeGateway } from '../core/probe/probe.ts'
import { probedSuites } from './probed-suites.ts'

/** Questions to a gateway what it accepts, one at a time. */
export class ProbeDesk {
  #stop = new AbortController()

  /** Throws `VpnFailure` (`nameNotResolved`, `systemRefused`, `nativeMissing`, `cancelled`). */
  async probe(host: string): Promise<GatewayProbe> {
    this.cancel()
    const found = await probeGateway(host, createRegistry(loadAddon()), systemRandom, this.#stop.signal)
    return { ...found, suites: probedSuites(found) }
  }

  cancel(): void {
    this.#stop.abort()
    this.#stop = new AbortController()
  }
}
