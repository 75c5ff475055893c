import type { Socket } from 'node:dgram'
import type { Server } from 'node:net'

/** What the gateway's device should look like. */
export interface InsidePlan {
  /** Octets of the largest inner packet. */
  readonly mtu: number
  /** Addresses of the gateway on the inside, numeric. */
  readonly addresses: readonly string[]
  /** Networks of the clients, CIDR: they are reached through the device. */
  readonly clients: readonly string[]
}

/** Where a gateway stands: this machine, or namespaces of its own. All of it may throw `VpnFailure`. */
export interface GatewayHost {
  /** Outer addresses to listen on, as of now. */
  addresses(): readonly string[]
  /** They never change, so nobody needs to look again. */
  readonly fixed?: true
  /** A UDP socket bound to one address. One for each, so that every answer leaves by the address that was asked. */
  bindUdp(address: string, port: number): Promise<Socket>
  listen(server: Server, address: string, port: number): Promise<void>
  /** The device towards the clients, up; the descriptor is the caller's. */
  openDevice(plan: InsidePlan): Promise<number>
  /** Takes the device away and leaves the machine as it was. */
  close(): Promise<void>
}
