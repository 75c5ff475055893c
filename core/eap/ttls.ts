import { concat, NO_OCTETS, utf8 } from '../bytes/octets.ts'
import type { Secret } from '../bytes/secret.ts'
import { md5 } from '../crypto/legacy.ts'
import * as chap from '../crypto/ms-chap.ts'
import type { TlsEstablished } from '../crypto/tls.ts'
import type { VpnError } from '../errors.ts'
import { EapType, MicrosoftAttribute, RadiusAttribute, VENDOR_MICROSOFT } from '../iana/eap.ts'
import { type Avp, decodeAvps, encodeAvps } from '../wire/eap/avp.ts'
import { decodeMsChapFailure } from '../wire/eap/mschapv2.ts'
import { encodeEapPacket } from '../wire/eap/packet.ts'
import type { EapPeerConfig, TtlsInner } from './config.ts'
import { fromInner, innerConfig } from './inner-eap.ts'
import {
  broken,
  fail,
  type InnerConversation,
  type PeerMethod,
  type PeerTools,
  unreadable,
} from './method.ts'
import { hashOf } from './mschapv2.ts'
import { CHOICE } from './numbers.ts'
import { shownText } from './text.ts'
import { clientSetup, firstOf } from './tls.ts'
import { type InnerAction, type InnerPeer, TunnelPeer, tunnelExports } from './tunnel.ts'

// EAP-TTLS version 0, RFC 5281: a tunnel, and inside it what RADIUS has for signing in.

const TITLE = 'EAP-TTLS'
export const TTLS_TYPE = EapType['EAP-TTLS'].id
export const TTLS_LABEL = 'ttls keying material'
/** Octets of the implicit challenge with its identifier. RFC 5281 §11.2.2–11.2.4 */
export const CHALLENGE_BYTES = { chap: 17, mschap: 9, mschapv2: 17 } as const

export const radius = (name: keyof typeof RadiusAttribute, data: Uint8Array): Avp => ({
  code: RadiusAttribute[name].id,
  vendor: 0,
  mandatory: true,
  data,
})
export const microsoft = (name: keyof typeof MicrosoftAttribute, data: Uint8Array): Avp => ({
  code: MicrosoftAttribute[name].id,
  vendor: VENDOR_MICROSOFT,
  mandatory: true,
  data,
})
export const dataOf = (avps: readonly Avp[], wanted: Avp): Uint8Array | undefined =>
  avps.find(({ code, vendor }) => code === wanted.code && vendor === wanted.vendor)?.data
const REPLY = radius('Reply-Message', NO_OCTETS)
const SUCCESS = microsoft('MS-CHAP2-Success', NO_OCTETS)
const ERROR = microsoft('MS-CHAP-Error', NO_OCTETS)
const EAP = radius('EAP-Message', NO_OCTETS)

/** One that is mandatory and not understood ends it. RFC 5281 §10.1 */
function stranger(avps: readonly Avp[], known: readonly Avp[]): Avp | undefined {
  return avps.find(
    (avp) => avp.mandatory && !known.some((k) => k.code === avp.code && k.vendor === avp.vendor),
  )
}

/** PAP, CHAP, MS-CHAP and MS-CHAPv2: one message of ours with the proof, built on the tunnel's own challenge. */
class PasswordInner implements InnerPeer {
  readonly #kind: Exclude<TtlsInner, 'eap'>
  readonly #config: EapPeerConfig
  readonly #tools: PeerTools
  #challenge: Secret | undefined
  #typed: Secret | undefined
  /** What the server must say to MS-CHAPv2, behind the identifier. */
  #expected: { readonly identifier: number; readonly text: string } | undefined
  #codes = 0
  #asksCode = false
  complete = false

  constructor(kind: Exclude<TtlsInner, 'eap'>, config: EapPeerConfig, tools: PeerTools) {
    this.#kind = kind
    this.#config = config
    this.#tools = tools
  }

  begin({ exported }: TlsEstablished): readonly InnerAction[] {
    this.#challenge = exported[1]
    const { password, user } = this.#config
    if (password !== undefined) return this.#prove(password)
    return [{ do: 'ask', question: { what: 'password', user, retry: false } }]
  }

