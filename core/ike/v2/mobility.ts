import { addressBytes, addressText } from '../../bytes/address.ts'
import { asMillis, type Millis } from '../../bytes/brands.ts'
import { concat, equal } from '../../bytes/octets.ts'
import type { VpnError } from '../../errors.ts'
import { ExchangeType } from '../../iana/ikev2.ts'
import { NotifyType } from '../../iana/ikev2-notify.ts'
import type { Endpoint } from '../../net/plan.ts'
import type { Payload } from '../../wire/ikev2/payload.ts'
import type { ConnectionConfig } from '../config.ts'
import type { Established } from './established.ts'
import type { IkeSa } from './ike-sa.ts'
import { natNotifies, readNat } from './nat-detection.ts'
import { CHOICE } from './numbers.ts'
import { all, errorOf, findNotify, notify } from './payloads.ts'

export interface Path {
  readonly local: Endpoint
  readonly remote: Endpoint
}

/** MOBIKE_SUPPORTED, beside the first SA and its answer. RFC 4555 §3.1 */
export const mobikeNotify = ({ mobike }: Pick<ConnectionConfig, 'mobike'>): Payload[] =>
  mobike === true ? [notify(NotifyType.MOBIKE_SUPPORTED.id)] : []

export const saysMobike = (
  { mobike }: Pick<ConnectionConfig, 'mobike'>,
  theirs: readonly Payload[],
): boolean => mobike === true && findNotify(theirs, NotifyType.MOBIKE_SUPPORTED.id) !== undefined

/** The other addresses a gateway lists; `undefined` where it says nothing of them. Each list takes the place of the one before. RFC 4555 §3.6 */
export function additionalAddresses(payloads: readonly Payload[]): readonly string[] | undefined {
  const notifies = all(payloads, 'Notify')
  const listed = notifies.filter(
    ({ notify: type, data }) =>
      (type === NotifyType.ADDITIONAL_IP4_ADDRESS.id && data.length === 4) ||
      (type === NotifyType.ADDITIONAL_IP6_ADDRESS.id && data.length === 16),
  )
  if (listed.length > 0) return listed.slice(0, CHOICE.mostAddresses).map(({ data }) => addressText(data))
  return findNotify(payloads, NotifyType.NO_ADDITIONAL_ADDRESSES.id) === undefined ? undefined : []
}

/** An IKE SA and its CHILD_SAs on changing addresses: the client alone decides where they go. RFC 4555 */
export class Mobility {
  readonly #e: Established
  /** Sockets for other paths that are on their way; the last to come is used. */
  #opening = 0
  #queued = false
  /** The client has moved, and may only say so. */
  #unproven = false
  /** Paths that could not be had, one after the other. */
  #failures = 0
  #since: Millis | undefined

  constructor(e: Established) {
    this.#e = e
  }

  // The client

  /** This computer has other addresses: everything goes by a path of now. RFC 4555 §3.5 */
  move(now: Millis): void {
    const { n, leaving } = this.#e
    if (!n.initiated || leaving || n.remote === undefined) return
    if (!n.mobike) return this.#e.finish(this.#lost('this network was left'))
    n.note('this computer has another address: the tunnel follows')
    this.#since = now
    this.#failures = 0
    this.#open()
  }

  #open(): void {
    const { n } = this.#e
    const addresses = [...new Set([n.remote!.address, n.config.gatewayAddress, ...n.peerAddresses])]
    this.#opening++
    n.act({
      do: 'openPath',
      remotePort: n.remote!.port === 500 ? 500 : 4500,
      remoteAddress: addresses[this.#failures % addresses.length]!,
    })
  }

