import { concat, equalConstantTime, NO_OCTETS, utf8 } from '../bytes/octets.ts'
import type { Secret } from '../bytes/secret.ts'
import { reauthMsk, reauthMskPrime, type SimKeys, simCipher, simMac } from '../crypto/sim-keys.ts'
import type { VpnError } from '../errors.ts'
import { SimClientError, SimNotification, SimSubtype } from '../iana/eap-sim.ts'
import { nameOf } from '../iana/registry.ts'
import { type EapRequest, encodeEapPacket } from '../wire/eap/packet.ts'
import {
  type Attribute,
  type AttributeName,
  body,
  counted,
  decodeSimAttributes,
  encodeSimAttributes,
  encodeSimMessage,
  find,
  type NewAttribute,
  number,
  reserved,
  type SimMessage,
  withLength,
  withNumber,
} from '../wire/eap/sim.ts'
import type { EapPeerConfig } from './config.ts'
import { broken, fail, type MethodAction, type PeerTools, reply } from './method.ts'
import { emptySimMemory, type SimCard, type SimMemory } from './sim-card.ts'

export type SimKind = 'sim' | 'aka' | 'aka-prime'

/** The requests for an identity, in the only order in which they may come. RFC 4186 §4.2.4 */
const IDENTITY_REQUESTS: readonly AttributeName[] = [
  'AT_ANY_ID_REQ',
  'AT_FULLAUTH_ID_REQ',
  'AT_PERMANENT_ID_REQ',
]
const SUCCESS = SimNotification.success.id
const SUCCESS_BIT = 0x8000
const BEFORE_BIT = 0x4000

/** Something a card cannot do, or a server may not send: told to the server, which then ends it. */
export class ClientError extends Error {
  readonly code: number
  constructor(code: keyof typeof SimClientError, problem: string) {
    super(problem)
    this.code = SimClientError[code].id
  }
}
export const unable = (problem: string): ClientError => new ClientError('unable to process packet', problem)

/** What EAP-SIM, EAP-AKA and EAP-AKA' have in common at the peer: names, MACs, what is encrypted, the last word. */
export class SimCore {
  readonly kind: SimKind
  readonly title: string
  readonly card: SimCard
  readonly memory: SimMemory
  readonly tools: PeerTools
  /** The name the keys are bound to: the last one said. */
  identity: string
  keys: SimKeys | undefined
  complete = false
  refusal: VpnError | undefined
  readonly #config: EapPeerConfig
  #msk: Secret | undefined
  #asked = -1
  /** The server wants to say at the end how it went, and we agreed. RFC 4186 §6.2 */
  #awaitsResult = false
  #notified = false
  /** Of a fast re-authentication under way. */
  #counter: number | undefined

  constructor(kind: SimKind, title: string, config: EapPeerConfig, tools: PeerTools) {
    this.kind = kind
    this.title = title
    this.#config = config
    this.tools = tools
    this.card = config.sim?.card ?? {}
    this.memory = config.sim?.memory ?? emptySimMemory()
    this.identity = tools.identity
  }

  /** Does `work`, and tells the server what was wrong if something was. */
  guarded(request: EapRequest, work: () => readonly MethodAction[]): readonly MethodAction[] {
    if (this.refusal !== undefined) return [fail(this.refusal)]
    try {
      return work()
    } catch (error) {
      if (!(error instanceof ClientError)) throw error
      this.refusal = {
        kind: 'protocol',
        exchange: this.title,
        problem: error.message,
        reference: 'RFC 4186 §6.3',
      }
      this.complete = false
      return [
        this.answer(request, SimSubtype['Client-Error'].id, [withNumber('AT_CLIENT_ERROR_CODE', error.code)]),
      ]
    }
  }

