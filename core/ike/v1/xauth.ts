import { asMillis, type Millis } from '../../bytes/brands.ts'
import { concat, utf8 } from '../../bytes/octets.ts'
import type { Secret } from '../../bytes/secret.ts'
import { md5 } from '../../crypto/legacy.ts'
import type { EapQuestion } from '../../eap/method.ts'
import type { VpnError } from '../../errors.ts'
import { ConfigurationAttribute as A, ConfigurationType, XauthType } from '../../iana/ikev1.ts'
import { attributeBytes, attributeNumber } from '../../wire/ikev1/attribute.ts'
import type { Attribute, AttributesPayload } from '../../wire/ikev1/payload.ts'
import type { XauthConfig } from '../config.ts'
import type { Answer } from '../session.ts'
import type { Negotiation } from './negotiation.ts'
import { CHOICE } from './numbers.ts'
import { textOf } from './unity.ts'

export const isXauth = (type: number): boolean => type >= A.XAUTH_TYPE.id && type <= A.XAUTH_ANSWER.id
export const xauthStatus = (ok: boolean): Attribute => ({ type: A.XAUTH_STATUS.id, value: ok ? 1 : 0 })

/** What signing in asks of the connection it belongs to. */
export interface SigningIn {
  readonly n: Negotiation
  leave(error: VpnError): void
}

/** Says what a transaction of the peer is answered. */
export type Respond = (cfgType: number, attributes: readonly Attribute[]) => void

type Client = Extract<XauthConfig, { role: 'client' }>

/** An attribute to fill in: at once, or once a person has answered. */
type Blank =
  | { readonly type: number; readonly attribute: Attribute }
  | { readonly type: number; readonly question: EapQuestion }

interface Round {
  readonly blanks: readonly Blank[]
  readonly filled: Attribute[]
  readonly respond: Respond
  /** The question that is out. */
  id: number
}

/** Ours: what is asked where the gateway gives no words. */
const CODE = 'The gateway asks for a code.'
const NEXT_PIN = 'The gateway wants a new PIN for your token.'

/**
 * The client's part of XAuth: as many rounds as the gateway likes, each asking for what it wants to know. What we have is said
 * once; all else a person is asked. draft-beaulieu-ike-xauth
 */
export class XauthClient {
  readonly #e: SigningIn
  readonly #client: Client
  #rounds = 0
  /** The password of the profile was said; asked for again, it was not the right one. */
  #said = false
  /** What was typed in its place. */
  #typed: Secret | undefined
  #round: Round | undefined

  constructor(e: SigningIn, client: Client) {
    this.#e = e
    this.#client = client
  }

  /** Another phase 1: all of it may be asked again. */
  begin(): void {
    this.#rounds = 0
    this.#said = false
  }

