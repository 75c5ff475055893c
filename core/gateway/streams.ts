import { createServer, type Server, type Socket } from 'node:net'
import { Deframer, frame } from '../esp/tcp-encapsulation.ts'
import type { Endpoint } from '../net/plan.ts'

/** Ours: connections at once; how long one may be open before it is of use; and what may wait on one before ESP is dropped. */
const MOST_CONNECTIONS = 1024
const USELESS_MS = 10_000
const MOST_WAITING_BYTES = 1 << 20

export interface StreamOwner {
  /** A message as it would come to port 4500. */
  receive(local: Endpoint, remote: Endpoint, message: Uint8Array): void
  /** Whether somebody is served who comes this way. */
  isServed(remote: Endpoint): boolean
}

/** The TCP connections of clients: whoever was called sends no prefix, and opens none. RFC 9329 §3, §6.1 */
export class Streams {
  readonly #owner: StreamOwner
  readonly #sockets = new Map<string, Socket>()

  constructor(owner: StreamOwner) {
    this.#owner = owner
  }

  get count(): number {
    return this.#sockets.size
  }

  /** A server for `local`, to be made to listen. */
  server(local: Endpoint): Server {
    const server = createServer((socket) => this.#accept({ ...local, transport: 'tcp' }, socket))
    server.maxConnections = MOST_CONNECTIONS
    return server
  }

  /** What is for a connection that is gone is lost: its client opens another one. */
  send(remote: Endpoint, message: Uint8Array): void {
    const socket = this.#sockets.get(keyOf(remote))
    if (socket === undefined || socket.writableLength > MOST_WAITING_BYTES) return
    socket.write(frame(message))
  }

  /** After what was said has gone. */
  close(): void {
    for (const socket of this.#sockets.values()) socket.destroySoon()
  }

  #accept(local: Endpoint, socket: Socket): void {
    const { remoteAddress: address, remotePort: port } = socket
    if (address === undefined || port === undefined || this.#sockets.size >= MOST_CONNECTIONS)
      return void socket.destroy()
    const remote: Endpoint = { address, port, transport: 'tcp' }
    const key = keyOf(remote)
    const deframer = new Deframer(true)
    const useless = setInterval(() => {
      if (!this.#owner.isServed(remote)) socket.destroy()
    }, USELESS_MS)
    this.#sockets.set(key, socket)
    socket.setNoDelay(true)
    socket.on('data', (octets: Buffer) => {
      const view = new Uint8Array(octets.buffer, octets.byteOffset, octets.length)
      for (const message of deframer.push(view)) this.#owner.receive(local, remote, message)
      if (deframer.fault !== undefined) socket.destroy()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      clearInterval(useless)
      if (this.#sockets.get(key) === socket) this.#sockets.delete(key)
    })
  }
}

const keyOf = ({ address, port }: Endpoint): string => `${address} ${port}`
