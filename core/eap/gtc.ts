import { equalConstantTime, utf8 } from '../bytes/octets.ts'
import type { Secret } from '../bytes/secret.ts'
import type { EapRequest } from '../wire/eap/packet.ts'
import type { EapPeerConfig } from './config.ts'
import { broken, fail, type MethodAction, type PeerMethod, reply, type ServerMethod } from './method.ts'
import { CHOICE } from './numbers.ts'
import type { EapServerConfig } from './server-config.ts'
import { shownText } from './text.ts'

// Generic Token Card and One-Time Password, RFC 3748 §5.5 and §5.6: the server shows a text, we send what is typed,
// readable for the server. So neither is spoken before the server has proven itself.

/** `password`: the first question may be answered with what is saved; a one-time password never is. */
class TokenPeer implements PeerMethod {
  readonly #config: EapPeerConfig
  readonly #title: string
  #saved: Secret | undefined
  #asked = 0
  complete = false

  constructor(config: EapPeerConfig, title: string, saved: Secret | undefined) {
    this.#config = config
    this.#title = title
    this.#saved = saved
  }

  request({ data }: EapRequest): readonly MethodAction[] {
    if (data.length === 0) return [broken(`${this.#title} without a text`, 'RFC 3748 §5.6')]
    const saved = this.#saved
    this.#saved = undefined
    if (saved !== undefined) return this.#answer(saved)
    if (++this.#asked > CHOICE.passwordTries)
      return [fail({ kind: 'authFailed', who: 'us', method: this.#title, problem: 'every code was refused' })]
    return [{ do: 'ask', question: { what: 'code', user: this.#config.user, message: shownText(data) } }]
  }

  answered(answer: Secret): readonly MethodAction[] {
    const actions = this.#answer(answer)
    answer.close()
    return actions
  }

  #answer(secret: Secret): readonly MethodAction[] {
    this.complete = true
    return [reply(secret.use((octets) => octets.slice()))]
  }

  takeMsk(): undefined {}
  close(): void {}
}

class TokenServer implements ServerMethod {
  readonly #config: EapServerConfig
  readonly #user: string
  readonly #title: string
  #left: number

  constructor(config: EapServerConfig, user: string, title: string) {
    this.#config = config
    this.#user = user
    this.#title = title
    this.#left = config.retries ?? 0
  }

  begin(): readonly [MethodAction & { do: 'reply' }] {
    return [reply(utf8('Password'))]
  }

  response({ data }: EapRequest): ReturnType<ServerMethod['response']> {
    const user = this.#config.lookUp(this.#user)
    if (user?.password.use((password) => equalConstantTime(password, data))) return [{ do: 'done' }]
    if (this.#left-- > 0) return [reply(utf8('Wrong, once more'))]
    return [fail({ kind: 'authFailed', who: 'us', method: this.#title })]
  }

  takeMsk(): undefined {}
  close(): void {}
}

export const gtcPeer = (config: EapPeerConfig): PeerMethod =>
  new TokenPeer(config, 'GTC', config.gtcIsCode === true ? undefined : config.password)
export const otpPeer = (config: EapPeerConfig): PeerMethod => new TokenPeer(config, 'OTP', undefined)
export const gtcServer = (config: EapServerConfig, user: string): ServerMethod =>
  new TokenServer(config, user, 'GTC')
export const otpServer = (config: EapServerConfig, user: string): ServerMethod =>
  new TokenServer(config, user, 'OTP')
