import type { Random } from '../bytes/random.ts'
import type { CryptoRegistry } from '../crypto/transforms.ts'
import {
  ExchangeType,
  Group,
  IdType,
  NotifyType,
  Phase1Authentication,
  Phase1Encryption,
  Phase1Hash,
} from '../iana/ikev1.ts'
import { vendorName } from '../iana/ikev1-vendor-ids.ts'
import { nameOf } from '../iana/registry.ts'
import { encodePhase1, type Phase1Offer, readPhase1 } from '../ike/v1/phase1-suite.ts'
import { decodeMessage, encodeMessage } from '../wire/ikev1/message.ts'
import type { Payload } from '../wire/ikev1/payload.ts'
import type { Asking } from './asker.ts'

export interface Ikev1Report {
  /** `silent`: nothing came. `refuses`: words, but no way in that was tried. `accepts`: it would negotiate. */
  readonly state: 'silent' | 'refuses' | 'accepts'
  /** Names of the registries, as far as they were accepted. */
  readonly authentication: readonly string[]
  readonly encryption: readonly string[]
  readonly hash: readonly string[]
  readonly groups: readonly string[]
  /** It answers aggressive mode, which with a key shows a hash of that to whoever asks. RFC 2409 §5.4 */
  readonly aggressive: boolean
  readonly vendorIds: readonly string[]
  /** What it said where it refused. */
  readonly says: readonly string[]
}

type Cipher = Pick<Phase1Offer, 'encryption' | 'keyBits'>
type Suite = Omit<Phase1Offer, 'authentication'>

const aes = (keyBits: number): Cipher => ({ encryption: Phase1Encryption.AES_CBC.id, keyBits })
const CIPHERS: readonly Cipher[] = [
  aes(256),
  aes(192),
  aes(128),
  { encryption: Phase1Encryption.CAMELLIA_CBC.id, keyBits: 256 },
  { encryption: Phase1Encryption['3DES_CBC'].id },
  { encryption: Phase1Encryption.DES_CBC.id },
]
const H = Phase1Hash
const HASHES = [H.SHA2_256.id, H.SHA2_384.id, H.SHA2_512.id, H.SHA1.id, H.MD5.id]
const GROUPS = [31, 19, 20, 21, 14, 15, 16, 17, 18, 5, 2, 1]
const P = Phase1Authentication
const METHODS = [
  P.PRE_SHARED_KEY.id,
  P.RSA_SIGNATURE.id,
  P.ECDSA_SHA256_P256.id,
  P.XAUTH_INITIATOR_PRE_SHARED_KEY.id,
  P.XAUTH_INITIATOR_RSA.id,
  P.HYBRID_INITIATOR_RSA.id,
]

/** What most gateways take one of; more would not fit a datagram that nobody cuts. */
const COMMON: readonly Suite[] = [
  aes(256),
  aes(128),
  { encryption: Phase1Encryption['3DES_CBC'].id },
].flatMap((cipher) =>
  [H.SHA2_256.id, H.SHA1.id].flatMap((hash) => [14, 19, 5, 2].map((group) => ({ ...cipher, hash, group }))),
)
const SECONDS = 3_600