  /** → whether the socket is for us. */
  onPathOpen({ local, remote }: Path, now: Millis): boolean {
    if (this.#opening === 0) return false
    const { n } = this.#e
    this.#opening--
    this.#since = undefined
    n.clearTimer('move')
    n.local = local
    n.remote = remote
    this.#e.renewal.moved(local, remote)
    // What waits for an answer goes out again from here. RFC 4555 §3.5
    this.#e.requests.sendAgain(now)
    this.#update(now)
    return true
  }

  /** → whether it was our socket that could not be had: a network may take a moment to come up. */
  onFailed(error: VpnError, now: Millis): boolean {
    if (this.#opening === 0 || error.kind !== 'unreachable') return false
    this.#opening--
    this.#failures++
    if (now - (this.#since ?? now) >= CHOICE.moveMs) {
      this.#e.finish(this.#lost(error.hint ?? 'no network'))
      return true
    }
    this.#e.n.setTimer('move', asMillis(now + CHOICE.moveAgainMs))
    return true
  }

  /** → whether the timer was ours. */
  onTimer(timer: string): boolean {
    if (timer !== 'move') return false
    if (this.#opening === 0 && this.#since !== undefined) this.#open()
    return true
  }

  #lost(hint: string): VpnError {
    return { kind: 'unreachable', host: this.#e.n.config.gatewayHost, tries: 0, hint }
  }

  /** `SK {N(UPDATE_SA_ADDRESSES), N(NAT_DETECTION_*)}`. RFC 4555 §3.5 */
  #update(now: Millis): void {
    const { n } = this.#e
    if (this.#queued) return
    this.#queued = true
    let from: Endpoint | undefined
    this.#e.ask(
      this.#e.current,
      {
        label: 'INFORMATIONAL update of addresses',
        exchange: ExchangeType.INFORMATIONAL.id,
        build: (sa) => {
          this.#queued = false
          from = n.local
          return [
            notify(NotifyType.UPDATE_SA_ADDRESSES.id),
            ...natNotifies(n, sa.initiatorSpi, sa.responderSpi),
          ]
        },
        onReply: (payloads, at, sa) => {
          // Moved again meanwhile: that answer is about a path of before.
          if (n.local !== from) return this.#update(at)
          const error = errorOf(payloads)
          if (error !== undefined)
            return this.#e.leave(
              { kind: 'closedByGateway', reason: 'it does not accept our new address' },
              at,
            )
          readNat(n, payloads, sa)
          this.#e.liveness.startKeepalive(at)
          n.note(`the tunnel goes on from ${n.local?.address}`)
        },
      },
      now,
    )
  }

  /** What a question for a sign of life carries behind a NAT, so that the answer shows what became of us there. RFC 4555 §3.8 */
  probe(sa: IkeSa): readonly Payload[] {
    const { n } = this.#e
    return n.mobike && n.initiated && n.nat.us ? natNotifies(n, sa.initiatorSpi, sa.responderSpi) : []
  }

  /** The NAT has given us another address or port: the gateway still sends to the one of before. RFC 4555 §3.8 */
  onProbed(payloads: readonly Payload[], now: Millis, sa: IkeSa): void {
    const { n } = this.#e
    const seen = findNotify(payloads, NotifyType.NAT_DETECTION_DESTINATION_IP.id)?.data
    if (!n.mobike || !n.initiated || seen === undefined) return
    if (sa.seenAs !== undefined && equal(sa.seenAs, seen)) return
    n.note('the NAT on the way has changed our address: the gateway is told')
    this.#update(now)
  }

  // The gateway

  /** What an INFORMATIONAL request says of addresses, and our answer to that. RFC 4555 §3.5 – §3.7 */
  onRequest(sa: IkeSa, payloads: readonly Payload[], path: Path): readonly Payload[] {
    const { n } = this.#e
    const cookie = findNotify(payloads, NotifyType.COOKIE2.id)
    const echo = cookie === undefined ? [] : [notify(NotifyType.COOKIE2.id, cookie.data)]
    if (n.initiated) {
      n.peerAddresses = additionalAddresses(payloads) ?? n.peerAddresses
      return echo
    }
    const asks = findNotify(payloads, NotifyType.NAT_DETECTION_SOURCE_IP.id) !== undefined
    const updates = findNotify(payloads, NotifyType.UPDATE_SA_ADDRESSES.id) !== undefined
    if (!n.mobike || !(updates || asks)) return echo
    if (!fitsHeader(payloads, path)) return [notify(NotifyType.UNEXPECTED_NAT_DETECTED.id), ...echo]
    const answer = [...natNotifies(n, sa.initiatorSpi, sa.responderSpi, path), ...echo]
    if (!updates) return answer
    const moved = n.remote?.address !== path.remote.address
    n.local = path.local
    n.remote = path.remote
    readNat(n, payloads, sa)
    n.note(`the client is at ${path.remote.address} now`)
    this.#unproven ||= moved
    return answer
  }

  /** After the answer: is the client really there? Only who gets this message can repeat what is in it. RFC 4555 §3.7 */
  checkReturn(now: Millis): void {
    const { n } = this.#e
    if (!this.#unproven) return
    this.#unproven = false
    const cookie = n.random.bytes(CHOICE.cookie2)
    this.#e.ask(
      this.#e.current,
      {
        label: 'INFORMATIONAL return routability',
        exchange: ExchangeType.INFORMATIONAL.id,
        build: () => [notify(NotifyType.COOKIE2.id, cookie)],
        onReply: (payloads) => {
          const shown = findNotify(payloads, NotifyType.COOKIE2.id)?.data
          if (shown !== undefined && equal(shown, cookie)) return
          this.#e.finish({
            kind: 'protocol',
            exchange: 'INFORMATIONAL',
            problem: 'COOKIE2 came back changed',
            reference: 'RFC 4555 §3.7',
          })
        },
      },
      now,
    )
  }
}

/** NO_NATS_ALLOWED names the addresses and ports its sender used: they must be those in the headers. RFC 4555 §4.2.6 */
function fitsHeader(payloads: readonly Payload[], { local, remote }: Path): boolean {
  const named = findNotify(payloads, NotifyType.NO_NATS_ALLOWED.id)?.data
  if (named === undefined) return true
  const port = ({ port: p }: Endpoint): Uint8Array => Uint8Array.of(p >> 8, p & 0xff)
  const seen = concat(addressBytes(remote.address), addressBytes(local.address), port(remote), port(local))
  return equal(named, seen)
}
