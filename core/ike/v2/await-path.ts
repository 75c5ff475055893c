import type { Millis } from '../../bytes/brands.ts'
import type { IkeEvent, State, Step } from '../session.ts'
import { common, step } from './closed.ts'
import type { Negotiation } from './negotiation.ts'
import { SPEC } from './numbers.ts'
import { isStream } from './transport.ts'

/** Waits for a socket; what comes then is the caller's. */
export class AwaitPath implements State {
  readonly name = 'AwaitPath'
  readonly #n: Negotiation
  readonly #then: (now: Millis) => Step

  constructor(n: Negotiation, then: (now: Millis) => Step) {
    this.#n = n
    this.#then = then
  }

  handle(event: IkeEvent, now: Millis): Step {
    if (event.type !== 'pathOpen') return common(this.#n, event, this)
    this.#n.local = event.local
    this.#n.remote = event.remote
    return this.#then(now)
  }
}

/** Behind a NAT everything goes on by port 4500. RFC 7296 §2.23 */
export function onRightPort(n: Negotiation, now: Millis, then: (now: Millis) => Step): Step {
  const float = n.config.forceEncapsulation || n.nat.us || n.nat.gateway
  if (!float || isStream(n) || n.remote?.port === SPEC.natTraversalPort) return then(now)
  // Where the answer came from: after a REDIRECT that is not the gateway of the profile.
  const remoteAddress = n.remote?.address ?? n.config.gatewayAddress
  n.floated = true
  n.act({ do: 'openPath', remotePort: SPEC.natTraversalPort, remoteAddress })
  return step(new AwaitPath(n, then), n)
}
