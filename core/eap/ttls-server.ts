import { concat, equal, equalConstantTime, NO_OCTETS, utf8 } from '../bytes/octets.ts'
import type { Secret } from '../bytes/secret.ts'
import { md5 } from '../crypto/legacy.ts'
import * as chap from '../crypto/ms-chap.ts'
import type { TlsEstablished } from '../crypto/tls.ts'
import type { VpnError } from '../errors.ts'
import { type Avp, decodeAvps, encodeAvps } from '../wire/eap/avp.ts'
import { decodeEapPacket } from '../wire/eap/packet.ts'
import { INNER_METHODS } from './inner-eap.ts'
import {
  broken,
  fail,
  type InnerServerConversation,
  type ServerMethod,
  type ServerTools,
  unreadable,
} from './method.ts'
import { hashOf } from './mschapv2.ts'
import type { EapServerAction } from './server.ts'
import type { EapServerConfig, EapUser } from './server-config.ts'
import { firstOf, serverSetup } from './tls.ts'
import { CHALLENGE_BYTES, dataOf, microsoft, radius, TTLS_LABEL, TTLS_TYPE } from './ttls.ts'
import { tunnelExports } from './tunnel.ts'
import { type InnerServer, type InnerServerAction, TunnelServer } from './tunnel-server.ts'

const REFUSED: VpnError = { kind: 'authFailed', who: 'us', method: 'EAP-TTLS' }

/** The server's side of TTLS: takes whatever of PAP, CHAP, MS-CHAP, MS-CHAPv2 and EAP the peer brings. RFC 5281 §11.2 */
class TtlsInnerServer implements InnerServer {
  readonly #config: EapServerConfig
  readonly #tools: ServerTools
  #challenges: { readonly long: Secret; readonly short: Secret } | undefined
  #proven = false
  #eap: InnerServerConversation | undefined
  /** Where there is no EAP inside. */
  #user: string | undefined

  constructor(config: EapServerConfig, tools: ServerTools) {
    this.#config = config
    this.#tools = tools
  }

  established({ exported }: TlsEstablished): readonly InnerServerAction[] {
    this.#challenges = { long: exported[1]!, short: exported[2]! }
    return [{ do: 'flush' }]
  }

