import { connect, type Socket } from 'node:net'
import type { CaptureFiles } from '../contract/capture.ts'
import type { MessageLine } from '../contract/message.ts'
import type { AppSnapshot } from '../contract/snapshot.ts'
import type { Finding, MessageTree } from '../contract/tree.ts'
import { VpnFailure } from '../errors.ts'
import { type ControlCall, type ControlReply, lineSplitter } from './control-protocol.ts'

type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never

/** The other end of the control socket: a Culvert that hosts the tunnels. */
export class ControlClient {
  readonly #socket: Socket
  readonly #waiting = new Map<
    number,
    { readonly resolve: (result: unknown) => void; readonly reject: (error: Error) => void }
  >()
  readonly #ended: Promise<void>
  #next = 1
  #onChanged: ((snapshot: AppSnapshot) => void) | undefined

  /** `undefined` when nobody serves the socket. */
  static open(path: string): Promise<ControlClient | undefined> {
    return new Promise((resolve, reject) => {
      const socket = connect(path)
      socket.once('connect', () => {
        socket.removeAllListeners('error')
        resolve(new ControlClient(socket))
      })
      socket.once('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') resolve(undefined)
        else if (error.code === 'EACCES') {
          reject(new VpnFailure({ kind: 'noPermission', what: `use the control socket ${path}` }))
        } else reject(error)
      })
    })
  }

  private constructor(socket: Socket) {
    this.#socket = socket
    const split = lineSplitter((line) => this.#onLine(line))
    socket.setEncoding('utf8')
    socket.on('data', (chunk: string) => split(chunk))
    socket.on('error', () => socket.destroy())
    this.#ended = new Promise((resolve) => {
      socket.on('close', () => {
        for (const { reject } of this.#waiting.values()) {
          reject(new VpnFailure({ kind: 'internal', problem: 'the running Culvert ended' }))
        }
        this.#waiting.clear()
        resolve()
      })
    })
  }

  /** Resolves when the other side has gone. */
  get ended(): Promise<void> {
    return this.#ended
  }

  snapshot(): Promise<AppSnapshot> {
    return this.#call({ call: 'snapshot' }) as Promise<AppSnapshot>
  }

  /** The snapshot now, and every later one to `onChanged`. */
  subscribe(onChanged: (snapshot: AppSnapshot) => void): Promise<AppSnapshot> {
    this.#onChanged = onChanged
    return this.#call({ call: 'subscribe' }) as Promise<AppSnapshot>
  }

  /** `attended`: until we close, a person is here who answers what the gateway asks. */
  connect(
    profile: string,
    secrets: Readonly<Record<string, string>>,
    attended = false,
  ): Promise<AppSnapshot> {
    return this.#call({
      ...({ call: 'connect', profile, secrets } as const),
      ...(attended ? { attended } : {}),
    }) as Promise<AppSnapshot>
  }

  /** Whether somebody still waited for it. */
  answerPrompt(prompt: number, values: Readonly<Record<string, string>>): Promise<boolean> {
    return this.#call({ call: 'answer', prompt, values }) as Promise<boolean>
  }

  cancelPrompt(prompt: number): Promise<boolean> {
    return this.#call({ call: 'cancel', prompt }) as Promise<boolean>
  }

  disconnect(profile?: string): Promise<number> {
    return this.#call({
      call: 'disconnect',
      ...(profile === undefined ? {} : { profile }),
    }) as Promise<number>
  }

  messages(profile: string, after = 0, most?: number): Promise<readonly MessageLine[]> {
    const limit = most === undefined ? {} : { most }
    return this.#call({ call: 'messages', profile, after, ...limit }) as Promise<readonly MessageLine[]>
  }

  /** A message taken apart; `undefined` when it is not kept any more. */
  async tree(profile: string, number: number): Promise<MessageTree | undefined> {
    return ((await this.#call({ call: 'tree', profile, number })) as MessageTree | null) ?? undefined
  }

  find(profile: string, wanted: string, after = 0): Promise<Finding> {
    return this.#call({ call: 'find', profile, wanted, after }) as Promise<Finding>
  }

  capture(profile: string, keys: boolean): Promise<CaptureFiles> {
    return this.#call({ call: 'capture', profile, keys }) as Promise<CaptureFiles>
  }

  retry(profile: string): Promise<boolean> {
    return this.#call({ call: 'retry', profile }) as Promise<boolean>
  }

  letOut(profile?: string): Promise<readonly string[]> {
    return this.#call({
      call: 'letOut',
      ...(profile === undefined ? {} : { profile }),
    }) as Promise<readonly string[]>
  }

  close(): void {
    this.#socket.end()
    this.#socket.destroy()
  }

  #call(call: WithoutId<ControlCall>): Promise<unknown> {
    const id = this.#next
    this.#next += 1
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) {
        return reject(new VpnFailure({ kind: 'internal', problem: 'the running Culvert ended' }))
      }
      this.#waiting.set(id, { resolve, reject })
      this.#socket.write(`${JSON.stringify({ id, ...call })}\n`)
    })
  }

  #onLine(line: string): void {
    const reply = JSON.parse(line) as ControlReply
    if ('changed' in reply) return this.#onChanged?.(reply.changed)
    const waiting = this.#waiting.get(reply.id)
    this.#waiting.delete(reply.id)
    if (reply.ok) waiting?.resolve(reply.result)
    else waiting?.reject(new VpnFailure(reply.error))
  }
}
