import { createHash } from 'node:crypto'
import { equalConstantTime, NO_OCTETS, utf8 } from '../bytes/octets.ts'
import type { Secret } from '../bytes/secret.ts'
import { akaMasterKey, akaPrimeKeys, boundKeys, keysOfMasterKey, type SimKeys } from '../crypto/sim-keys.ts'
import type { VpnError } from '../errors.ts'
import { SimAttribute, SimSubtype } from '../iana/eap-sim.ts'
import type { EapRequest } from '../wire/eap/packet.ts'
import {
  type Attribute,
  body,
  counted,
  decodeSimMessage,
  find,
  type NewAttribute,
  number,
  reserved,
  type SimMessage,
  withLength,
  withNumber,
} from '../wire/eap/sim.ts'
import type { EapPeerConfig } from './config.ts'
import type { MethodAction, PeerMethod, PeerTools } from './method.ts'
import type { UmtsAnswer } from './sim-card.ts'
import { SimCore, type SimKind, unable, wholeReply, wholeRequest } from './sim-core.ts'

// EAP-AKA, RFC 4187, and EAP-AKA', RFC 9048, which binds the keys to the name of the network.

const KDF_HMAC_SHA256 = 1
const MOST_RESYNCS = 2
const MOST_IDENTITIES = 3
/** The bit of AMF that keeps keys for EAP-AKA' apart. 3GPP TS 33.402 */
const SEPARATION_BIT = 0x80
/** D of AT_BIDDING: the server would rather have EAP-AKA'. RFC 9048 §4 */
const BIDDING_BIT = 0x8000

class AkaPeer implements PeerMethod {
  readonly #core: SimCore
  readonly #config: EapPeerConfig
  readonly #prime: boolean
  /** AKA-Identity packets of both ends, in their order. RFC 4187 §10.13 */
  readonly #identities: Uint8Array[] = []
  #resyncs = 0
  /** The functions the server offered before we named ours. RFC 9048 §3.2 */
  #offered: readonly number[] | undefined

  constructor(kind: SimKind, title: string, config: EapPeerConfig, tools: PeerTools) {
    this.#core = new SimCore(kind, title, config, tools)
    this.#config = config
    this.#prime = kind === 'aka-prime'
  }

  get complete(): boolean {
    return this.#core.complete
  }

  get refusal(): VpnError | undefined {
    return this.#core.refusal
  }

