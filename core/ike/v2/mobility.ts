import { addressBytes, addressText } from '../../bytes/address.ts'
import { asMillis, type Millis } from '../../bytes/brands.ts'
import { concat, equal } from '../../bytes/octets.ts'
import type { VpnError } from '../../errors.ts'
import { ExchangeType } from '../../iana/ikev2.ts'
import { NotifyType } from '../../iana/ikev2-notify.ts'
import type { Endpoint } from '../../net/plan.ts'
import type { Payload } from '../../wire/ikev2/payload.ts'
import type { ConnectionConfig } from '../config.ts'
import type { IkeEvent } from '../session.ts'
import type { Established } from './established.ts'
import type { IkeSa } from './ike-sa.ts'
import { natNotifies, readNat } from './nat-detection.ts'
import { CHOICE } from './numbers.ts'
import { all, errorOf, findNotify, notify } from './payloads.ts'
import { fallbackPath, firstPath, isStream } from './transport.ts'

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

/** An IKE SA and its CHILD_SAs on changing addresses: the client alone decides where they go. RFC 4555, RFC 9329 §6.1, §7.1 */
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
  /** When this computer moved, until something has come by a path of after that. */
  #movedAt: Millis | undefined
  /** Where the gateway has last answered from, and which of its addresses is tried now: that is the first. */
  #proven: string | undefined
  #candidate = 0
  /** This computer's addresses, where they have changed once more while a socket was on its way. */
  #changedTo: readonly string[] | undefined
  /** The path is new, and nothing has come by it: how often something was sent again meanwhile. */
  #unanswered: number | undefined
  /** A TCP connection is on its way beside UDP. */
  #fallingBack = false
  /** A TCP connection was lost and has to come back: how often since something came by one. */
  #losses = 0

  constructor(e: Established) {
    this.#e = e
  }

  // The client

  /**
   * This computer has other addresses, `addresses` where it is known which: everything goes by a path of now. A change of
   * several steps is one move, or the gateway would answer to a socket that is gone again. RFC 4555 §3.5
   */
  move(now: Millis, addresses?: readonly string[]): void {
    const { n, leaving } = this.#e
    if (!n.initiated || leaving || n.remote === undefined) return
    if (!n.mobike) return this.#e.finish(this.#lost('this network was left'))
    if (addresses !== undefined && this.#opening > 0 && !this.#fallingBack) {
      this.#changedTo = addresses
      return
    }
    n.note('this computer has another address: the tunnel follows')
    this.#begin(now)
  }

  #begin(now: Millis): void {
    this.#since = now
    this.#movedAt = now
    this.#unanswered = undefined
    this.#changedTo = undefined
    this.#candidate = 0
    this.#failures = 0
    this.#losses = 0
    this.#open()
  }

  /** Where the gateway may be reached: first where it was last. RFC 4555 §3.6 */
  #addresses(): readonly string[] {
    const { n } = this.#e
    return [...new Set([this.#proven ?? n.remote!.address, n.config.gatewayAddress, ...n.peerAddresses])]
  }

  /** UDP first, whatever it was before, but where a TCP connection has to come back. RFC 9329 §7.1 */
  #open(): void {
    const { n } = this.#e
    const addresses = this.#addresses()
    const path =
      this.#losses > 0
        ? ({ do: 'openPath', remotePort: n.remote!.port, transport: 'tcp' } as const)
        : firstPath(n.config, n.remote!.port === 500 ? 500 : 4500)
    this.#opening++
    n.act({ ...path, remoteAddress: addresses[this.#candidate % addresses.length]! })
  }

  /** The TCP connection is gone: who opened it opens another one. RFC 9329 §6.1 */
  onLost(problem: string, now: Millis): void {
    const { n, leaving } = this.#e
    if (leaving) return this.#e.finish(undefined)
    if (!n.initiated || !isStream(n)) return
    n.note(`the TCP connection was lost: ${problem}`)
    this.#since ??= now
    if (now - this.#since >= CHOICE.moveMs) return this.#e.finish(this.#lost(problem))
    const waitMs = this.#losses === 0 ? 0 : CHOICE.streamAgainMs * 2 ** Math.min(this.#losses - 1, 5)
    this.#losses++
    n.setTimer('move', asMillis(now + waitMs))
  }

  /** A message of ours went out once more. After some of that by a new path TCP is tried beside it, and the gateway elsewhere. RFC 9329 §7.1, RFC 4555 §3.6 */
  onSilence(now: Millis): void {
    const { n } = this.#e
    if (this.#unanswered === undefined) return
    this.#unanswered++
    if (isStream(n) || this.#fallingBack) return
    const path = fallbackPath(n)
    const addresses = this.#addresses()
    if (this.#unanswered >= CHOICE.triesBeforeTcp && path !== undefined) {
      this.#fallingBack = true
      this.#opening++
      return n.act({ ...path, remoteAddress: addresses[0]! })
    }
    const inTime = this.#movedAt !== undefined && now - this.#movedAt < CHOICE.moveMs
    if (!inTime || addresses.length === 1 || this.#unanswered % CHOICE.triesOfOneAddress !== 0) return
    this.#candidate++
    this.#open()
  }

  /** Something fresh has come by the path of now: it is good. */
  heard(): void {
    this.#unanswered = undefined
    this.#movedAt = undefined
    this.#proven = this.#e.n.remote?.address
    if (this.#losses > 0) this.#since = undefined
    this.#losses = 0
    if (!this.#fallingBack) return
    this.#fallingBack = false
    this.#opening--
    this.#e.n.act({ do: 'keepPath' })
  }

  /** → whether the socket is for us. */
  onPathOpen({ local, remote }: Path, now: Millis): boolean {
    if (this.#opening === 0) return false
    const { n } = this.#e
    this.#opening--
    this.#fallingBack = false
    if (this.#changedTo?.includes(local.address) === false) {
      this.#begin(now)
      return true
    }
    this.#changedTo = undefined
    if (this.#losses === 0) this.#since = undefined
    this.#unanswered ??= 0
    n.clearTimer('move')
    n.useEnds(local, remote)
    this.#e.liveness.startKeepalive(now)
    this.#e.renewal.moved(local, remote)
    // What waits for an answer goes out again from here. RFC 4555 §3.5
    this.#e.requests.sendAgain(now)
    if (n.mobike) this.#update(now)
    else this.#e.liveness.probe(now)
    return true
  }

  /** → whether it was our socket that could not be had: a network may take a moment to come up. */
  onFailed({ error, transport }: Extract<IkeEvent, { type: 'failed' }>, now: Millis): boolean {
    if (transport === 'tcp' && this.#fallingBack) {
      // UDP goes on, and the next silence may ask for it again.
      this.#fallingBack = false
      this.#unanswered = 0
      this.#opening--
      return true
    }
    if (this.#opening === 0 || error.kind !== 'unreachable') return false
    this.#opening--
    if (this.#changedTo !== undefined) {
      this.#begin(now)
      return true
    }
    this.#failures++
    if (now - (this.#since ?? now) >= CHOICE.moveElsewhereMs) this.#candidate++
    if (now - (this.#since ?? now) >= CHOICE.moveMs) {
      this.#e.finish(this.#lost(error.hint ?? 'no network'))
      return true
    }
    const waitMs = Math.min(CHOICE.moveAgainMs * 2 ** (this.#failures - 1), CHOICE.moveAgainLongestMs)
    this.#e.n.setTimer('move', asMillis(now + waitMs))
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
    // A stream has no trouble with a NAT. RFC 9329 §7.1
    if (path.remote.transport !== 'tcp' && !fitsHeader(payloads, path))
      return [notify(NotifyType.UNEXPECTED_NAT_DETECTED.id), ...echo]
    const answer = [...natNotifies(n, sa.initiatorSpi, sa.responderSpi, path), ...echo]
    if (!updates) return answer
    const moved = n.remote?.address !== path.remote.address
    n.useEnds(path.local, path.remote)
    readNat(n, payloads, sa)
    n.note(`the client is at ${path.remote.address} now`)
    // Nobody makes a TCP connection from where they are not. RFC 9329 §7.1
    this.#unproven ||= moved && path.remote.transport !== 'tcp'
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
