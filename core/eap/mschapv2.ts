import { utf8 } from '../bytes/octets.ts'
import { Secret } from '../bytes/secret.ts'
import type { LegacyCrypto } from '../crypto/legacy.ts'
import * as chap from '../crypto/ms-chap.ts'
import type { VpnError } from '../errors.ts'
import { MsChapError } from '../iana/eap.ts'
import { nameOf } from '../iana/registry.ts'
import {
  decodeMsChapFailure,
  decodeMsChapRequest,
  encodeMsChap,
  type MsChapFailure,
  type MsChapRequest,
} from '../wire/eap/mschapv2.ts'
import type { EapRequest } from '../wire/eap/packet.ts'
import type { EapPeerConfig } from './config.ts'
import {
  broken,
  type EapTools,
  fail,
  type MethodAction,
  type PeerMethod,
  reply,
  unreadable,
} from './method.ts'
import { CHOICE } from './numbers.ts'
import { shownText } from './text.ts'

// EAP-MSCHAPv2, draft-kamath-pppext-eap-mschapv2-00 with RFC 2759 and RFC 3079. Each state has one legal next message.
// The server's side is mschapv2-server.ts.

const TITLE = 'EAP-MSCHAPv2'
const DRAFT = 'draft-kamath-pppext-eap-mschapv2-00'

/** NtPasswordHash of a password in UTF-8. */
export const hashOf = (legacy: LegacyCrypto, password: Secret): Secret =>
  password.use((octets) => {
    const wide = chap.utf16Password(octets)
    const hash = new Secret(chap.ntPasswordHash(legacy, wide))
    wide.fill(0)
    return hash
  })

/** What we sent, and what the server must say to it. */
interface Sent {
  readonly expected: string
  readonly msk: Secret
}

type Phase =
  | { readonly awaits: 'challenge' }
  /** A password, for this challenge; the answer goes under this ID. */
  | { readonly awaits: 'password' | 'newPassword'; readonly challenge: Uint8Array; readonly id: number }
  | { readonly awaits: 'verdict'; readonly sent: Sent }
  | { readonly awaits: 'nothing' }

class MsChapV2Peer implements PeerMethod {
  readonly #config: EapPeerConfig
  readonly #tools: EapTools
  #phase: Phase = { awaits: 'challenge' }
  /** The password in use; ours to close when it was typed. */
  #password: Secret | undefined
  #typed = 0
  #msk: Secret | undefined
  complete = false
  refusal: VpnError | undefined

  constructor(config: EapPeerConfig, tools: EapTools) {
    this.#config = config
    this.#tools = tools
    this.#password = config.password
  }

  request({ data }: EapRequest): readonly MethodAction[] {
    const read = decodeMsChapRequest(data)
    if (!read.ok) return [unreadable(read.error)]
    const phase = this.#phase
    const message = read.value
    if (phase.awaits === 'challenge' && message.op === 'challenge') return this.#onChallenge(message)
    if (phase.awaits === 'verdict' && message.op === 'success')
      return this.#onSuccess(message.message, phase.sent)
    if (phase.awaits === 'verdict' && message.op === 'failure')
      return this.#onFailure(message.id, decodeMsChapFailure(message.message))
    return [broken(`${message.op} out of order`, `${DRAFT} §2`)]
  }

  answered(answer: Secret): readonly MethodAction[] {
    const phase = this.#phase
    if (phase.awaits === 'password') {
      this.#typed++
      this.#adopt(answer)
      return this.#respond(phase.id, phase.challenge, answer)
    }
    if (phase.awaits !== 'newPassword') return []
    return this.#changePassword(phase.id, phase.challenge, answer)
  }