  request(request: EapRequest): readonly MethodAction[] {
    return this.#core.guarded(request, () => {
      const read = decodeSimMessage(request.data)
      if (!read.ok) throw unable(`${read.error.path.join(' / ')}: ${read.error.problem}`)
      const message = read.value
      switch (message.subtype) {
        case SimSubtype['AKA-Identity'].id:
          return this.#onIdentity(request, message)
        case SimSubtype['AKA-Challenge'].id:
          return this.#onChallenge(request, message)
        case SimSubtype['Re-authentication'].id: {
          this.#checkCheckcode(message.attributes)
          return this.#core.reauthenticate(request, message, this.#checkcode(message.attributes))
        }
        case SimSubtype.Notification.id:
          return this.#core.notified(request, message)
        default:
          throw unable(`subtype ${message.subtype}`)
      }
    })
  }

  /** RFC 4187 §4.1, §9.1 */
  #onIdentity(request: EapRequest, { attributes }: SimMessage): readonly MethodAction[] {
    const core = this.#core
    if (core.keys !== undefined || this.#identities.length >= 2 * MOST_IDENTITIES)
      throw unable('an identity is asked for too late')
    const identity = core.identityFor(attributes)
    if (identity === undefined) throw unable('no identity is asked for')
    const answer = core.answer(request, SimSubtype['AKA-Identity'].id, [identity])
    this.#identities.push(wholeRequest(request), wholeReply(request, answer.data))
    return [answer]
  }

  /** RFC 4187 §6.3.1, §9.3, RFC 9048 §3 */
  #onChallenge(request: EapRequest, message: SimMessage): readonly MethodAction[] {
    const core = this.#core
    const { attributes } = message
    if (core.keys !== undefined) throw unable('a second challenge')
    this.#checkCheckcode(attributes)
    const rand = find(attributes, 'AT_RAND')
    const autn = find(attributes, 'AT_AUTN')
    if (rand === undefined || autn === undefined || body(rand).length !== 16)
      throw unable('RAND or AUTN is missing')
    if (this.#prime) {
      const other = this.#negotiate(request, attributes, body(autn))
      if (other !== undefined) return [other]
    } else if (this.#isBidDown(attributes))
      return [this.#reject(request, 'the server would rather use EAP-AKA’')]

    const answer: UmtsAnswer = core.card.umts?.(body(rand), body(autn)) ?? { outcome: 'wrongMac' }
    if (answer.outcome === 'wrongMac')
      return [this.#reject(request, 'the network could not prove itself to the card')]
    if (answer.outcome === 'resync') return [this.#resync(request, attributes, answer.auts)]
    core.keys = this.#keysOf(answer, attributes, body(autn))
    core.checkMac(request, message, NO_OCTETS)
    const result = core.authenticated(core.keys, attributes, core.decrypted(attributes))
    const proof = withLength('AT_RES', answer.res, true)
    const more = [proof, ...this.#checkcode(attributes), ...result]
    return [core.answer(request, SimSubtype['AKA-Challenge'].id, more, NO_OCTETS)]
  }

  #keysOf(
    { ck, ik }: UmtsAnswer & { outcome: 'good' },
    attributes: readonly Attribute[],
    autn: Uint8Array,
  ): SimKeys {
    const name = utf8(this.#core.identity)
    if (!this.#prime) {
      const mk = akaMasterKey(name, ik, ck)
      ck.fill(0)
      ik.fill(0)
      return keysOfMasterKey(this.#core.tools.legacy, mk)
    }
    const bound = boundKeys(ck, ik, counted(find(attributes, 'AT_KDF_INPUT')!)!, autn.subarray(0, 6))
    const keys = akaPrimeKeys(name, bound.ik, bound.ck)
    for (const part of [ck, ik, bound.ck, bound.ik]) part.fill(0)
    return keys
  }

  /** What has to be agreed before the card is asked; `undefined`: all of it is. RFC 9048 §3.1–3.3 */
  #negotiate(
    request: EapRequest,
    attributes: readonly Attribute[],
    autn: Uint8Array,
  ): (MethodAction & { do: 'reply' }) | undefined {
    const input = find(attributes, 'AT_KDF_INPUT')
    const network = input === undefined ? undefined : counted(input)
    if (network === undefined || network.length === 0)
      return this.#reject(request, 'the network gives no name')
    const wanted = this.#config.sim?.networkName
    const name = Buffer.from(network).toString('utf8')
    if (wanted !== undefined && name !== wanted)
      return this.#reject(request, `the network calls itself ${name}`)
    const offer = kdfsOf(attributes)
    const before = this.#offered
    if (before !== undefined) {
      const same = offer.length === before.length + 1 && before.every((kdf, i) => kdf === offer[i + 1])
      if (!same || offer[0] !== KDF_HMAC_SHA256) throw unable('an answer that is not to what was agreed')
    } else {
      if (new Set(offer).size !== offer.length) return this.#reject(request, 'a key derivation offered twice')
      if (!offer.includes(KDF_HMAC_SHA256)) return this.#reject(request, 'no key derivation in common')
      if (offer[0] !== KDF_HMAC_SHA256) {
        this.#offered = offer
        const ours = withNumber('AT_KDF', KDF_HMAC_SHA256)
        return this.#core.answer(request, SimSubtype['AKA-Challenge'].id, [ours])
      }
    }
    if ((autn[6]! & SEPARATION_BIT) === 0)
      return this.#reject(request, 'a challenge that is not for EAP-AKA’')
    return undefined
  }

  /** The server speaks EAP-AKA' and so do we: somebody has talked us down. RFC 9048 §4 */
  #isBidDown(attributes: readonly Attribute[]): boolean {
    const bidding = find(attributes, 'AT_BIDDING')
    return (
      bidding !== undefined &&
      (number(bidding) & BIDDING_BIT) !== 0 &&
      this.#config.methods.includes('aka-prime')
    )
  }

  #reject(request: EapRequest, problem: string): MethodAction & { do: 'reply' } {
    this.#core.refusal = { kind: 'authFailed', who: 'gateway', method: this.#core.title, problem }
    return this.#core.answer(request, SimSubtype['AKA-Authentication-Reject'].id, [])
  }

  /** RFC 4187 §6.3.1, RFC 9048 §3.2: the functions offered go back as they came. */
  #resync(request: EapRequest, attributes: readonly Attribute[], auts: Uint8Array): MethodAction {
    if (++this.#resyncs > MOST_RESYNCS) throw unable('a sequence number that never becomes right')
    const kdfs = this.#prime ? kdfsOf(attributes).map((kdf) => withNumber('AT_KDF', kdf)) : []
    const back: NewAttribute[] = [{ name: 'AT_AUTS', value: auts }, ...kdfs]
    return this.#core.answer(request, SimSubtype['AKA-Synchronization-Failure'].id, back)
  }

  /** Empty where no identities were exchanged. RFC 4187 §10.13, RFC 9048 §3.5 */
  get #ownCheckcode(): Uint8Array {
    if (this.#identities.length === 0) return NO_OCTETS
    const hash = createHash(this.#prime ? 'sha256' : 'sha1')
    for (const packet of this.#identities) hash.update(packet)
    return new Uint8Array(hash.digest())
  }

  #checkCheckcode(attributes: readonly Attribute[]): void {
    const given = find(attributes, 'AT_CHECKCODE')
    if (given !== undefined && !equalConstantTime(body(given), this.#ownCheckcode))
      throw unable('identities were changed on their way')
  }

  #checkcode(attributes: readonly Attribute[]): readonly NewAttribute[] {
    return find(attributes, 'AT_CHECKCODE') === undefined
      ? []
      : [reserved('AT_CHECKCODE', this.#ownCheckcode)]
  }

  takeMsk(): Secret | undefined {
    return this.#core.takeMsk()
  }

  close(): void {
    this.#core.close()
  }
}

const kdfsOf = (attributes: readonly Attribute[]): readonly number[] =>
  attributes.filter(({ type }) => type === SimAttribute.AT_KDF.id).map(number)

export const akaPeer = (config: EapPeerConfig, tools: PeerTools): PeerMethod =>
  new AkaPeer('aka', 'EAP-AKA', config, tools)
export const akaPrimePeer = (config: EapPeerConfig, tools: PeerTools): PeerMethod =>
  new AkaPeer('aka-prime', "EAP-AKA'", config, tools)
