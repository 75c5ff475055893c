import { addressBytes } from '../bytes/address.ts'
import { concat } from '../bytes/octets.ts'
import type { NativeAddon, PacketReader } from '../native/addon.ts'
import { outerHeader, settle } from '../wire/ip-packet.ts'

export interface RawSocketOptions {
  readonly addon: NativeAddon
  /** As the helper opens it: the header of IPv4 comes along, that of IPv6 does not. */
  readonly fd: number
  readonly protocol: 50 | 51
  /** Numeric addresses of both ends. */
  readonly local: string
  readonly remote: string
  /** A whole IP packet. In IPv6 its header says only what the socket knows: extension headers are gone, and hops. */
  readonly onPacket: (packet: Uint8Array) => void
  readonly onError: (code: string) => void
}

/** ESP or AH as a protocol of IP, whole packets both ways. Owns the descriptor. */
export class RawSocket {
  readonly #options: RawSocketOptions
  readonly #reader: PacketReader
  readonly #received: Uint8Array | undefined
  #closed = false

  constructor(options: RawSocketOptions) {
    this.#options = options
    const { addon, fd, protocol } = options
    const [source, destination] = [addressBytes(options.remote), addressBytes(options.local)]
    this.#received =
      source.length === 4
        ? undefined
        : outerHeader({ source, destination }, protocol, { trafficClass: 0, identification: 1 })
    this.#reader = addon.readPackets(
      fd,
      (packets) => {
        for (const packet of packets) if (!this.#closed) options.onPacket(this.#whole(packet))
      },
      options.onError,
    )
  }

  #whole(packet: Uint8Array): Uint8Array {
    if (this.#received === undefined) return packet
    const whole = concat(this.#received, packet)
    settle(whole)
    return whole
  }

  /** `packet` with its IP header. */
  send(packet: Uint8Array): void {
    const { addon, fd, onError } = this.#options
    try {
      addon.writePacket(fd, packet)
    } catch (error) {
      onError((error as NodeJS.ErrnoException).code ?? String(error))
    }
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#reader.stop()
    this.#options.addon.closeFd(this.#options.fd)
  }
}