/** What a gateway accepts in IKEv1: main mode's first message alone tells. RFC 2409 §5 */
export async function probeIkev1(
  asking: Asking,
  registry: CryptoRegistry,
  random: Random,
): Promise<Ikev1Report> {
  const probe = new Probe(asking, random)
  const authentication: number[] = []
  let base: Suite | undefined
  let method = 0
  for (const candidate of METHODS) {
    const chosen = await probe.main(COMMON.map((suite) => ({ ...suite, authentication: candidate })))
    if (!probe.heard) break
    if (chosen === undefined) continue
    authentication.push(candidate)
    if (base !== undefined) continue
    base = chosen
    method = candidate
  }
  const accepted = async <T>(values: readonly T[], offer: (value: T) => Suite): Promise<readonly T[]> => {
    const found: T[] = []
    for (const value of base === undefined ? [] : values)
      if ((await probe.main([{ ...offer(value), authentication: method }])) !== undefined) found.push(value)
    return found
  }
  const { encryption: _, keyBits: __, ...rest } = base ?? COMMON[0]!
  const ciphers = await accepted(CIPHERS, (cipher) => ({ ...rest, ...cipher }))
  const hashes = await accepted(HASHES, (hash) => ({ ...base!, hash }))
  const groups = await accepted(GROUPS, (group) => ({ ...base!, group }))
  const aggressive =
    base !== undefined && (await probe.aggressive({ ...base, authentication: method }, registry))
  return {
    state: base !== undefined ? 'accepts' : probe.heard ? 'refuses' : 'silent',
    authentication: authentication.map((id) => nameOf(P, id)),
    encryption: ciphers.map(({ encryption, keyBits }) =>
      [nameOf(Phase1Encryption, encryption), ...(keyBits === undefined ? [] : [keyBits])].join('_'),
    ),
    hash: hashes.map((id) => nameOf(H, id)),
    groups: groups.map((id) => nameOf(Group, id)),
    aggressive,
    vendorIds: [...probe.vendorIds],
    says: [...probe.says],
  }
}

class Probe {
  heard = false
  readonly vendorIds = new Set<string>()
  readonly says = new Set<string>()
  readonly #asking: Asking
  readonly #random: Random

  constructor(asking: Asking, random: Random) {
    this.#asking = asking
    this.#random = random
  }

  /** The suite it chose, or none. */
  async main(offers: readonly Phase1Offer[]): Promise<Suite | undefined> {
    const payloads = await this.#ask(ExchangeType.MAIN.id, [encodePhase1(offers, SECONDS)])
    const sa = payloads?.find((payload) => payload.type === 'SA')
    const transform = sa?.type === 'SA' ? sa.proposals[0]?.transforms[0] : undefined
    return transform === undefined ? undefined : readPhase1(transform)?.offer
  }

  /** Whether it answers with its own public value. */
  async aggressive(offer: Phase1Offer, registry: CryptoRegistry): Promise<boolean> {
    const exchange = registry.keyExchange.get(offer.group)?.begin(this.#random)
    if (exchange === undefined) return false
    const payloads = await this.#ask(ExchangeType.AGGRESSIVE.id, [
      encodePhase1([offer], SECONDS),
      { type: 'KE', data: exchange.data },
      { type: 'Nonce', nonce: this.#random.bytes(32) },
      { type: 'ID', idType: IdType.ID_KEY_ID.id, protocol: 0, port: 0, data: new Uint8Array([0x63]) },
    ])
    exchange.close()
    return payloads?.some((payload) => payload.type === 'KE') === true
  }

  async #ask(exchange: number, payloads: readonly Payload[]): Promise<readonly Payload[] | undefined> {
    const initiatorCookie = this.#random.bytes(8)
    const header = {
      initiatorCookie,
      responderCookie: new Uint8Array(8),
      majorVersion: 1,
      minorVersion: 0,
      exchange,
      encrypted: false,
      commit: false,
      authenticationOnly: false,
      messageId: 0,
    }
    const answer = await this.#asking.ask(encodeMessage(header, payloads))
    const decoded = answer === undefined ? undefined : decodeMessage(answer)
    if (decoded?.ok !== true || decoded.value.sealed) return undefined
    this.heard = true
    const { payloads: answered, header: theirs } = decoded.value
    for (const payload of answered) {
      if (payload.type === 'Notify') this.says.add(nameOf(NotifyType, payload.notify))
      const name = payload.type === 'VendorID' ? vendorName(payload.data) : undefined
      if (name !== undefined) this.vendorIds.add(name)
    }
    // A gateway that began a negotiation for us may forget it: what follows lacks what it needs.
    if (theirs.exchange === ExchangeType.MAIN.id)
      await this.#asking.tell(
        encodeMessage({ ...header, responderCookie: theirs.responderCookie }, [
          { type: 'Nonce', nonce: this.#random.bytes(32) },
        ]),
      )
    return theirs.exchange === exchange ? answered : undefined
  }
}
