import type { Millis } from '../../../bytes/brands.ts'
import { equalConstantTime, NO_OCTETS, utf8 } from '../../../bytes/octets.ts'
import type { Secret } from '../../../bytes/secret.ts'
import { md5 } from '../../../crypto/legacy.ts'
import {
  ConfigurationAttribute as A,
  ConfigurationType,
  ExchangeType,
  XauthType,
} from '../../../iana/ikev1.ts'
import { attributeBytes } from '../../../wire/ikev1/attribute.ts'
import type { Attribute } from '../../../wire/ikev1/payload.ts'
import type { XauthGatewayConfig } from '../../config.ts'
import type { Established } from '../established.ts'
import type { IsakmpSa } from '../isakmp-sa.ts'
import { xauthStatus } from '../xauth.ts'
import { attributesPayload, readTransaction } from './transaction.ts'

const { ISAKMP_CFG_REQUEST, ISAKMP_CFG_REPLY, ISAKMP_CFG_SET, ISAKMP_CFG_ACK } = ConfigurationType

/** Ours: octets of a challenge. */
const CHALLENGE_BYTES = 16
const CODE_WANTED = 'Enter the code that is good for this time.'

const blank = ({ id }: { readonly id: number }): Attribute => ({ type: id, bytes: NO_OCTETS })
const kindOf = (type: number): Attribute => ({ type: A.XAUTH_TYPE.id, value: type })

/** The gateway's part of XAuth: a name and a password, perhaps a code, then whether they will do. draft-beaulieu-ike-xauth §2 */
export function requestXauth(e: Established, config: XauthGatewayConfig, now: Millis): void {
  new XauthGateway(e, config).askPassword(now)
}

class XauthGateway {
  readonly #e: Established
  readonly #config: XauthGatewayConfig
  readonly #sa: IsakmpSa
  /** One for all messages of a sign-in. draft-beaulieu-ike-xauth §2 */
  readonly #identifier: number

  constructor(e: Established, config: XauthGatewayConfig) {
    this.#e = e
    this.#config = config
    this.#sa = e.current
    this.#sa.signedIn = false
    this.#identifier = new DataView(e.n.random.bytes(2).buffer).getUint16(0)
  }

  askPassword(now: Millis): void {
    const challenge = this.#config.chap === true ? this.#e.n.random.bytes(CHALLENGE_BYTES) : undefined
    const how =
      challenge === undefined
        ? []
        : [kindOf(XauthType.RADIUS_CHAP.id), { type: A.XAUTH_CHALLENGE.id, bytes: challenge }]
    this.#ask([...how, blank(A.XAUTH_USER_NAME), blank(A.XAUTH_USER_PASSWORD)], now, (of, at) => {
      const name = Buffer.from(of(A.XAUTH_USER_NAME)).toString('utf8')
      const secret = this.#config.users.get(name)
      const said = of(A.XAUTH_USER_PASSWORD)
      const right = secret !== undefined && proves(secret, said, challenge)
      // Whoever renews phase 1 is who began it.
      if (!right || (this.#e.n.signedInAs ?? name) !== name) return this.#end(undefined, at)
      // Who renews has no new code at hand: the tunnel would end with every phase 1.
      const known = this.#e.n.signedInAs === name
      if (!known && this.#config.codes?.has(name) === true) this.#askCode(name, at)
      else this.#end(name, at)
    })
  }

  #askCode(name: string, now: Millis): void {
    const words = { type: A.XAUTH_MESSAGE.id, bytes: utf8(CODE_WANTED) }
    this.#ask([kindOf(XauthType.OTP.id), words, blank(A.XAUTH_PASSCODE)], now, (of, at) => {
      const right = this.#config.codes?.take(name, of(A.XAUTH_PASSCODE)) === true
      this.#end(right ? name : undefined, at)
    })
  }

  /** A REQUEST; `then` gets what the REPLY has. A client that cannot answer says STATUS, and nothing that would be right. */
  #ask(
    attributes: readonly Attribute[],
    now: Millis,
    then: (of: (kind: { readonly id: number }) => Uint8Array, now: Millis) => void,
  ): void {
    this.#transact(ISAKMP_CFG_REQUEST.id, attributes, ISAKMP_CFG_REPLY.id, now, (reply, at) => {
      // Android ends a password with a zero octet.
      const of = ({ id }: { readonly id: number }): Uint8Array => {
        const found = reply.find(({ type }) => type === id)
        const bytes = found === undefined ? NO_OCTETS : attributeBytes(found)
        const digest = id === A.XAUTH_USER_PASSWORD.id && this.#config.chap === true
        return bytes.at(-1) === 0 && !digest ? bytes.subarray(0, -1) : bytes
      }
      then(of, at)
    })
  }

  /** `name`: who is let in; nobody: it was wrong. */
  #end(name: string | undefined, now: Millis): void {
    const ok = name !== undefined
    if (ok) this.#e.n.signedInAs = name
    this.#sa.signedIn = ok
    this.#transact(ISAKMP_CFG_SET.id, [xauthStatus(ok)], ISAKMP_CFG_ACK.id, now, (_, at) =>
      this.#e.start.onXauthStatus(ok, at),
    )
  }

  #transact(
    cfgType: number,
    attributes: readonly Attribute[],
    answer: number,
    now: Millis,
    then: (attributes: readonly Attribute[], now: Millis) => void,
  ): void {
    this.#e.ask(
      this.#sa,
      {
        label: 'XAuth',
        exchange: ExchangeType.TRANSACTION.id,
        payloads: [attributesPayload(cfgType, this.#identifier, attributes)],
        onMessage: (opened) => {
          const reply = readTransaction(opened)
          if (reply?.cfgType !== answer) return 'ignored'
          opened.accept()
          return { after: (at) => then(reply.attributes, at) }
        },
        onFailed: (error) => this.#e.leave(error),
      },
      now,
    )
  }
}

/** The password itself, or an identifier and MD5 of that, the password and the challenge. RFC 1994 §4.1 */
const proves = (secret: Secret, said: Uint8Array, challenge: Uint8Array | undefined): boolean =>
  secret.use((password) =>
    challenge === undefined
      ? equalConstantTime(password, said)
      : equalConstantTime(md5(said.subarray(0, 1), password, challenge), said.subarray(1)),
  )
