import type { NativeAddon } from '../native/addon.ts'
import type { Endpoint } from '../net/plan.ts'
import { openTcpStream, type TcpStream } from '../net/tcp-stream.ts'
import type { DatapathSocket } from './datapath.ts'
import { Deframer, frame, MOST_FRAME_BYTES, STREAM_PREFIX } from './tcp-encapsulation.ts'
import { classifyPort4500, withNonEspMarker } from './udp-encapsulation.ts'

/** Ours: a stream that is this far behind takes no more ESP, as a full queue would not. IKE is never dropped. */
const MOST_WAITING_BYTES = 1 << 20

export interface TcpPathOptions {
  readonly addon: NativeAddon
  /** A socket that is being connected; taken over. */
  readonly fd: number
  readonly local: Endpoint
  readonly remote: Endpoint
  readonly limitMs: number
  readonly onIke: (message: Uint8Array) => void
  /** The connection is lost: `problem` is a clause or a code. */
  readonly onLost: (problem: string) => void
}

/**
 * IKE and ESP over one TCP stream, at the end that opens it. ESP comes and goes by a pair of local sockets, so that either
 * datapath carries it as if it were UDP; IKE messages take no such way, where one might be dropped. RFC 9329 §3, §6
 */
export class TcpPath {
  readonly #options: TcpPathOptions
  readonly #stream: TcpStream
  readonly #deframer = new Deframer(false)
  #relay: { readonly fd: number; stop(): void } | undefined
  #closed = false

  constructor(options: TcpPathOptions) {
    this.#options = options
    this.#stream = openTcpStream(options.fd, STREAM_PREFIX, options.limitMs, {
      onOctets: (octets) => this.#onOctets(octets),
      onEnd: (problem) => this.#lose(problem),
    })
  }

  /** See {@link TcpStream.opened}. */
  get opened(): Promise<void> {
    return this.#stream.opened
  }

  /** What a datapath talks through. Once it lets go of this, the connection is closed. */
  socket(): DatapathSocket {
    const { addon, local, remote } = this.#options
    const [ours, theirs] = addon.socketpair()
    const reader = addon.readPackets(
      ours,
      (packets) => {
        for (const packet of packets) this.#sendEsp(packet)
      },
      () => this.close(),
    )
    this.#relay = { fd: ours, stop: () => reader.stop() }
    return { fd: theirs, local, remote }
  }

  sendIke(message: Uint8Array): void {
    this.#stream.send(frame(withNonEspMarker(message)))
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#stream.close()
    const relay = this.#relay
    this.#relay = undefined
    if (relay === undefined) return
    relay.stop()
    this.#options.addon.closeFd(relay.fd)
  }

  #sendEsp(packet: Uint8Array): void {
    if (packet.length > MOST_FRAME_BYTES || this.#stream.waiting > MOST_WAITING_BYTES) return
    this.#stream.send(frame(packet))
  }

  #onOctets(octets: Uint8Array): void {
    for (const message of this.#deframer.push(octets)) {
      if (this.#closed) return
      this.#onMessage(message)
    }
    if (this.#deframer.fault === undefined) return
    this.#stream.close()
    this.#lose(`the stream is damaged: ${this.#deframer.fault}`)
  }

  /** A keepalive means nothing here and is no fault. RFC 9329 §6.6 */
  #onMessage(message: Uint8Array): void {
    const what = classifyPort4500(message)
    if (what.kind === 'ike') return this.#options.onIke(what.message)
    if (what.kind !== 'esp' || this.#relay === undefined) return
    try {
      this.#options.addon.writePacket(this.#relay.fd, what.packet)
    } catch {
      // The datapath has let go meanwhile.
    }
  }

  /** The pair stays until the datapath has another path. */
  #lose(problem: string): void {
    if (!this.#closed) this.#options.onLost(problem)
  }
}
