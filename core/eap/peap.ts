import { equalConstantTime } from '../bytes/octets.ts'
import { Secret } from '../bytes/secret.ts'
import { boundMsk, type CompoundKeys, compoundKeys, compoundMac } from '../crypto/peap.ts'
import type { TlsEstablished } from '../crypto/tls.ts'
import type { VpnError } from '../errors.ts'
import { EapType, PeapTlv } from '../iana/eap.ts'
import { type EapRequest, encodeEapPacket } from '../wire/eap/packet.ts'
import {
  type CryptoBinding,
  cryptoBindingTlv,
  decodeCryptoBinding,
  decodeTlvs,
  encodeTlvs,
  nakTlv,
  RESULT,
  resultOf,
  resultTlv,
  type Tlv,
} from '../wire/eap/peap-tlv.ts'
import type { EapPeerConfig } from './config.ts'
import { fromInner, innerConfig } from './inner-eap.ts'
import {
  broken,
  fail,
  type InnerConversation,
  type PeerMethod,
  type PeerTools,
  unreadable,
} from './method.ts'
import { clientSetup, firstOf } from './tls.ts'
import { type InnerAction, type InnerPeer, TunnelPeer, tunnelExports } from './tunnel.ts'

// PEAP version 0 as Microsoft made it, [MS-PEAP]: inside the tunnel EAP packets go without their header, and a TLV
// of either end says how it went. The server's side is peap-server.ts.

const TITLE = 'PEAP'
const REFERENCE = '[MS-PEAP] §3.1.5.6'
export const PEAP_TYPE = EapType.PEAP.id
export const PEAP_LABEL = 'client EAP encryption'

/** An EAP packet without code, identifier and length. */
export const bare = (packet: Uint8Array): Uint8Array => packet.subarray(4)

/**
 * The packet that this stands for. TLVs always have the header, and some servers leave it on the Identity request.
 * `code`: 1 a request, 2 a response.
 */
export function dressed(data: Uint8Array, code: number, identifier: number): Uint8Array {
  const isWhole = data.length >= 5 && data[0] === code && ((data[2]! << 8) | data[3]!) === data.length
  const isHeaded =
    isWhole && (data[4] === EapType['EAP-TLV'].id || (data.length === 5 && data[4] === EapType.Identity.id))
  if (isHeaded) return data
  const length = data.length + 4
  return Uint8Array.of(code, identifier, length >> 8, length & 0xff, ...data)
}

/** Both ends of the inside share what the tunnel and the inner method gave. */
export class Binding {
  readonly #keys: CompoundKeys

