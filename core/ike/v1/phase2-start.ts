import { asMillis, type Millis } from '../../bytes/brands.ts'
import type { SelectorPair } from '../../esp/engine.ts'
import type { TrafficSelector } from '../../wire/ikev2/traffic-selector.ts'
import { ahBehindNat } from '../ah-behind-nat.ts'
import type { AssignedConfiguration } from '../session.ts'
import { isSubset, selectorOfAddress } from '../v2/selectors.ts'
import { endsOf, wantsTransport } from '../v2/transport-mode.ts'
import { configurationRequest } from './configuration.ts'
import type { Established } from './established.ts'
import { beginQuick } from './exchanges/quick-mode.ts'
import {
  confirmConfiguration,
  MODE_CONFIG,
  pullConfiguration,
  pushConfiguration,
} from './exchanges/transaction.ts'
import { requestXauth } from './exchanges/xauth-gateway.ts'
import { methodOf } from './methods.ts'
import { CHOICE } from './numbers.ts'

/** What comes between phase 1 and a connection: XAuth, configuration, and a quick mode for each pair of networks. */
export class Phase2Start {
  readonly #e: Established
  /** Pairs of selectors that no quick mode was begun for yet. */
  #wanted: SelectorPair[] = []
  /** A configuration that came unasked, and whether it is our turn to have one. */
  #pushed: AssignedConfiguration | undefined
  #configuring = false

  constructor(e: Established) {
    this.#e = e
  }

  begin(now: Millis): void {
    const { n, current } = this.#e
    const behind = n.initiated ? ahBehindNat(n.config, n.facts.nat) : undefined
    if (behind !== undefined) return this.#e.leave(behind)
    const xauth = methodOf(current.suite.authentication).xauth !== false ? n.config.ikev1?.xauth : undefined
    if (xauth?.role === 'gateway') requestXauth(this.#e, xauth, now)
    else if (xauth !== undefined) this.#await('waiting for the gateway to ask who you are', now)
    else if (n.initiated) this.#configure(now)
    else this.#push(now)
  }

  /** XAuth has ended. */
  onXauthStatus(ok: boolean, now: Millis): void {
    const { n } = this.#e
    n.clearTimer('gateway-turn')
    if (!ok)
      return this.#e.leave({ kind: 'authFailed', who: n.initiated ? 'us' : 'gateway', method: 'xauth' })
    if (!n.initiated) return this.#push(now)
    // Asked again on a renewed SA, we have all the rest already.
    if (n.state === 'phase2' && n.children.size === 0 && this.#wanted.length === 0)
      return this.#configure(now)
    this.confirm(now)
  }

  /** What we asked for. */
  onConfiguration(configuration: AssignedConfiguration, now: Millis): void {
    this.#configuring = false
    if (configuration.addresses.length === 0) return this.#e.leave({ kind: 'noAddress' })
    this.#e.n.configuration = configuration
    this.#connect(configuration, now)
  }

  /** What the gateway gives on its own: as good as an answer, where we want one. draft-dukes-ike-mode-cfg §3.4 */
  onPushed(configuration: AssignedConfiguration, now: Millis): void {
    const { n } = this.#e
    if (n.configuration !== undefined || this.#wanted.length > 0 || configuration.addresses.length === 0)
      return n.note('the gateway offers a configuration once more; what stands stays')
    // Some gateways push before XAuth has ended: it waits until the client may go on.
    this.#pushed = configuration
    if (!this.#configuring) return
    this.#e.exchanges.cancel(MODE_CONFIG)
    this.onConfiguration(configuration, now)
  }

  /**
   * A gateway that began a new phase 1 itself may have forgotten which address goes with it, and then takes no quick mode
   * for that: it is asked for the very address we have.
   */
  confirm(now: Millis): void {
    const { n } = this.#e
    const had = n.configuration?.addresses ?? []
    if (!n.initiated || this.#e.current.initiator || had.length === 0) return
    confirmConfiguration(this.#e, configurationRequest(n.config.requestAddresses, had), had, now)
  }

  /** As a gateway that does not wait to be asked; only for a client that has nothing yet. */
  #push(now: Millis): void {
    const { config, state } = this.#e.n
    if (config.ikev1?.push === true && state === 'phase2') pushConfiguration(this.#e, now)
  }

  #await(step: string, now: Millis): void {
    this.#e.n.step = step
    this.#e.n.setTimer('gateway-turn', asMillis(now + CHOICE.gatewayTurnMs))
  }

  #configure(now: Millis): void {
    const { requestAddresses } = this.#e.n.config
    if (this.#pushed !== undefined) return this.onConfiguration(this.#pushed, now)
    this.#configuring = true
    if (requestAddresses.ipv4 || requestAddresses.ipv6)
      return pullConfiguration(
        this.#e,
        configurationRequest(requestAddresses, [], this.#e.n.facts.peer.unity),
        now,
      )
    this.#connect(undefined, now)
  }

  /** One quick mode for each pair of ours and theirs, one after the other. */
  #connect(configuration: AssignedConfiguration | undefined, now: Millis): void {
    const { config } = this.#e.n
    if (wantsTransport(config)) {
      this.#wanted = [endsOf(this.#e.n)]
      return this.#nextQuick(now)
    }
    const own =
      configuration === undefined
        ? config.localSelectors
        : configuration.addresses.map((cidr) => selectorOfAddress(cidr.split('/')[0]!))
    this.#wanted = own.flatMap((local) =>
      config.remoteSelectors
        .filter((remote) => remote.type === local.type)
        .map((remote) => ({ local: [local], remote: [remote] })),
    )
    this.#nextQuick(now)
  }

  #nextQuick(now: Millis): void {
    const { n } = this.#e
    const selectors = this.#wanted.shift()
    if (selectors === undefined) return this.#connected()
    n.step = 'waiting for the answer to quick mode'
    beginQuick(
      this.#e,
      {
        name: this.#e.children.freshName(),
        selectors,
        onDone: (_, at) => this.#nextQuick(at),
        onFailed: (error) => this.#e.leave(error),
      },
      now,
    )
  }

  #connected(): void {
    const { n } = this.#e
    const children = [...n.children.values()]
    if (children.length === 0) return this.#e.leave({ kind: 'selectorsUnacceptable', asked: [] })
    n.state = 'connected'
    n.step = ''
    n.configuration ??= NO_CONFIGURATION
    const selectors = {
      local: children.flatMap((c) => c.selectors.local),
      remote: routed(
        children.flatMap((c) => c.selectors.remote),
        n.include,
      ),
    }
    n.act({ do: 'established', configuration: n.configuration, selectors })
  }
}

/** Of what may go through the tunnel, what should: a gateway with split tunnels names it apart. */
function routed(
  open: readonly TrafficSelector[],
  named: readonly TrafficSelector[],
): readonly TrafficSelector[] {
  const both = named.filter((one) => isSubset([one], open))
  return both.length === 0 ? open : both
}

export const NO_CONFIGURATION: AssignedConfiguration = {
  addresses: [],
  dnsServers: [],
  subnets: [],
  dnsDomains: [],
}
