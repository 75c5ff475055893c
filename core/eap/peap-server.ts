import type { Secret } from '../bytes/secret.ts'
import type { TlsEstablished } from '../crypto/tls.ts'
import type { VpnError } from '../errors.ts'
import { EapType, PeapTlv } from '../iana/eap.ts'
import { decodeCryptoBinding, decodeTlvs, RESULT, resultOf, resultTlv } from '../wire/eap/peap-tlv.ts'
import { INNER_METHODS } from './inner-eap.ts'
import {
  broken,
  fail,
  type InnerServerConversation,
  type ServerMethod,
  type ServerTools,
  unreadable,
} from './method.ts'
import { Binding, bare, dressed, PEAP_LABEL, PEAP_TYPE, tlvPacket } from './peap.ts'
import type { EapServerAction } from './server.ts'
import type { EapServerConfig } from './server-config.ts'
import { firstOf, serverSetup } from './tls.ts'
import { tunnelExports } from './tunnel.ts'
import { type InnerServer, type InnerServerAction, TunnelServer } from './tunnel-server.ts'

/** The server's side of PEAP version 0. It binds the inside to the tunnel unless told not to. */
class PeapInnerServer implements InnerServer {
  readonly #tools: ServerTools
  readonly #inner: InnerServerConversation
  readonly #binds: boolean
  #tunnel: Secret | undefined
  #begun = false
  #bound: Binding | undefined
  #failed: VpnError | undefined
  #ended = false
  #next = 0

  constructor(config: EapServerConfig, tools: ServerTools) {
    this.#tools = tools
    const methods = (config.inner ?? INNER_METHODS).filter((name) => INNER_METHODS.includes(name))
    this.#inner = tools.converse({ ...config, methods })
    this.#binds = config.peapBinding !== false
  }

  established({ version, exported }: TlsEstablished): readonly InnerServerAction[] {
    this.#tunnel = exported[0]
    return version === 'TLSv1.3' ? this.#begin() : [{ do: 'flush' }]
  }

  acknowledged(): readonly InnerServerAction[] {
    return this.#begun ? [broken('PEAP: nothing to answer', '[MS-PEAP] §3.1.5.6')] : this.#begin()
  }

  data(data: Uint8Array, next: number): readonly InnerServerAction[] {
    this.#next = next
    // The inner conversation counts its packets by itself: what comes answers the last of them.
    const packet = dressed(data, 2, this.#innerIdentifier)
    if (packet[4] === EapType['EAP-TLV'].id) return this.#onTlvs(packet.subarray(5))
    if (this.#ended) return [broken('PEAP: no result', '[MS-PEAP] §3.1.5.6')]
    return this.#perform(this.#inner.handle({ type: 'packet', packet }))
  }

  #innerIdentifier = 0

  #begin(): readonly InnerServerAction[] {
    this.#begun = true
    return this.#perform(this.#inner.handle({ type: 'begin' }))
  }

  #perform(actions: readonly EapServerAction[]): readonly InnerServerAction[] {
    return actions.flatMap((action) => this.#performOne(action))
  }

  #performOne(action: EapServerAction): readonly InnerServerAction[] {
    switch (action.do) {
      case 'send':
        this.#innerIdentifier = action.packet[1]!
        return [{ do: 'write', data: bare(action.packet) }]
      case 'succeeded': {
        this.#ended = true
        const bound = new Binding(this.#tunnel!, action.msk)
        action.msk?.close()
        if (!this.#binds) bound.close()
        else this.#bound = bound
        const binding = this.#binds ? [bound.tlv(0, this.#tools.random.bytes(32))] : []
        return [
          { do: 'write', data: tlvPacket('request', this.#next, [resultTlv(RESULT.success), ...binding]) },
        ]
      }
      case 'failed':
        this.#ended = true
        this.#failed = action.error
        return [{ do: 'write', data: tlvPacket('request', this.#next, [resultTlv(RESULT.failure)]) }]
      case 'tls':
        return [broken('TLS inside TLS', '[MS-PEAP] §3.1.5.6')]
      case 'note':
        return [action]
    }
  }

  #onTlvs(data: Uint8Array): readonly InnerServerAction[] {
    if (!this.#ended) return [broken('PEAP: a result before there is any', '[MS-PEAP] §3.1.5.6')]
    if (this.#failed !== undefined) return [fail(this.#failed)]
    const read = decodeTlvs(data)
    if (!read.ok) return [unreadable(read.error)]
    const result = read.value.find(({ type }) => type === PeapTlv.Result.id)
    if (result === undefined || resultOf(result) !== RESULT.success) return [fail(REFUSED)]
    if (this.#bound === undefined) return [{ do: 'done' }]
    const tlv = read.value.find(({ type }) => type === PeapTlv.Cryptobinding.id)
    const binding = tlv === undefined ? undefined : decodeCryptoBinding(tlv.value)
    const good =
      tlv !== undefined &&
      binding?.ok === true &&
      binding.value.subtype === 1 &&
      this.#bound.fits(tlv, binding.value)
    return [good ? { do: 'done' } : fail(REFUSED)]
  }

  get user(): string | undefined {
    return this.#inner.identity
  }

  msk(tunnel: Secret): Secret {
    return this.#bound?.msk() ?? firstOf(tunnel)
  }

  close(): void {
    this.#inner.close()
    this.#bound?.close()
  }
}

const REFUSED: VpnError = { kind: 'authFailed', who: 'us', method: 'PEAP' }

export const peapServer = (config: EapServerConfig, _user: string, tools: ServerTools): ServerMethod =>
  new TunnelServer({
    title: 'PEAP',
    setup: serverSetup(config, false, tunnelExports(PEAP_TYPE, PEAP_LABEL)),
    inner: new PeapInnerServer(config, tools),
  })
