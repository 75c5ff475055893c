import type { NativeAddon, NativeOffloads } from '../native/addon.ts'
import type { Endpoint } from '../net/plan.ts'
import type { EspEngine, EspEvents, EspLimits } from './engine.ts'

/** A connected UDP socket to the gateway. On port 4500 ESP and IKE share it, RFC 3948 §2; towards a TCP connection it is a local one. */
export interface DatapathSocket {
  readonly fd: number
  readonly local: Endpoint
  readonly remote: Endpoint
  /** Beside it, where there is no NAT: what goes without UDP, one socket for each protocol of IP. The datapath owns them too. */
  readonly raw?: RawSockets
}

/** Descriptors of raw sockets between the same two addresses, as the helper opens them. */
export interface RawSockets {
  readonly esp?: number
  readonly ah?: number
}

export interface DatapathEvents extends EspEvents {
  /** An IKE message, without the non-ESP marker, and the ends of the socket it came by. */
  readonly onIke: (message: Uint8Array, path: { readonly local: Endpoint; readonly remote: Endpoint }) => void
  /** The TUN device is gone; `code` as in `Error.code`. */
  readonly onTunEnd: (code: string) => void
  /** The socket reports an error. Anybody can cause some of them by a forged ICMP message. */
  readonly onSocketError: (code: string) => void
}

export interface DatapathOptions extends DatapathEvents {
  readonly addon: NativeAddon
  readonly limits?: EspLimits
}

/** An engine with its descriptors: packets go between device and socket without its owner. */
export interface Datapath extends EspEngine {
  /** Carries this device's packets from now on. The descriptor stays the caller's, who closes it after `close`. */
  attachTun(fd: number): void
  /** Inner packets that came before a device was attached: they leave first, by the SAs there are. */
  sendFirst(packets: readonly Uint8Array[]): void
  /**
   * Talks through this socket from now on, in place of the one before, and owns it; it may be called at any moment, under
   * traffic too (RFC 4555 §3.5, RFC 7296 §2.23). SAs, their sequence numbers and windows stay. What leaves afterwards
   * leaves by the new socket, nothing that was to leave is lost; what waited unread in the old one goes with it. Messages
   * of the old one that were read already still come, with its ends.
   */
  usePath(socket: DatapathSocket): void
  /** As the path wants it: with the non-ESP marker on port 4500. What fails is told through `onSocketError`. */
  sendIke(message: Uint8Array): void
  /** One octet 0xFF. RFC 3948 §2.3 */
  sendKeepalive(): void
  /** What the kernel does for it; `undefined` where nothing can be left to the kernel. */
  offloads(): NativeOffloads | undefined
  /** Packets so far, of all SAs, also of those that are gone. Inbound: those whose ICV was right. */
  traffic(): { readonly inbound: number; readonly outbound: number }
}

/** RFC 3948 §2.2 */
const ENCAPSULATION_PORT = 4500

/** Whether IKE wears four zero octets there, and ESP may come: on port 4500, and in every TCP stream. RFC 3948 §2.2, RFC 9329 §3 */
export const carriesEsp = ({ port, transport }: Endpoint): boolean =>
  port === ENCAPSULATION_PORT || transport === 'tcp'
