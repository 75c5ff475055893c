import { concat, equalConstantTime, utf8 } from '../bytes/octets.ts'
import type { Secret } from '../bytes/secret.ts'
import { md5 } from '../crypto/legacy.ts'
import type { EapRequest } from '../wire/eap/packet.ts'
import type { EapPeerConfig } from './config.ts'
import type { ServerMethod } from './method.ts'
import { broken, type EapTools, fail, type MethodAction, type PeerMethod, reply } from './method.ts'
import type { EapServerConfig } from './server-config.ts'

// MD5-Challenge, RFC 3748 §5.4: CHAP. It gives no key and does not prove the server.

const CHALLENGE_BYTES = 16

/** Value-Size, Value, Name; `undefined` where the size does not fit. RFC 1994 §4.1 */
function chapValue(data: Uint8Array): Uint8Array | undefined {
  const size = data[0] ?? 0
  return size > 0 && size < data.length ? data.subarray(1, 1 + size) : undefined
}

const answerTo = (identifier: number, password: Secret, challenge: Uint8Array): Uint8Array =>
  password.use((secret) => md5(Uint8Array.of(identifier), secret, challenge))

class Md5Peer implements PeerMethod {
  readonly #config: EapPeerConfig
  #typed: Secret | undefined
  #pending: EapRequest | undefined
  complete = false

  constructor(config: EapPeerConfig) {
    this.#config = config
  }

  request(request: EapRequest): readonly MethodAction[] {
    if (chapValue(request.data) === undefined) return [broken('a challenge without a value', 'RFC 3748 §5.4')]
    const password = this.#typed ?? this.#config.password
    if (password !== undefined) return this.#answer(request, password)
    this.#pending = request
    return [{ do: 'ask', question: { what: 'password', user: this.#config.user, retry: false } }]
  }

  answered(answer: Secret): readonly MethodAction[] {
    this.#typed = answer
    return this.#pending === undefined ? [] : this.#answer(this.#pending, answer)
  }

  #answer(request: EapRequest, password: Secret): readonly MethodAction[] {
    this.complete = true
    const value = answerTo(request.identifier, password, chapValue(request.data)!)
    return [reply(concat(Uint8Array.of(value.length), value, utf8(this.#config.user)))]
  }

  takeMsk(): undefined {}

  close(): void {
    this.#typed?.close()
  }
}

class Md5Server implements ServerMethod {
  readonly #config: EapServerConfig
  readonly #user: string
  readonly #challenge: Uint8Array

  constructor(config: EapServerConfig, user: string, tools: EapTools) {
    this.#config = config
    this.#user = user
    this.#challenge = tools.random.bytes(CHALLENGE_BYTES)
  }

  begin(): readonly [MethodAction & { do: 'reply' }] {
    const { serverName } = this.#config
    return [reply(concat(Uint8Array.of(CHALLENGE_BYTES), this.#challenge, utf8(serverName)))]
  }

  response({ identifier, data }: EapRequest): ReturnType<ServerMethod['response']> {
    const given = chapValue(data)
    const user = this.#config.lookUp(this.#user)
    const good =
      given !== undefined &&
      user !== undefined &&
      equalConstantTime(answerTo(identifier, user.password, this.#challenge), given)
    return [good ? { do: 'done' } : fail({ kind: 'authFailed', who: 'us', method: 'MD5-Challenge' })]
  }

  takeMsk(): undefined {}
  close(): void {}
}

export const md5Peer = (config: EapPeerConfig): PeerMethod => new Md5Peer(config)
export const md5Server = (config: EapServerConfig, user: string, tools: EapTools): ServerMethod =>
  new Md5Server(config, user, tools)