  answered(answer: Secret): readonly InnerAction[] {
    this.#typed?.close()
    this.#typed = answer
    return this.#asksCode ? this.#write([this.#password(answer)]) : this.#prove(answer)
  }

  data(data: Uint8Array): readonly InnerAction[] {
    const read = decodeAvps(data)
    if (!read.ok) return [unreadable(read.error)]
    const avps = read.value
    const strange = stranger(avps, [REPLY, SUCCESS, ERROR])
    if (strange !== undefined)
      return [broken(`AVP ${strange.code} of vendor ${strange.vendor}`, 'RFC 5281 §10.1')]
    const error = dataOf(avps, ERROR)
    if (error !== undefined) return [fail(refused(error.subarray(1)))]
    const reply = dataOf(avps, REPLY)
    if (this.#kind === 'pap' && reply !== undefined) return this.#onChallenge(reply)
    return this.#onSuccess(dataOf(avps, SUCCESS))
  }

  empty(): readonly InnerAction[] {
    return [broken(`${TITLE}: nothing to answer`, 'RFC 5281 §11.2')]
  }

  #prove(password: Secret): readonly InnerAction[] {
    // Only MS-CHAPv2 has a word of the server that must be heard.
    this.complete = this.#kind !== 'mschapv2'
    if (this.#kind === 'pap') return this.#write([this.#password(password)])
    return this.#challenge!.use((octets) => {
      const challenge = octets.subarray(0, -1)
      const identifier = octets.at(-1)!
      return this.#write(this.#answerTo(challenge, identifier, password))
    })
  }

  #answerTo(challenge: Uint8Array, identifier: number, password: Secret): readonly Avp[] {
    const { legacy, random } = this.#tools
    const id = Uint8Array.of(identifier)
    if (this.#kind === 'chap') {
      const proof = password.use((octets) => md5(id, octets, challenge))
      return [radius('CHAP-Challenge', challenge.slice()), radius('CHAP-Password', concat(id, proof))]
    }
    const hash = hashOf(legacy, password)
    const avps = hash.use((octets) => {
      const given = microsoft('MS-CHAP-Challenge', challenge.slice())
      if (this.#kind === 'mschap') {
        // Flags 1: the response with the NT hash counts, the one with the LM hash is left out.
        const proof = chap.challengeResponse(legacy, challenge, octets)
        const response = concat(id, Uint8Array.of(1), new Uint8Array(24), proof)
        return [given, microsoft('MS-CHAP-Response', response)]
      }
      const peerChallenge = random.bytes(16)
      const user = chap.withoutDomain(utf8(this.#config.user))
      const short = chap.challengeHash(peerChallenge, challenge, user)
      const proof = chap.challengeResponse(legacy, short, octets)
      this.#expected = { identifier, text: chap.authenticatorResponse(legacy, octets, proof, short) }
      const response = concat(id, Uint8Array.of(0), peerChallenge, new Uint8Array(8), proof)
      return [given, microsoft('MS-CHAP2-Response', response)]
    })
    hash.close()
    return avps
  }

  /** User-Password, with zeros up to a multiple of 16, so that its length is not told. RFC 5281 §11.2.5 */
  #password(password: Secret): Avp {
    return password.use((octets) => {
      const padded = new Uint8Array(Math.max(16, Math.ceil(octets.length / 16) * 16))
      padded.set(octets)
      return radius('User-Password', padded)
    })
  }

  #write(avps: readonly Avp[]): readonly InnerAction[] {
    return [{ do: 'write', data: encodeAvps([radius('User-Name', utf8(this.#config.user)), ...avps]) }]
  }

  /** The server wants something more than the password: a code, say. */
  #onChallenge(message: Uint8Array): readonly InnerAction[] {
    if (++this.#codes > CHOICE.passwordTries) return [broken('it asks again and again', 'RFC 5281 §11.2.5')]
    this.#asksCode = true
    return [{ do: 'ask', question: { what: 'code', user: this.#config.user, message: shownText(message) } }]
  }

  #onSuccess(success: Uint8Array | undefined): readonly InnerAction[] {
    const expected = this.#expected
    if (this.#kind !== 'mschapv2' || success === undefined || expected === undefined || this.complete)
      return [broken(`${TITLE}: nothing like that was asked`, 'RFC 5281 §11.2')]
    const text = Buffer.from(success.subarray(1)).toString('latin1')
    if (success[0] !== expected.identifier || !chap.isAuthenticatorResponse(expected.text, text))
      return [
        fail({
          kind: 'authFailed',
          who: 'gateway',
          method: TITLE,
          problem: 'it does not know your password',
        }),
      ]
    this.complete = true
    return [{ do: 'acknowledge' }]
  }

  msk(tunnel: Secret): Secret {
    return firstOf(tunnel)
  }

  close(): void {
    this.#typed?.close()
  }
}

const refused = (octets: Uint8Array): VpnError => {
  const { text } = decodeMsChapFailure(octets)
  const words = shownText(text)
  return {
    kind: 'authFailed',
    who: 'us',
    method: TITLE,
    ...(words === '' ? {} : { problem: `it says “${words}”` }),
  }
}

/** A whole EAP conversation inside, our identity first and unasked. RFC 5281 §11.2.1 */
class EapInner implements InnerPeer {
  readonly #config: EapPeerConfig
  readonly #inner: InnerConversation
  #ended = false

  constructor(config: EapPeerConfig, tools: PeerTools) {
    this.#config = innerConfig(config)
    this.#inner = tools.converse(this.#config)
  }

  get complete(): boolean {
    return this.#ended || this.#inner.complete
  }

  get refusal(): VpnError | undefined {
    return this.#inner.refusal
  }

  begin(): readonly InnerAction[] {
    const method = { vendor: 0, type: EapType.Identity.id }
    const data = utf8(this.#config.user)
    const packet = encodeEapPacket({ code: 'response', identifier: 0, method, expanded: false, data })
    return [{ do: 'write', data: inAvp(packet) }]
  }

  data(data: Uint8Array): readonly InnerAction[] {
    const read = decodeAvps(data)
    if (!read.ok) return [unreadable(read.error)]
    const strange = stranger(read.value, [EAP, REPLY])
    if (strange !== undefined)
      return [broken(`AVP ${strange.code} of vendor ${strange.vendor}`, 'RFC 5281 §10.1')]
    // A long packet may come in several AVPs, as in RADIUS.
    const packet = concat(...read.value.filter(({ code }) => code === EAP.code).map((avp) => avp.data))
    const actions = this.#inner.handle({ type: 'packet', packet })
    const end = actions.find((action) => action.do === 'succeeded')
    if (end === undefined) return fromInner(actions, inAvp)
    end.msk?.close()
    this.#ended = true
    return [{ do: 'acknowledge' }]
  }

  empty(): readonly InnerAction[] {
    return [broken(`${TITLE}: nothing to answer`, 'RFC 5281 §11.2.1')]
  }

  answered(answer: Secret): readonly InnerAction[] {
    return fromInner(this.#inner.handle({ type: 'answered', answer }), inAvp)
  }

  msk(tunnel: Secret): Secret {
    return firstOf(tunnel)
  }

  close(): void {
    this.#inner.close()
  }
}

const inAvp = (packet: Uint8Array): Uint8Array => encodeAvps([radius('EAP-Message', packet)])

export function ttlsPeer(config: EapPeerConfig, tools: PeerTools): PeerMethod {
  const kind = config.ttls ?? 'mschapv2'
  const inner = kind === 'eap' ? new EapInner(config, tools) : new PasswordInner(kind, config, tools)
  const challenge =
    kind === 'eap' || kind === 'pap' ? [] : [{ label: 'ttls challenge', bytes: CHALLENGE_BYTES[kind] }]
  return new TunnelPeer({
    title: TITLE,
    setup: clientSetup(config, false, tunnelExports(TTLS_TYPE, TTLS_LABEL, challenge)),
    version: { ours: 0, exact: true },
    inner,
  })
}
