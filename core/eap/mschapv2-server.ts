import { equalConstantTime, utf8 } from '../bytes/octets.ts'
import { Secret } from '../bytes/secret.ts'
import * as chap from '../crypto/ms-chap.ts'
import type { VpnError } from '../errors.ts'
import { MsChapError } from '../iana/eap.ts'
import {
  decodeMsChapResponse,
  encodeMsChap,
  encodeMsChapFailure,
  type MsChapResponse,
} from '../wire/eap/mschapv2.ts'
import type { EapRequest } from '../wire/eap/packet.ts'
import {
  broken,
  type EapTools,
  fail,
  reply,
  type ServerMethod,
  type ServerMethodAction,
  unreadable,
} from './method.ts'
import { hashOf } from './mschapv2.ts'
import type { EapServerConfig } from './server-config.ts'

type Proof = { readonly peerChallenge: Uint8Array; readonly ntResponse: Uint8Array }

/** The server's side of EAP-MSCHAPv2, with another try and the change of an expired password. RFC 2759 §6, §7 */
class MsChapV2Server implements ServerMethod {
  readonly #config: EapServerConfig
  readonly #user: string
  readonly #tools: EapTools
  #challenge: Uint8Array
  #id = 0
  #left: number
  #awaits: 'proof' | 'change' | 'success' | 'failure' = 'proof'
  #msk: Secret | undefined

  constructor(config: EapServerConfig, user: string, tools: EapTools) {
    this.#config = config
    this.#user = user
    this.#tools = tools
    this.#left = config.retries ?? 0
    this.#challenge = tools.random.bytes(16)
  }

  begin(identifier: number): readonly ServerMethodAction[] {
    this.#id = identifier
    const name = utf8(this.#config.serverName)
    return [reply(encodeMsChap({ op: 'challenge', id: identifier, challenge: this.#challenge, name }))]
  }

  response({ data }: EapRequest, next: number): readonly ServerMethodAction[] {
    const read = decodeMsChapResponse(data)
    if (!read.ok) return [unreadable(read.error)]
    const message = read.value
    this.#id = next
    if (this.#awaits === 'success' && message.op === 'success') return [{ do: 'done' }]
    if (this.#awaits === 'failure' && message.op === 'failure') return [fail(REFUSED)]
    if (this.#awaits === 'proof' && message.op === 'response') return this.#onProof(message)
    if (this.#awaits === 'change' && message.op === 'changePassword') return this.#onChange(message)
    // A Success of the peer before ours, or instead of a proof (CVE-2015-8023).
    return [broken(`${message.op} out of order`, 'draft-kamath-pppext-eap-mschapv2-00 §2')]
  }

  #onProof(proof: MsChapResponse & { op: 'response' }): readonly ServerMethodAction[] {
    const user = this.#config.lookUp(this.#user)
    const hash = user === undefined ? undefined : hashOf(this.#tools.legacy, user.password)
    const good = hash !== undefined && this.#proves(proof, hash)
    if (!good) {
      hash?.close()
      return this.#refuse(
        MsChapError.ERROR_AUTHENTICATION_FAILURE.id,
        this.#left-- > 0,
        'proof',
        'Wrong password',
      )
    }
    if (user?.expired !== true) return this.#accept(proof, hash)
    hash.close()
    return this.#refuse(MsChapError.ERROR_PASSWD_EXPIRED.id, true, 'change', 'The password has expired')
  }

  #onChange(message: MsChapResponse & { op: 'changePassword' }): readonly ServerMethodAction[] {
    const { legacy } = this.#tools
    const user = this.#config.lookUp(this.#user)
    if (user === undefined) return [fail(REFUSED)]
    const old = hashOf(legacy, user.password)
    const wide = old.use((octets) => chap.decryptNewPassword(legacy, message.password, octets))
    const fresh = wide === undefined ? undefined : Secret.fromText(Buffer.from(wide).toString('utf16le'))
    const hash = fresh === undefined ? undefined : hashOf(legacy, fresh)
    const good =
      hash?.use((b) =>
        old.use((a) => equalConstantTime(chap.encryptOldHash(legacy, a, b), message.oldHash)),
      ) === true && this.#proves(message, hash)
    wide?.fill(0)
    old.close()
    if (fresh !== undefined && good) this.#config.changePassword?.(this.#user, fresh)
    fresh?.close()
    if (good) return this.#accept(message, hash)
    hash?.close()
    return this.#refuse(
      MsChapError.ERROR_CHANGING_PASSWORD.id,
      false,
      'failure',
      'The password was not changed',
    )
  }

  #short({ peerChallenge }: Proof): Uint8Array {
    return chap.challengeHash(peerChallenge, this.#challenge, chap.withoutDomain(utf8(this.#user)))
  }

  #proves(proof: Proof, hash: Secret): boolean {
    const wanted = hash.use((octets) =>
      chap.challengeResponse(this.#tools.legacy, this.#short(proof), octets),
    )
    return equalConstantTime(wanted, proof.ntResponse)
  }

  /** Takes over `hash`. */
  #accept(proof: Proof, hash: Secret): readonly ServerMethodAction[] {
    const { legacy } = this.#tools
    const answer = hash.use((octets) => {
      this.#msk = new Secret(chap.mschapv2Msk(legacy, octets, proof.ntResponse))
      return chap.authenticatorResponse(legacy, octets, proof.ntResponse, this.#short(proof))
    })
    hash.close()
    this.#awaits = 'success'
    return [reply(encodeMsChap({ op: 'success', id: this.#id, message: utf8(`${answer} M=Welcome`) }))]
  }

  #refuse(
    error: number,
    retry: boolean,
    then: 'proof' | 'change' | 'failure',
    text: string,
  ): readonly ServerMethodAction[] {
    this.#challenge = this.#tools.random.bytes(16)
    this.#awaits = retry ? then : 'failure'
    const message = encodeMsChapFailure({
      error,
      retry,
      challenge: this.#challenge,
      version: 3,
      text: utf8(text),
    })
    return [reply(encodeMsChap({ op: 'failure', id: this.#id, message }))]
  }

  takeMsk(): Secret | undefined {
    const msk = this.#msk
    this.#msk = undefined
    return msk
  }

  close(): void {
    this.#msk?.close()
  }
}

const REFUSED: VpnError = { kind: 'authFailed', who: 'us', method: 'EAP-MSCHAPv2' }

export const mschapv2Server = (config: EapServerConfig, user: string, tools: EapTools): ServerMethod =>
  new MsChapV2Server(config, user, tools)
