import type { NativeAddon, PacketReader } from '../native/addon.ts'
import { carriesEsp, type DatapathEvents, type DatapathSocket } from './datapath.ts'
import { classifyPort4500, NAT_KEEPALIVE, withNonEspMarker } from './udp-encapsulation.ts'

export interface UdpPathOptions extends Pick<DatapathEvents, 'onIke' | 'onSocketError'> {
  readonly addon: NativeAddon
  /** From the SPI on. Only port 4500, and what leads to a TCP connection, has some. */
  readonly onEsp: (packet: Uint8Array) => void
}

/** A UDP socket to the gateway whose datagrams pass through JavaScript. Owns its descriptor. RFC 3948 §2 */
export class UdpPath {
  readonly socket: DatapathSocket
  readonly #options: UdpPathOptions
  readonly #reader: PacketReader
  #closed = false

  constructor(socket: DatapathSocket, options: UdpPathOptions) {
    this.socket = socket
    this.#options = options
    this.#reader = options.addon.readPackets(
      socket.fd,
      (packets) => {
        for (const packet of packets) if (!this.#closed) this.#receive(packet)
      },
      options.onSocketError,
    )
  }

  get encapsulates(): boolean {
    return carriesEsp(this.socket.remote)
  }

  sendIke(message: Uint8Array): void {
    this.#send(this.encapsulates ? withNonEspMarker(message) : message)
  }

  sendEsp(packet: Uint8Array): void {
    if (this.encapsulates) this.#send(packet)
  }

  /** Without encapsulation there is no mapping to keep. RFC 3948 §4 */
  sendKeepalive(): void {
    if (this.encapsulates) this.#send(NAT_KEEPALIVE)
  }

  #receive(datagram: Uint8Array): void {
    const { onIke, onEsp } = this.#options
    if (!this.encapsulates) return onIke(datagram, this.socket)
    const what = classifyPort4500(datagram)
    if (what.kind === 'esp') onEsp(what.packet)
    else if (what.kind === 'ike') onIke(what.message, this.socket)
  }

  #send(octets: Uint8Array): void {
    const { addon, onSocketError } = this.#options
    try {
      addon.writePacket(this.socket.fd, octets)
    } catch (error) {
      onSocketError((error as NodeJS.ErrnoException).code ?? String(error))
    }
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#reader.stop()
    this.#options.addon.closeFd(this.socket.fd)
  }
}
