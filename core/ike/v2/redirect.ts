import { addressBytes, addressText } from '../../bytes/address.ts'
import type { Millis } from '../../bytes/brands.ts'
import { concat, equal } from '../../bytes/octets.ts'
import type { VpnError } from '../../errors.ts'
import { NotifyType } from '../../iana/ikev2-notify.ts'
import type { Payload } from '../../wire/ikev2/payload.ts'
import type { ConnectionConfig } from '../config.ts'
import type { IkeAction, IkeEvent, State, Step } from '../session.ts'
import { common, finish, step } from './closed.ts'
import type { Negotiation } from './negotiation.ts'
import { SPEC } from './numbers.ts'
import { findNotify, notify } from './payloads.ts'
import { firstPath } from './transport.ts'

type OpenPath = Extract<IkeAction, { do: 'openPath' }>

/** GW Identity Types. RFC 5685 §9.1 */
const IPV4 = 1
const IPV6 = 2
const FQDN = 3

type Redirecting = Pick<ConnectionConfig, 'redirect'>

/** That we can be sent elsewhere, or that we come from there. RFC 5685 §3 */
export function redirectNotify({ config, redirectedFrom }: Negotiation): Payload[] {
  if (config.redirect !== true) return []
  if (redirectedFrom === undefined) return [notify(NotifyType.REDIRECT_SUPPORTED.id)]
  return [notify(NotifyType.REDIRECTED_FROM.id, identityOf(redirectedFrom))]
}

/** A gateway as it stands in these notifies: type, length, address or name. RFC 5685 §9.1 */
export function identityOf(host: string): Uint8Array {
  const type = host.includes(':') ? IPV6 : /^\d+(\.\d+){3}$/.test(host) ? IPV4 : FQDN
  const data = type === FQDN ? new TextEncoder().encode(host) : addressBytes(host)
  return concat(Uint8Array.of(type, data.length), data)
}

/** Where a REDIRECT sends us; `undefined` where there is none that can be followed. RFC 5685 §9.2 */
export function redirectOf(
  { redirect }: Redirecting,
  payloads: readonly Payload[],
): { readonly host: string; readonly nonce: Uint8Array } | undefined {
  const data = redirect === true ? findNotify(payloads, NotifyType.REDIRECT.id)?.data : undefined
  if (data === undefined || data.length < 3) return undefined
  const [type = 0, length = 0] = data
  const identity = data.subarray(2, 2 + length)
  if (identity.length !== length) return undefined
  const nonce = data.subarray(2 + length)
  if ((type === IPV4 && length === 4) || (type === IPV6 && length === 16))
    return { host: addressText(identity), nonce }
  const name = Buffer.from(identity).toString('latin1')
  return type === FQDN && /^[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*$/.test(name)
    ? { host: name, nonce }
    : undefined
}

/** A REDIRECT that nobody has signed yet: only who has seen our request can repeat its nonce. RFC 5685 §3 */
export function unsignedRedirect(
  config: Redirecting,
  payloads: readonly Payload[],
  nonce: Uint8Array,
): string | undefined {
  const target = redirectOf(config, payloads)
  return target !== undefined && equal(target.nonce, nonce) ? target.host : undefined
}

/** Begins anew at another gateway, which has to be whom we wanted all the same. RFC 5685 §3, §7 */
export function followRedirect(n: Negotiation, host: string, now: Millis): Step {
  n.redirects = n.redirects.filter((at) => now - at < SPEC.redirectPeriodMs)
  if (n.redirects.length >= SPEC.mostRedirects) return finish(n, tooMany)
  n.redirects.push(now)
  n.redirectedFrom = n.remote?.address
  n.step = `going on to ${host}`
  n.note(`the gateway sends us to ${host}`)
  return beginAnew(n, firstPath(n.config, SPEC.ikePort), host)
}

/** Whatever was agreed on is forgotten: once more from the start, by another path. */
export function beginAnew(n: Negotiation, path: OpenPath, remoteAddress: string): Step {
  n.current = undefined
  n.floated = false
  n.remoteId = undefined
  n.remoteProof = undefined
  n.vendorIds.length = 0
  n.mobike = false
  n.peerAddresses = []
  n.state = 'phase1'
  n.act({ ...path, remoteAddress })
  return step(new AwaitOtherPath(n), n)
}

const tooMany: VpnError = {
  kind: 'protocol',
  exchange: 'IKE_SA_INIT',
  problem: `it was redirected more than ${SPEC.mostRedirects} times within five minutes`,
  reference: 'RFC 5685 §7',
}

/** Waits for a socket to the other gateway. */
class AwaitOtherPath implements State {
  readonly name = 'AwaitOtherPath'
  readonly #n: Negotiation

  constructor(n: Negotiation) {
    this.#n = n
  }

  handle(event: IkeEvent, now: Millis): Step {
    const n = this.#n
    if (event.type !== 'pathOpen') return common(n, event, this)
    n.local = event.local
    n.remote = event.remote
    if (n.startOver === undefined) return finish(n, { kind: 'internal', problem: 'nobody begins anew' })
    return step(n.startOver(n, now), n)
  }
}