  /** After MS-CHAPv2 the peer has nothing more to say; else it has said nothing at all. */
  acknowledged(): readonly InnerServerAction[] {
    return [this.#proven ? { do: 'done' } : broken('nothing inside the tunnel', 'RFC 5281 §7.2')]
  }

  data(data: Uint8Array): readonly InnerServerAction[] {
    const read = decodeAvps(data)
    if (!read.ok) return [unreadable(read.error)]
    const avps = read.value
    const packet = dataOf(avps, radius('EAP-Message', NO_OCTETS))
    if (packet !== undefined) return this.#onEap(packet)
    const name = dataOf(avps, radius('User-Name', NO_OCTETS))
    this.#user = Buffer.from(name ?? NO_OCTETS).toString('utf8')
    const user = this.#config.lookUp(this.#user)
    if (user === undefined || name === undefined) return [fail(REFUSED)]
    const mschapv2 = dataOf(avps, microsoft('MS-CHAP2-Response', NO_OCTETS))
    if (mschapv2 !== undefined) return this.#onMsChapV2(avps, mschapv2, name, user)
    return [this.#proves(avps, user) ? { do: 'done' } : fail(REFUSED)]
  }

  #proves(avps: readonly Avp[], { password }: EapUser): boolean {
    const pap = dataOf(avps, radius('User-Password', NO_OCTETS))
    if (pap !== undefined)
      return password.use((octets) => equalConstantTime(concat(octets, new Uint8Array(zerosAfter(pap))), pap))
    const proof = dataOf(avps, radius('CHAP-Password', NO_OCTETS))
    const given = dataOf(avps, radius('CHAP-Challenge', NO_OCTETS))
    if (proof !== undefined && given !== undefined && this.#isOurs('long', given, proof[0]))
      return password.use((octets) =>
        equalConstantTime(md5(proof.subarray(0, 1), octets, given), proof.subarray(1)),
      )
    const response = dataOf(avps, microsoft('MS-CHAP-Response', NO_OCTETS))
    const challenge = dataOf(avps, microsoft('MS-CHAP-Challenge', NO_OCTETS))
    if (response?.length !== 50 || challenge === undefined || !this.#isOurs('short', challenge, response[0]))
      return false
    const { legacy } = this.#tools
    const hash = hashOf(legacy, password)
    const wanted = hash.use((octets) => chap.challengeResponse(legacy, challenge, octets))
    hash.close()
    return equalConstantTime(wanted, response.subarray(26))
  }

  /** The challenge is the tunnel's and nobody's choice; so is the identifier. RFC 5281 §11.1 */
  #isOurs(which: 'long' | 'short', challenge: Uint8Array, identifier: number | undefined): boolean {
    return (
      this.#challenges?.[which].use(
        (octets) => equal(octets.subarray(0, -1), challenge) && octets.at(-1) === identifier,
      ) ?? false
    )
  }

  #onMsChapV2(
    avps: readonly Avp[],
    response: Uint8Array,
    name: Uint8Array,
    user: EapUser,
  ): readonly InnerServerAction[] {
    const { legacy } = this.#tools
    const challenge = dataOf(avps, microsoft('MS-CHAP-Challenge', NO_OCTETS))
    if (response.length !== 50 || challenge === undefined || !this.#isOurs('long', challenge, response[0]))
      return [fail(REFUSED)]
    const short = chap.challengeHash(response.subarray(2, 18), challenge, chap.withoutDomain(name))
    const proof = response.subarray(26)
    const hash = hashOf(legacy, user.password)
    const answer = hash.use((octets) =>
      equalConstantTime(chap.challengeResponse(legacy, short, octets), proof)
        ? chap.authenticatorResponse(legacy, octets, proof, short)
        : undefined,
    )
    hash.close()
    const id = response.subarray(0, 1)
    if (answer === undefined) {
      const error = microsoft('MS-CHAP-Error', concat(id, utf8('E=691 R=0 V=3 M=Wrong password')))
      return [{ do: 'write', data: encodeAvps([error]) }]
    }
    this.#proven = true
    return [{ do: 'write', data: encodeAvps([microsoft('MS-CHAP2-Success', concat(id, utf8(answer)))]) }]
  }

  #onEap(packet: Uint8Array): readonly InnerServerAction[] {
    if (this.#eap !== undefined) return this.#fromInner(this.#eap.handle({ type: 'packet', packet }))
    const read = decodeEapPacket(packet)
    if (!read.ok || read.value.code !== 'response') return [broken('no identity inside', 'RFC 5281 §11.2.1')]
    const identity = Buffer.from(read.value.data).toString('utf8')
    const methods = (this.#config.inner ?? INNER_METHODS).filter((name) => INNER_METHODS.includes(name))
    this.#eap = this.#tools.converse({ ...this.#config, methods })
    return this.#fromInner(this.#eap.handle({ type: 'begin', identity }))
  }

  #fromInner(actions: readonly EapServerAction[]): readonly InnerServerAction[] {
    return actions.flatMap((action): readonly InnerServerAction[] => {
      switch (action.do) {
        case 'send':
          return [{ do: 'write', data: encodeAvps([radius('EAP-Message', action.packet)]) }]
        case 'succeeded':
          action.msk?.close()
          return [{ do: 'done' }]
        case 'failed':
          return [fail(action.error)]
        case 'tls':
          return [broken('TLS inside TLS', 'RFC 5281 §11.2.1')]
        default:
          return [action]
      }
    })
  }

  get user(): string | undefined {
    return this.#eap?.identity ?? this.#user
  }

  msk(tunnel: Secret): Secret {
    return firstOf(tunnel)
  }

  close(): void {
    this.#eap?.close()
  }
}

function zerosAfter(padded: Uint8Array): number {
  let count = 0
  while (count < padded.length && padded[padded.length - 1 - count] === 0) count++
  return count
}

export const ttlsServer = (config: EapServerConfig, _user: string, tools: ServerTools): ServerMethod =>
  new TunnelServer({
    title: 'EAP-TTLS',
    setup: serverSetup(
      config,
      false,
      tunnelExports(TTLS_TYPE, TTLS_LABEL, [
        { label: 'ttls challenge', bytes: CHALLENGE_BYTES.mschapv2 },
        { label: 'ttls challenge', bytes: CHALLENGE_BYTES.mschap },
      ]),
    ),
    inner: new TtlsInnerServer(config, tools),
  })
