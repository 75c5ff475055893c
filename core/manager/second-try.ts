import type { Secret } from '../bytes/secret.ts'
import type { VpnError } from '../errors.ts'
import type { ConnectionListener } from '../ike/config.ts'
import { type Profile, sessionSecrets } from '../profile/schema.ts'
import { passwordUser } from '../profile/sign-in.ts'
import type { Clock } from './dependencies.ts'

/** Ours: how long a person may take. */
const WAIT_MS = 120_000

/**
 * A password that was refused, by a gateway that does not ask for another by itself: the person is asked once, and what
 * is saved stays as it is.
 */
export class SecondTry {
  readonly #profile: Profile
  readonly #ask: ConnectionListener['ask']
  readonly #clock: Clock
  readonly #withdraw: () => void
  #asked = false
  #typed: Secret | undefined

  /** `withdraw`: what is asked for this profile is not waited for any longer. */
  constructor(profile: Profile, ask: ConnectionListener['ask'], clock: Clock, withdraw: () => void) {
    this.#profile = profile
    this.#ask = ask
    this.#clock = clock
    this.#withdraw = withdraw
  }

  /** The gateway has asked by itself: once is enough. */
  readonly ask: ConnectionListener['ask'] = (question, untilMs) => {
    if (question.what === 'password') this.#asked = true
    return this.#ask(question, untilMs)
  }

  /** Whether to try again, with what was typed. Never throws. */
  async wanted(error: VpnError): Promise<boolean> {
    const refused = error.kind === 'authFailed' && error.who === 'us'
    if (!refused || this.#asked || !sessionSecrets(this.#profile).includes('password')) return false
    this.#asked = true
    const user = passwordUser(this.#profile) ?? this.#profile.localId ?? ''
    const message = error.problem === undefined ? {} : { message: error.problem }
    const untilMs = this.#clock.now() + WAIT_MS
    const waited = this.#clock.after(WAIT_MS, this.#withdraw)
    try {
      this.#typed = await this.#ask({ what: 'password', user, retry: true, ...message }, untilMs)
    } catch {
      // There is nobody to ask.
      return false
    } finally {
      waited()
    }
    return this.#typed !== undefined
  }

  /** What was typed in the place of what is saved; the caller closes it. */
  secret(name: string): Secret | undefined {
    return name === 'password' ? this.#typed?.clone() : undefined
  }

  close(): void {
    this.#typed?.close()
    this.#typed = undefined
  }
}
