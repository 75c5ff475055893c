import { NO_OCTETS } from '../../core/bytes/octets.ts'
import { Secret } from '../../core/bytes/secret.ts'
import type { TlsVersion } from '../../core/crypto/tls.ts'
import type { EapPeerConfig } from '../../core/eap/config.ts'
import { type EapAction, EapPeer } from '../../core/eap/peer.ts'
import { encodeEapPacket } from '../../core/wire/eap/packet.ts'
import { encodeTlsFragment } from '../../core/wire/eap/tls-fragment.ts'
import { eapTools } from './eap-pair.ts'

/** A peer whose tunnel stands without TLS: what goes through it can be read and written as it is. */
export class FakeTunnel {
  readonly peer: EapPeer
  readonly #type: number
  #identifier = 0

  constructor(config: EapPeerConfig, type: number) {
    this.peer = new EapPeer(config, eapTools())
    this.#type = type
  }

  /** The tunnel stands; `keys`: what the exports give, of these lengths, filled with 1, 2 … */
  open(version: TlsVersion, ...keys: number[]): readonly EapAction[] {
    this.request({ start: true })
    const exported = keys.map((length, i) => new Secret(new Uint8Array(length).fill(i + 1)))
    const established = { version, exported }
    return this.peer.handle({ type: 'tls', turn: { output: NO_OCTETS, data: NO_OCTETS, established } })
  }

  /** Something of the server comes out of the tunnel. */
  hear(data: Uint8Array): readonly EapAction[] {
    this.sent()
    this.request({ data: Uint8Array.of(1) })
    return this.peer.handle({ type: 'tls', turn: { output: NO_OCTETS, data } })
  }

  /** What was written into the tunnel goes out. */
  sent(): readonly EapAction[] {
    return this.peer.handle({ type: 'tls', turn: { output: Uint8Array.of(9), data: NO_OCTETS } })
  }

  request(fragment: { start?: boolean; data?: Uint8Array }): readonly EapAction[] {
    const data = encodeTlsFragment({ start: false, more: false, version: 0, data: NO_OCTETS, ...fragment })
    const method = { vendor: 0, type: this.#type }
    const identifier = ++this.#identifier
    const packet = encodeEapPacket({ code: 'request', identifier, method, expanded: false, data })
    return this.peer.handle({ type: 'packet', packet })
  }

  success(): readonly EapAction[] {
    const packet = encodeEapPacket({ code: 'success', identifier: this.#identifier })
    return this.peer.handle({ type: 'packet', packet })
  }
}

/** What an action wants written into the tunnel. */
export const written = (actions: readonly EapAction[]): Uint8Array | undefined =>
  actions.flatMap((action) => (action.do === 'tls' && action.input.send ? [action.input.send] : []))[0]