  onRequest({ attributes }: AttributesPayload, respond: Respond, now: Millis): void {
    const { n } = this.#e
    this.#rounds++
    const blanks = this.#rounds > CHOICE.xauthRounds ? undefined : this.#blanks(attributes)
    if (blanks === undefined) {
      respond(ConfigurationType.ISAKMP_CFG_REPLY.id, [xauthStatus(false)])
      return this.#e.leave({
        kind: 'protocol',
        exchange: 'XAuth',
        problem: 'the gateway asks in a way nobody can answer',
        reference: 'draft-beaulieu-ike-xauth',
      })
    }
    n.clearTimer('gateway-turn')
    this.#round = { blanks, filled: [], respond, id: -1 }
    this.#goOn(this.#round, now)
  }

  /** Whether the answer was to a question of ours. */
  onAnswer(id: number, answer: Answer, now: Millis): boolean {
    const round = this.#round
    if (round?.id !== id) return false
    this.#e.n.clearTimer('question')
    const blank = round.blanks[round.filled.length]!
    if (answer?.what !== 'secret')
      this.#giveUp(answer?.what === 'failed' ? answer.error : { kind: 'cancelled' })
    else {
      const bytes = answer.secret.use((octets) => octets.slice())
      round.filled.push({ type: blank.type, bytes })
      if ('question' in blank && blank.question.what === 'password') this.#keep(answer.secret)
      else answer.secret.close()
      this.#goOn(round, now)
    }
    return true
  }

  onTimeout(): void {
    const blank = this.#round?.blanks[this.#round.filled.length]
    const what = blank !== undefined && 'question' in blank ? blank.question.what : 'code'
    this.#giveUp({ kind: 'notAnswered', what, seconds: CHOICE.questionMs / 1000 })
  }

  close(): void {
    this.#round = undefined
    this.#typed?.close()
    this.#typed = undefined
  }

  #keep(secret: Secret): void {
    this.#typed?.close()
    this.#typed = secret
  }

  /** The gateway is told that there will be no answer. draft-beaulieu-ike-xauth */
  #giveUp(error: VpnError): void {
    this.#round?.respond(ConfigurationType.ISAKMP_CFG_REPLY.id, [xauthStatus(false)])
    this.#round = undefined
    this.#e.leave(error)
  }

  #goOn(round: Round, now: Millis): void {
    const { n } = this.#e
    for (let blank = round.blanks[round.filled.length]; blank !== undefined; ) {
      if ('question' in blank) {
        round.id = n.freshQuestion()
        const until = asMillis(now + CHOICE.questionMs)
        n.step = 'waiting for your answer'
        n.setTimer('question', until)
        n.act({ do: 'ask', id: round.id, question: blank.question, until })
        return
      }
      round.filled.push(blank.attribute)
      blank = round.blanks[round.filled.length]
    }
    this.#round = undefined
    n.step = 'signing in'
    n.setTimer('gateway-turn', asMillis(now + CHOICE.gatewayTurnMs))
    round.respond(ConfigurationType.ISAKMP_CFG_REPLY.id, round.filled)
  }

  /** What is asked for; `undefined` where nobody can answer that. */
  #blanks(asked: readonly Attribute[]): readonly Blank[] | undefined {
    const find = ({ id }: { readonly id: number }): Attribute | undefined =>
      asked.find(({ type }) => type === id)
    const kind = find(A.XAUTH_TYPE)
    const type = kind === undefined ? XauthType.GENERIC.id : attributeNumber(kind)
    const [message, challenge] = [find(A.XAUTH_MESSAGE), find(A.XAUTH_CHALLENGE)]
    const words = [message, challenge].flatMap((attribute) =>
      attribute === undefined ? [] : [textOf(attribute)],
    )
    if (message !== undefined) this.#e.n.note(`the gateway says: ${textOf(message)}`)
    const known: readonly number[] = [XauthType.GENERIC.id, XauthType.RADIUS_CHAP.id, XauthType.OTP.id]
    if (type === undefined || !known.includes(type)) return undefined
    const blanks: Blank[] = []
    const now = (id: number, bytes: Uint8Array): void => {
      blanks.push({ type: id, attribute: { type: id, bytes } })
    }
    const code = (id: number, otherwise: string): void => {
      const text = words.join(' ').trim()
      const question = {
        what: 'code',
        user: this.#client.user,
        message: text === '' ? otherwise : text,
      } as const
      blanks.push({ type: id, question })
    }
    for (const attribute of asked) {
      switch (attribute.type) {
        case A.XAUTH_TYPE.id:
          blanks.push({ type: attribute.type, attribute: { type: attribute.type, value: type } })
          break
        case A.XAUTH_USER_NAME.id:
          now(attribute.type, utf8(this.#client.user))
          break
        case A.XAUTH_DOMAIN.id:
          now(attribute.type, utf8(/^([^\\]+)\\/.exec(this.#client.user)?.[1] ?? ''))
          break
        case A.XAUTH_USER_PASSWORD.id:
          if (type === XauthType.OTP.id) code(attribute.type, CODE)
          else if (type === XauthType.RADIUS_CHAP.id && challenge !== undefined)
            now(attribute.type, this.#chap(attributeBytes(challenge)))
          else blanks.push(this.#password(words.join(' ').trim()))
          break
        case A.XAUTH_PASSCODE.id:
        case A.XAUTH_ANSWER.id:
          code(attribute.type, CODE)
          break
        case A.XAUTH_NEXT_PIN.id:
          code(attribute.type, NEXT_PIN)
          break
      }
    }
    return blanks
  }

  get #secret(): Secret {
    return this.#typed ?? this.#client.password
  }

  #password(message: string): Blank {
    const type = A.XAUTH_USER_PASSWORD.id
    if (this.#said) {
      const said = message === '' ? {} : { message }
      return { type, question: { what: 'password', user: this.#client.user, retry: true, ...said } }
    }
    this.#said = true
    return { type, attribute: { type, bytes: this.#secret.use((octets) => octets.slice()) } }
  }

  /** An identifier, then MD5 of that, the password and the challenge. RFC 1994 §4.1 */
  #chap(challenge: Uint8Array): Uint8Array {
    this.#said = true
    const id = this.#e.n.random.bytes(1)
    return concat(
      id,
      this.#secret.use((password) => md5(id, password, challenge)),
    )
  }
}
