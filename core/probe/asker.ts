import { createSocket, type Socket } from 'node:dgram'
import { setTimeout as sleep } from 'node:timers/promises'
import { equal } from '../bytes/octets.ts'
import { VpnFailure } from '../errors.ts'

/** Ours: a gateway should not notice that somebody looks at it. */
const PAUSE_MS = 60
const WAIT_MS = 1_000
const TRIES = 2
const MOST_PACKETS = 120

/** How a message gets an answer; a test has one without a network. */
export interface Asking {
  /** The first answer that repeats the first eight octets of `message`; `undefined` when none comes. */
  ask(message: Uint8Array): Promise<Uint8Array | undefined>
  /** Says something that nobody answers. */
  tell(message: Uint8Array): Promise<void>
}

/** One message at a time, unhurried, and altogether not many. */
export class Asker implements Asking {
  readonly #socket: Socket
  #packets = 0
  #hear: ((bytes: Uint8Array) => void) | undefined
  #refused = false
  #stopped = false
  /** Ends the wait for an answer. */
  #giveUp: (() => void) | undefined

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('message', (bytes: Buffer) => this.#hear?.(new Uint8Array(bytes)))
    // The host says that nobody listens there: silence, only sooner.
    socket.on('error', () => {
      this.#refused = true
    })
  }

  /** `address`: numeric. Throws `VpnFailure` (`systemRefused`). */
  static async open(address: string, port: number): Promise<Asker> {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject)
      socket.connect(port, address, () => {
        socket.off('error', reject)
        resolve()
      })
    }).catch((error: Error) => {
      throw new VpnFailure({ kind: 'systemRefused', what: `reaching ${address}`, problem: error.message })
    })
    return new Asker(socket)
  }

  get packets(): number {
    return this.#packets
  }

  async ask(message: Uint8Array): Promise<Uint8Array | undefined> {
    for (let tries = 0; tries < TRIES && !this.#refused && !this.#stopped; tries++) {
      const heard = this.#listen(message.subarray(0, 8))
      await this.tell(message)
      const answer = await heard
      if (answer !== undefined) return answer
    }
    return undefined
  }

  async tell(message: Uint8Array): Promise<void> {
    if (this.#packets >= MOST_PACKETS || this.#stopped) return
    this.#packets++
    this.#socket.send(message)
    await sleep(PAUSE_MS)
  }

  /** Nothing more is asked: whoever waits has no answer, nor does whoever still comes. */
  stop(): void {
    this.#stopped = true
    this.#giveUp?.()
  }

  close(): void {
    this.#socket.close()
  }

  #listen(start: Uint8Array): Promise<Uint8Array | undefined> {
    return new Promise((resolve) => {
      const done = (bytes: Uint8Array | undefined): void => {
        clearTimeout(timer)
        this.#hear = undefined
        this.#giveUp = undefined
        resolve(bytes)
      }
      const timer = setTimeout(() => done(undefined), WAIT_MS)
      this.#giveUp = () => done(undefined)
      this.#hear = (bytes) => {
        if (equal(bytes.subarray(0, 8), start)) done(bytes)
      }
    })
  }
}
