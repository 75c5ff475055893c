import type { WindowApi } from '../../core/contract/contract.ts'
import type { GatewayProbe, ProbedSuites } from '../../core/contract/probe.ts'
import type { ProfileDocument } from '../../core/contract/profile.ts'
import type { ErrorSnapshot } from '../../core/contract/snapshot.ts'

/** The question to a gateway what it accepts. */
export class Probing {
  readonly #profiles: WindowApi['profiles']
  running = $state(false)
  found = $state.raw<GatewayProbe | undefined>(undefined)
  fault = $state.raw<ErrorSnapshot | undefined>(undefined)

  constructor({ profiles }: WindowApi) {
    this.#profiles = profiles
  }

  async ask(host: string): Promise<void> {
    if (this.running) return
    this.running = true
    this.found = undefined
    this.fault = undefined
    const outcome = await this.#profiles.probe({ host })
    this.running = false
    if (outcome.ok) this.found = outcome.value
    else if (outcome.error.kind !== 'cancelled') this.fault = outcome.error
  }

  stop(): void {
    void this.#profiles.stopProbe()
  }
}

/** Suites a gateway takes, for the version of IKE a profile speaks; where that is open, of the newer one it answers. */
export function suitesFor(document: ProfileDocument | undefined, suites: ProbedSuites): readonly string[] {
  const version = document?.ike.version
  if (version === 2) return suites.ikev2
  if (version === 1) return suites.ikev1
  return suites.ikev2.length > 0 ? suites.ikev2 : suites.ikev1
}
