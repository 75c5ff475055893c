import type { WindowApi } from '../../core/contract/contract.ts'
import { DEFAULT_SETTINGS, type Settings } from '../../core/contract/settings.ts'
import type { ErrorSnapshot } from '../../core/contract/snapshot.ts'

/** The settings of the app, as main has them. */
export class Preferences {
  readonly #api: WindowApi
  #now = $state.raw<Settings>(DEFAULT_SETTINGS)
  fault = $state.raw<ErrorSnapshot | undefined>(undefined)

  constructor(api: WindowApi) {
    this.#api = api
    api.app.settingsChanged((settings) => {
      this.#now = settings
    })
    void api.app.settings().then((outcome) => {
      if (outcome.ok) this.#now = outcome.value
    })
  }

  get now(): Settings {
    return this.#now
  }

  async change(part: Partial<Settings>): Promise<void> {
    const outcome = await this.#api.app.change(part)
    if (outcome.ok) this.#now = outcome.value
    this.fault = outcome.ok ? undefined : outcome.error
  }
}