  /** AT_IDENTITY, where one is asked for; `undefined`: none is. RFC 4186 §4.2 */
  identityFor(attributes: readonly Attribute[]): NewAttribute | undefined {
    const asked = IDENTITY_REQUESTS.filter((name) => find(attributes, name) !== undefined)
    if (asked.length === 0) return undefined
    const rank = IDENTITY_REQUESTS.indexOf(asked[0]!)
    if (asked.length > 1 || rank <= this.#asked) throw unable('identities asked for out of order')
    this.#asked = rank
    const known = this.memory.method === this.kind ? this.memory : undefined
    const again = rank === 0 ? known?.reauth?.identity : undefined
    this.identity = again ?? (rank <= 1 ? known?.pseudonym : undefined) ?? this.#config.user
    return withLength('AT_IDENTITY', utf8(this.identity))
  }

  /** The name last said is one for a fast re-authentication. */
  get saidReauth(): boolean {
    return this.memory.method === this.kind && this.memory.reauth?.identity === this.identity
  }

  /** A reply; with `extra`, AT_MAC comes last, over the packet and that. RFC 4186 §10.14 */
  answer(
    request: EapRequest,
    subtype: number,
    attributes: readonly NewAttribute[],
    extra?: Uint8Array,
    aut = this.keys?.aut,
  ): MethodAction & { do: 'reply' } {
    const mac = extra === undefined ? [] : [reserved('AT_MAC', new Uint8Array(16))]
    const data = encodeSimMessage(subtype, [...attributes, ...mac])
    if (extra !== undefined && aut !== undefined) {
      const packet = encodeEapPacket({ ...request, code: 'response', data })
      data.set(simMac(this.kind === 'aka-prime', aut, packet, extra), data.length - 16)
    }
    return reply(data)
  }

  /** AT_MAC is there and right. */
  checkMac(request: EapRequest, message: SimMessage, extra: Uint8Array, aut = this.keys?.aut): void {
    const mac = find(message.attributes, 'AT_MAC')
    if (mac === undefined || aut === undefined) throw unable('a MAC is missing')
    const packet = encodeEapPacket({ ...request, data: request.data.slice() })
    const at = packet.length - request.data.length + mac.at + 2
    packet.fill(0, at, at + 16)
    if (!equalConstantTime(simMac(this.kind === 'aka-prime', aut, packet, extra), body(mac)))
      throw unable('a wrong MAC')
  }

  /** What was in AT_ENCR_DATA; none without it. RFC 4186 §10.12 */
  decrypted(attributes: readonly Attribute[], encr = this.keys?.encr): readonly Attribute[] {
    const iv = find(attributes, 'AT_IV')
    const sealed = find(attributes, 'AT_ENCR_DATA')
    if (iv === undefined && sealed === undefined) return []
    if (iv === undefined || sealed === undefined || encr === undefined)
      throw unable('half of what is encrypted')
    const data = body(sealed)
    if (data.length === 0 || data.length % 16 !== 0)
      throw unable(`${data.length} octets of encrypted attributes`)
    const read = decodeSimAttributes(simCipher(false, encr, body(iv), data))
    if (!read.ok) throw unable(read.error.problem)
    const padding = find(read.value, 'AT_PADDING')
    if (padding?.value.some((octet) => octet !== 0)) throw unable('a padding that is not zeros')
    return read.value
  }

  /** AT_IV and AT_ENCR_DATA. */
  encrypted(attributes: readonly NewAttribute[], encr: Secret): readonly NewAttribute[] {
    const plain = encodeSimAttributes(attributes)
    const missing = (16 - (plain.length % 16)) % 16
    const padding =
      missing === 0
        ? NO_OCTETS
        : encodeSimAttributes([{ name: 'AT_PADDING', value: new Uint8Array(missing - 2) }])
    const iv = this.tools.random.bytes(16)
    const sealed = simCipher(true, encr, iv, concat(plain, padding))
    return [reserved('AT_IV', iv), reserved('AT_ENCR_DATA', sealed)]
  }

  /** A full authentication was answered; the names for the next time are kept. RFC 4186 §4.3 */
  authenticated(
    keys: SimKeys,
    attributes: readonly Attribute[],
    nested: readonly Attribute[],
  ): NewAttribute[] {
    this.#adoptMsk(keys.msk)
    const pseudonym = nameIn(nested, 'AT_NEXT_PSEUDONYM')
    const reauth = nameIn(nested, 'AT_NEXT_REAUTH_ID')
    const { memory } = this
    memory.method = this.kind
    if (pseudonym !== undefined) memory.pseudonym = pseudonym
    forgetReauth(memory)
    if (reauth !== undefined) {
      const { encr, aut, again } = keys
      memory.reauth = {
        identity: reauth,
        counter: 0,
        encr: encr.clone(),
        aut: aut.clone(),
        again: again.clone(),
      }
    }
    return this.#agreeOnResult(attributes)
  }

  /** The server's question whether it may say how it went, answered with yes. RFC 4186 §6.2 */
  #agreeOnResult(attributes: readonly Attribute[]): NewAttribute[] {
    this.#awaitsResult = find(attributes, 'AT_RESULT_IND') !== undefined
    this.complete = !this.#awaitsResult
    return this.#awaitsResult ? [withNumber('AT_RESULT_IND', 0)] : []
  }

