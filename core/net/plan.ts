/** What the operating system should look like while a tunnel is up: stated, not scripted. */
export interface TunnelPlan {
  /** Name of the device, e.g. `culvert0`; at most 15 octets. */
  readonly device: string
  /** Octets of the largest inner packet. */
  readonly mtu: number
  /** Addresses of the device, CIDR: `10.78.0.10/32`, `fd78:0::10/128`. */
  readonly addresses: readonly string[]
  /**
   * Networks behind this computer that speak through the tunnel too, CIDR; left out: none. It is for the system's owner
   * to let it pass packets on. RFC 4301 §3.3
   */
  readonly behind?: readonly string[]
  /** Destinations that go into the tunnel, CIDR; `0.0.0.0/0` and `::/0` for everything. */
  readonly routes: readonly string[]
  /** Destinations inside `routes` that keep their usual way (the local network, by choice), CIDR. */
  readonly bypass: readonly string[]
  /** Destinations that must not leave by any way while the tunnel is up, CIDR (no IPv6 leak, RFC 7359). */
  readonly unreachable: readonly string[]
  readonly dns?: DnsPlan
}

export interface DnsPlan {
  /** Asked in clear, inside the tunnel; with `encrypted`: where this computer cannot do that. */
  readonly servers: readonly string[]
  /** Asked by DNS over TLS, instead of `servers`. RFC 9464, RFC 7858 */
  readonly encrypted?: readonly TlsServer[]
  /** Search domains. */
  readonly search: readonly string[]
  /** Only these domains are asked through the tunnel (RFC 8598); empty: everything. */
  readonly only: readonly string[]
}

export interface TlsServer {
  /** Numeric. */
  readonly address: string
  readonly port: number
  /** What its certificate is for. */
  readonly name: string
}

/** What the kill switch of a device holds back: it must not leave by any way but a tunnel of ours. */
export interface HoldPlan {
  /** The device whose tunnel it belongs into: also its name. */
  readonly device: string
  /** Destinations, CIDR; at least one. */
  readonly networks: readonly string[]
  /** Destinations inside `networks` that keep their usual way (the local network, by choice), CIDR. */
  readonly except: readonly string[]
}

/** A UDP socket as the helper opens it: connected, with the mark that keeps it out of every tunnel. */
export interface UdpRequest {
  /** The gateway's address, IPv4 or IPv6, numeric. */
  readonly address: string
  /** Its port: 500 or 4500. */
  readonly port: number
}

/** Whole IP packets of one protocol to and from one host, with the same mark. */
export interface RawRequest {
  /** The peer's address, IPv4 or IPv6, numeric. */
  readonly address: string
  /** 50 is ESP, 51 AH. */
  readonly protocol: 50 | 51
}

/** A TCP socket as the helper opens it: with the same mark, on its way to being connected. */
export interface TcpRequest {
  readonly address: string
  readonly port: number
}

/** An address and port of either family, numeric. */
export interface Endpoint {
  readonly address: string
  readonly port: number
  /** What goes between the ends is a TCP stream; left out: datagrams. RFC 9329 */
  readonly transport?: 'tcp'
}

/**
 * The privileged edge. Every call may throw `VpnFailure` (`noTun`, `noPermission`, `systemRefused`).
 * Closing the edge, or the death of this process, undoes everything it did but holds.
 */
export interface OsEdge {
  /** A connected, marked UDP socket; the caller owns the descriptor. */
  openUdp(request: UdpRequest): Promise<{ readonly fd: number; readonly local: Endpoint }>
  /**
   * A connected, marked raw socket; the caller owns the descriptor. What is written to it has its IP header; what is read
   * from it has one in IPv4 alone.
   */
  openRaw(request: RawRequest): Promise<{ readonly fd: number; readonly local: string }>
  /** A marked TCP socket that is being connected, or is already; the caller owns the descriptor. Left out: there is no TCP here. */
  openTcp?(request: TcpRequest): Promise<{ readonly fd: number; readonly local: Endpoint }>
  /** Makes the device and returns its TUN descriptor (no packet information, non-blocking); the caller owns it. */
  openTun(device: string): Promise<{ readonly fd: number; readonly device: string }>
  /** Brings the machine to the plan; called again with another plan for the same device it applies the difference. */
  apply(plan: TunnelPlan): Promise<void>
  /** Undoes `apply` and `openTun` for the device. Repeats are harmless. */
  restore(device: string): Promise<void>
  /**
   * Holds traffic back, in one step in the place of an earlier hold of this device. It outlives the tunnel, this edge and
   * this process: only {@link letOut} and a restart of the computer end it.
   */
  hold(plan: HoldPlan): Promise<void>
  /** Ends a hold. Repeats are harmless. */
  letOut(device: string): Promise<void>
  /** Whether it can do nothing any more, because its helper is gone. */
  readonly ended: boolean
  /** Undoes everything but holds and ends the helper. */
  close(): Promise<void>
}
