import { VpnFailure } from '../../errors.ts'
import type { NativeAddon } from '../../native/addon.ts'
import type { Endpoint, OsEdge, TcpRequest, TunnelPlan } from '../../net/plan.ts'
import type { Space } from './space.ts'

/** Where the demo's client is on the outer network. */
export interface OuterAddresses {
  readonly ipv4: string
  readonly ipv6: string
}

/**
 * The edge of the client inside a space: what the helper does to a machine, done to a namespace. The client's outer
 * sockets are on the loopback of the far side, where the gateway is; its device and routes are on the near side.
 */
export class DemoEdge implements OsEdge {
  readonly #space: Space
  readonly #addon: NativeAddon
  readonly #from: OuterAddresses
  readonly #plans = new Map<string, TunnelPlan>()

  constructor(space: Space, addon: NativeAddon, from: OuterAddresses) {
    this.#space = space
    this.#addon = addon
    this.#from = from
  }

  async openUdp({ address, port }: Parameters<OsEdge['openUdp']>[0]): ReturnType<OsEdge['openUdp']> {
    const from = address.includes(':') ? this.#from.ipv6 : this.#from.ipv4
    const fd = await this.#space.connectedUdp('there', address, port, from)
    return { fd, local: this.#addon.socketNames(fd).local }
  }

  async openRaw(): ReturnType<OsEdge['openRaw']> {
    const problem = 'there is UDP only'
    throw new VpnFailure({ kind: 'systemRefused', what: 'open a raw socket in the demo', problem })
  }

  async openTcp({ address, port }: TcpRequest): Promise<{ readonly fd: number; readonly local: Endpoint }> {
    const fd = await this.#space.connectedTcp('there', address, port)
    return { fd, local: this.#addon.socketNames(fd).local }
  }

  async openTun(device: string): ReturnType<OsEdge['openTun']> {
    const { fd } = await this.#space.openDevice('here', device)
    return { fd, device }
  }

  async apply(plan: TunnelPlan): Promise<void> {
    const { device } = plan
    const before = this.#plans.get(device)
    this.#plans.set(device, plan)
    for (const address of without(before?.addresses, plan.addresses)) {
      await this.#space.removeAddress('here', device, address)
    }
    for (const address of without(plan.addresses, before?.addresses)) {
      await this.#space.addAddress('here', device, address)
    }
    await this.#space.bringUp('here', device, plan.mtu)
    for (const route of without(before?.routes, plan.routes))
      await this.#space.removeRoute('here', device, route)
    for (const route of without(plan.routes, before?.routes))
      await this.#space.addRoute('here', device, route)
    // There is nothing else on this side: nothing to bypass, nothing that could leak, no resolver of anybody's.
  }

  async restore(device: string): Promise<void> {
    this.#plans.delete(device)
    await this.#space.removeDevice('here', device)
  }

  /** Nothing leaves this side but through the tunnel, held or not. */
  async hold(): Promise<void> {}

  async letOut(): Promise<void> {}

  get ended(): boolean {
    return false
  }

  close(): Promise<void> {
    return this.#space.close()
  }
}

const without = (list: readonly string[] = [], other: readonly string[] = []): readonly string[] =>
  list.filter((one) => !other.includes(one))