  /** Fast re-authentication, on the keys of the last time. RFC 4186 §5.4, RFC 4187 §5.4 */
  reauthenticate(
    request: EapRequest,
    message: SimMessage,
    more: readonly NewAttribute[],
  ): readonly MethodAction[] {
    const { memory } = this
    const known = memory.reauth
    if (!this.saidReauth || known === undefined || this.keys !== undefined || this.#counter !== undefined)
      throw unable('a re-authentication that was not agreed on')
    this.checkMac(request, message, NO_OCTETS, known.aut)
    const nested = this.decrypted(message.attributes, known.encr)
    const counter = find(nested, 'AT_COUNTER')
    const nonceS = find(nested, 'AT_NONCE_S')
    if (counter === undefined || nonceS === undefined) throw unable('a counter or nonce is missing')
    const count = number(counter)
    const extra = body(nonceS)
    const subtype = SimSubtype['Re-authentication'].id
    const echoed = withNumber('AT_COUNTER', count)
    if (count <= known.counter) {
      const sealed = this.encrypted([echoed, withNumber('AT_COUNTER_TOO_SMALL', 0)], known.encr)
      const told = this.answer(request, subtype, [...sealed, ...more], extra, known.aut)
      forgetReauth(memory)
      return [told]
    }
    const name = utf8(known.identity)
    const msk =
      this.kind === 'aka-prime'
        ? reauthMskPrime(name, count, extra, known.again)
        : reauthMsk(this.tools.legacy, name, count, extra, known.again)
    this.#adoptMsk(msk)
    this.#counter = count
    this.keys = {
      encr: known.encr.clone(),
      aut: known.aut.clone(),
      again: known.again.clone(),
      msk,
    }
    const sealed = this.encrypted([echoed], known.encr)
    const result = this.#agreeOnResult(message.attributes)
    const answer = this.answer(request, subtype, [...sealed, ...more, ...result], extra)
    // A name for re-authentication is good for one time.
    const next = nameIn(nested, 'AT_NEXT_REAUTH_ID')
    if (next === undefined) forgetReauth(memory)
    else memory.reauth = { ...known, identity: next, counter: count }
    return [answer]
  }

  /** RFC 4186 §6, RFC 4187 §6 */
  notified(request: EapRequest, message: SimMessage): readonly MethodAction[] {
    const attribute = find(message.attributes, 'AT_NOTIFICATION')
    if (attribute === undefined || this.#notified) throw unable('a notification too many, or an empty one')
    this.#notified = true
    const code = number(attribute)
    const subtype = SimSubtype.Notification.id
    const before = (code & BEFORE_BIT) !== 0
    if (before) {
      if ((code & SUCCESS_BIT) !== 0) return [broken(`notification ${code}`, 'RFC 4186 §10.18')]
      if (find(message.attributes, 'AT_MAC') !== undefined) throw unable('a MAC before there is a key')
      this.#refuse(code)
      return [this.answer(request, subtype, [])]
    }
    this.checkMac(request, message, NO_OCTETS)
    const counter = this.#counter
    const { keys } = this
    const nested = this.decrypted(message.attributes)
    const given = find(nested, 'AT_COUNTER')
    if (counter !== undefined && (given === undefined || number(given) !== counter))
      throw unable('a notification of another time')
    if (code >= SUCCESS_BIT) {
      if (code !== SUCCESS || !this.#awaitsResult) throw unable(`notification ${code}`)
      this.complete = true
    } else this.#refuse(code)
    const sealed =
      counter === undefined || keys === undefined
        ? []
        : this.encrypted([withNumber('AT_COUNTER', counter)], keys.encr)
    return [this.answer(request, subtype, sealed, NO_OCTETS)]
  }

  #refuse(code: number): void {
    this.complete = false
    const problem = nameOf(SimNotification, code)
    this.refusal = { kind: 'authFailed', who: 'us', method: this.title, problem }
  }

  #adoptMsk(msk: Secret): void {
    this.#msk?.close()
    this.#msk = msk.clone()
  }

  takeMsk(): Secret | undefined {
    const msk = this.#msk
    this.#msk = undefined
    return msk
  }

  close(): void {
    this.#msk?.close()
    const { keys } = this
    for (const secret of [keys?.encr, keys?.aut, keys?.msk, keys?.again]) secret?.close()
  }
}

/** The octets of a whole packet, for what is computed over it. */
export const wholeRequest = (request: EapRequest): Uint8Array => encodeEapPacket(request)
export const wholeReply = (request: EapRequest, data: Uint8Array): Uint8Array =>
  encodeEapPacket({ ...request, code: 'response', data })

function nameIn(nested: readonly Attribute[], name: AttributeName): string | undefined {
  const attribute = find(nested, name)
  if (attribute === undefined) return undefined
  const text = counted(attribute)
  if (text === undefined || text.length === 0) throw unable('a name that is longer than its attribute')
  return Buffer.from(text).toString('utf8')
}

function forgetReauth(memory: SimMemory): void {
  for (const secret of [memory.reauth?.encr, memory.reauth?.aut, memory.reauth?.again]) secret?.close()
  memory.reauth = undefined
}