  constructor(tunnel: Secret, inner: Secret | undefined) {
    this.#keys = tunnel.use((a) =>
      inner === undefined ? compoundKeys(a, undefined) : inner.use((b) => compoundKeys(a, b)),
    )
  }

  /** The TLV with its MAC. */
  tlv(subtype: number, nonce: Uint8Array): Tlv {
    const open: CryptoBinding = { subtype, nonce, mac: new Uint8Array(20) }
    const octets = encodeTlvs([cryptoBindingTlv(open)])
    return cryptoBindingTlv({ ...open, mac: compoundMac(this.#keys.cmk, octets) })
  }

  /** Whether the MAC of a TLV is the other end's; `tlv` as it came. */
  fits(tlv: Tlv, binding: CryptoBinding): boolean {
    return equalConstantTime(compoundMac(this.#keys.cmk, encodeTlvs([tlv])), binding.mac)
  }

  msk(): Secret {
    return new Secret(boundMsk(this.#keys.ipmk))
  }

  close(): void {
    this.#keys.ipmk.fill(0)
    this.#keys.cmk.fill(0)
  }
}

export const tlvPacket = (
  code: 'request' | 'response',
  identifier: number,
  tlvs: readonly Tlv[],
): Uint8Array =>
  encodeEapPacket({
    code,
    identifier,
    method: { vendor: 0, type: EapType['EAP-TLV'].id },
    expanded: false,
    data: encodeTlvs(tlvs),
  })

class PeapInner implements InnerPeer {
  readonly #inner: InnerConversation
  readonly #wantsBinding: boolean
  #tunnel: Secret | undefined
  #bound: Binding | undefined
  /** We said how it went; nothing follows. */
  #said = false
  complete = false
  #refusal: VpnError | undefined

  constructor(config: EapPeerConfig, tools: PeerTools) {
    this.#inner = tools.converse(innerConfig(config))
    this.#wantsBinding = config.peapBinding === 'required'
  }

  get refusal(): VpnError | undefined {
    return this.#refusal ?? this.#inner.refusal
  }

  begin({ exported }: TlsEstablished): readonly InnerAction[] {
    this.#tunnel = exported[0]
    return [{ do: 'acknowledge' }]
  }

  data(data: Uint8Array, { identifier }: EapRequest): readonly InnerAction[] {
    if (this.#said) return [fail(this.#refusal ?? tooLate)]
    const packet = dressed(data, 1, identifier)
    if (packet[4] === EapType['EAP-TLV'].id) return this.#onTlvs(packet)
    return fromInner(this.#inner.handle({ type: 'packet', packet }), bare)
  }

  /** Some servers end with nothing at all; that counts where the inner method came to its end, and unbound. */
  empty(): readonly InnerAction[] {
    if (!this.#inner.complete || this.#said || this.#wantsBinding)
      return [broken(`${TITLE}: nothing to answer`, REFERENCE)]
    this.#said = true
    this.complete = true
    return [{ do: 'acknowledge' }]
  }

  answered(answer: Secret): readonly InnerAction[] {
    return fromInner(this.#inner.handle({ type: 'answered', answer }), bare)
  }

  #onTlvs(packet: Uint8Array): readonly InnerAction[] {
    const identifier = packet[1]!
    const read = decodeTlvs(packet.subarray(5))
    if (!read.ok) return [unreadable(read.error)]
    const tlvs = read.value
    const known: readonly number[] = [PeapTlv.Result.id, PeapTlv.NAK.id, PeapTlv.Cryptobinding.id]
    const strange = tlvs.find(({ mandatory, type }) => mandatory && !known.includes(type))
    if (strange !== undefined) return this.#answer(identifier, [nakTlv(strange.type)])
    const result = tlvs.find(({ type }) => type === PeapTlv.Result.id)
    if (result === undefined) return [broken(`${TITLE}: TLVs without a result`, REFERENCE)]
    this.#said = true
    if (resultOf(result) !== RESULT.success) {
      this.#refusal = { kind: 'authFailed', who: 'us', method: TITLE }
      return this.#answer(identifier, [resultTlv(RESULT.failure)])
    }
    return this.#onGoodResult(
      identifier,
      tlvs.find(({ type }) => type === PeapTlv.Cryptobinding.id),
    )
  }

  #onGoodResult(identifier: number, offered: Tlv | undefined): readonly InnerAction[] {
    // The TLV stands for the inner Success, and like that it counts only at the end of the inner method.
    const packet = encodeEapPacket({ code: 'success', identifier })
    const end = this.#inner.handle({ type: 'packet', packet }).find(({ do: what }) => what === 'succeeded')
    if (end?.do !== 'succeeded') return this.#distrust(identifier, 'it says success before there is any')
    const inner = end.msk
    if (offered === undefined) {
      inner?.close()
      if (this.#wantsBinding)
        return this.#distrust(identifier, 'it does not bind what is inside to the tunnel')
      this.complete = true
      return this.#answer(identifier, [resultTlv(RESULT.success)])
    }
    const bound = new Binding(this.#tunnel!, inner)
    inner?.close()
    const read = decodeCryptoBinding(offered.value)
    if (!read.ok || read.value.subtype !== 0 || !bound.fits(offered, read.value)) {
      bound.close()
      // Somebody who sits in the middle has another tunnel with each end.
      return this.#distrust(identifier, 'somebody else is inside the tunnel')
    }
    this.#bound = bound
    this.complete = true
    return this.#answer(identifier, [resultTlv(RESULT.success), bound.tlv(1, read.value.nonce)])
  }

  #distrust(identifier: number, problem: string): readonly InnerAction[] {
    this.#refusal = { kind: 'authFailed', who: 'gateway', method: TITLE, problem }
    return this.#answer(identifier, [resultTlv(RESULT.failure)])
  }

  #answer(identifier: number, tlvs: readonly Tlv[]): readonly InnerAction[] {
    return [{ do: 'write', data: tlvPacket('response', identifier, tlvs) }]
  }

  msk(tunnel: Secret): Secret {
    return this.#bound?.msk() ?? firstOf(tunnel)
  }

  close(): void {
    this.#inner.close()
    this.#bound?.close()
  }
}

const tooLate: VpnError = {
  kind: 'protocol',
  exchange: 'EAP',
  problem: 'PEAP goes on after its end',
  reference: REFERENCE,
}

export const peapPeer = (config: EapPeerConfig, tools: PeerTools): PeerMethod =>
  new TunnelPeer({
    title: TITLE,
    setup: clientSetup(config, false, tunnelExports(PEAP_TYPE, PEAP_LABEL)),
    version: { ours: 0, exact: false },
    inner: new PeapInner(config, tools),
  })