  #onChallenge({ id, challenge }: MsChapRequest & { op: 'challenge' }): readonly MethodAction[] {
    if (this.#password !== undefined) return this.#respond(id, challenge, this.#password)
    this.#phase = { awaits: 'password', challenge: challenge.slice(), id }
    return [{ do: 'ask', question: { what: 'password', user: this.#config.user, retry: false } }]
  }

  #respond(id: number, challenge: Uint8Array, password: Secret): readonly MethodAction[] {
    const { peerChallenge, ntResponse } = this.#prove(challenge, password)
    const name = utf8(this.#config.user)
    return [reply(encodeMsChap({ op: 'response', id, peerChallenge, ntResponse, name }))]
  }

  /** The numbers of one try; from here on its verdict is awaited. RFC 2759 §4, §8.1 */
  #prove(challenge: Uint8Array, password: Secret): { peerChallenge: Uint8Array; ntResponse: Uint8Array } {
    const { legacy, random } = this.#tools
    const peerChallenge = random.bytes(16)
    const user = chap.withoutDomain(utf8(this.#config.user))
    const short = chap.challengeHash(peerChallenge, challenge, user)
    const hash = hashOf(legacy, password)
    const { ntResponse, sent } = hash.use((octets) => {
      const proof = chap.challengeResponse(legacy, short, octets)
      const expected = chap.authenticatorResponse(legacy, octets, proof, short)
      return {
        ntResponse: proof,
        sent: { expected, msk: new Secret(chap.mschapv2Msk(legacy, octets, proof)) },
      }
    })
    hash.close()
    this.#phase = { awaits: 'verdict', sent }
    return { peerChallenge, ntResponse }
  }

  /** The server proves that it knows the password too; only then it is told that we heard it. RFC 2759 §5 */
  #onSuccess(message: Uint8Array, sent: Sent): readonly MethodAction[] {
    if (!chap.isAuthenticatorResponse(sent.expected, Buffer.from(message).toString('latin1'))) {
      return [
        fail({
          kind: 'authFailed',
          who: 'gateway',
          method: TITLE,
          problem: 'it does not know your password',
        }),
      ]
    }
    this.#msk = sent.msk
    this.#phase = { awaits: 'nothing' }
    this.complete = true
    return [reply(encodeMsChap({ op: 'success' }))]
  }

  #onFailure(id: number, failure: MsChapFailure): readonly MethodAction[] {
    this.#dropSent()
    const { user } = this.#config
    const next = (id + 1) & 0xff
    const text = shownText(failure.text)
    const message = text === '' ? {} : { message: text }
    this.refusal = { kind: 'authFailed', who: 'us', method: TITLE, problem: problemOf(failure, text) }
    const challenge = failure.challenge
    // Version 3 is the change of passwords described here; where nothing is said there is no other. RFC 2759 §7
    const expired = failure.error === MsChapError.ERROR_PASSWD_EXPIRED.id && failure.version >= 3
    if (challenge !== undefined && this.#typed < CHOICE.passwordTries) {
      if (expired && this.#password !== undefined) {
        this.#phase = { awaits: 'newPassword', challenge, id: next }
        return [{ do: 'ask', question: { what: 'newPassword', user, ...message } }]
      }
      if (failure.retry) {
        this.#phase = { awaits: 'password', challenge, id: next }
        return [{ do: 'ask', question: { what: 'password', user, retry: true, ...message } }]
      }
    }
    // Some servers take an answer to a final failure amiss, and none needs it.
    return [fail(this.refusal)]
  }

  /** RFC 2759 §7: the new password under the old one, and the proof already with the new one. */
  #changePassword(id: number, challenge: Uint8Array, fresh: Secret): readonly MethodAction[] {
    const { legacy, random } = this.#tools
    const old = hashOf(legacy, this.#password!)
    const hash = hashOf(legacy, fresh)
    const wide = fresh.use(chap.utf16Password)
    const password = old.use((octets) => chap.encryptNewPassword(legacy, random, wide, octets))
    wide.fill(0)
    const oldHash = old.use((a) => hash.use((b) => chap.encryptOldHash(legacy, a, b)))
    old.close()
    hash.close()
    this.#adopt(fresh)
    if (password === undefined)
      return [fail({ kind: 'authFailed', who: 'us', method: TITLE, problem: 'the new password is too long' })]
    this.#typed++
    const { peerChallenge, ntResponse } = this.#prove(challenge, fresh)
    return [reply(encodeMsChap({ op: 'changePassword', id, password, oldHash, peerChallenge, ntResponse }))]
  }

  #adopt(password: Secret): void {
    if (this.#password !== this.#config.password) this.#password?.close()
    this.#password = password
  }

  #dropSent(): void {
    if (this.#phase.awaits === 'verdict') this.#phase.sent.msk.close()
  }

  takeMsk(): Secret | undefined {
    const msk = this.#msk
    this.#msk = undefined
    return msk
  }

  close(): void {
    this.#dropSent()
    this.#msk?.close()
    if (this.#password !== this.#config.password) this.#password?.close()
  }
}

/** A clause for people out of what the server gave as its reason. RFC 2759 §6 */
function problemOf({ error }: MsChapFailure, text: string): string {
  const reasons: Readonly<Record<number, string>> = {
    [MsChapError.ERROR_RESTRICTED_LOGON_HOURS.id]: 'not at this hour',
    [MsChapError.ERROR_ACCT_DISABLED.id]: 'the account is disabled',
    [MsChapError.ERROR_PASSWD_EXPIRED.id]: 'the password has expired',
    [MsChapError.ERROR_NO_DIALIN_PERMISSION.id]: 'the account may not connect from outside',
    [MsChapError.ERROR_AUTHENTICATION_FAILURE.id]: 'the name or the password is wrong',
    [MsChapError.ERROR_CHANGING_PASSWORD.id]: 'the new password was not taken',
  }
  const reason = reasons[error] ?? (error === 0 ? 'it gives no reason' : nameOf(MsChapError, error))
  return text === '' ? reason : `${reason}; it says “${text}”`
}

export const mschapv2Peer = (config: EapPeerConfig, tools: EapTools): PeerMethod =>
  new MsChapV2Peer(config, tools)
