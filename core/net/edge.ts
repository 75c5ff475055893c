import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import type { VpnError } from '../errors.ts'
import { VpnFailure } from '../errors.ts'
import type { NativeAddon, PacketReader } from '../native/addon.ts'
import { nativePath } from '../native/load.ts'
import type { Endpoint, OsEdge, TcpRequest } from './plan.ts'
import {
  decodeReply,
  encodeRequest,
  type HelperReply,
  type HelperRequest,
  type HelperVerb,
} from './protocol.ts'

export interface EdgeOptions {
  readonly addon: NativeAddon
  /** The helper's binary; where the build puts it unless told. */
  readonly helperPath?: string
  /** Hears what the helper left alone and why, and its complaints. */
  readonly onNote?: (note: string) => void
}

export const PKEXEC = '/usr/bin/pkexec'

/**
 * Starts the helper, directly when already root and through polkit otherwise, and undoes what
 * earlier ones could not. Throws `VpnFailure` (`noPermission`, `systemRefused`, `nativeMissing`).
 */
export async function openEdge(options: EdgeOptions): Promise<OsEdge> {
  const path = options.helperPath ?? nativePath('culvert-helper')
  if (!existsSync(path)) throw new VpnFailure({ kind: 'nativeMissing', problem: `there is no ${path}` })
  const root = process.getuid?.() === 0
  if (!root && !existsSync(PKEXEC)) {
    throw new VpnFailure({
      kind: 'noPermission',
      what: 'change the network: this needs root, or polkit (pkexec) to ask for it',
    })
  }
  const edge = new HelperEdge(options, root ? [path] : [PKEXEC, path])
  try {
    await edge.call({ verb: 'ping' })
    await edge.call({ verb: 'restoreStale' })
  } catch (error) {
    await edge.close()
    throw error
  }
  return edge
}

/** Replies that come with a descriptor. */
const CARRY: ReadonlySet<HelperVerb> = new Set(['openUdp', 'openRaw', 'openTcp', 'openTun'])

interface Waiting {
  readonly resolve: (answer: { reply: HelperReply; fds: readonly number[] }) => void
  readonly reject: (error: VpnFailure) => void
}

/** Started by {@link openEdge}; `command`: the helper, or what starts it. */
export class HelperEdge implements OsEdge {
  #addon: NativeAddon
  #note: (note: string) => void
  #fd: number
  #reader: PacketReader
  #waiting = new Map<number, Waiting>()
  #nextId = 1
  #ended: VpnError | undefined
  #exited: Promise<void>
  #closing: Promise<void> | undefined

  constructor(options: EdgeOptions, command: readonly string[]) {
    this.#addon = options.addon
    this.#note = options.onNote ?? (() => {})
    const [ours, theirs] = this.#addon.socketpair()
    this.#fd = ours
    // In a process group of its own: Ctrl-C in the terminal must not end it before it has undone its work.
    const child = spawn(command[0]!, command.slice(1), {
      stdio: [theirs, 'ignore', 'pipe'],
      detached: true,
    })
    this.#addon.closeFd(theirs)
    child.stderr!.setEncoding('utf8').on('data', (text: string) => this.#note(text.trim()))
    let onSilence = (): void => {}
    const silent = new Promise<void>((resolve) => {
      onSilence = resolve
    })
    this.#exited = new Promise((resolve) => {
      const end = (error: VpnError): void => {
        resolve()
        // Its last reply may still be on its way here, and says more than the way it ended.
        void silent.then(() => this.#end(error))
      }
      child.once('error', (error: NodeJS.ErrnoException) =>
        end({ kind: 'noPermission', what: `start ${command[0]} (${error.code ?? error.message})` }),
      )
      child.once('exit', (code, signal) => end(whyItEnded(code, signal)))
    })
    this.#reader = this.#addon.readPackets(
      ours,
      (packets, fds) => this.#onReplies(packets, fds),
      () => onSilence(),
    )
  }

  async openUdp(request: Parameters<OsEdge['openUdp']>[0]): ReturnType<OsEdge['openUdp']> {
    const { reply, fds } = await this.call({ verb: 'openUdp', request }).catch((thrown: unknown) => {
      throw noRoute(thrown, request.address)
    })
    if (!('verb' in reply) || reply.verb !== 'openUdp' || fds.length !== 1) throw this.#confused(fds)
    return { fd: fds[0]!, local: reply.local }
  }

  async openRaw(request: Parameters<OsEdge['openRaw']>[0]): ReturnType<OsEdge['openRaw']> {
    const { reply, fds } = await this.call({ verb: 'openRaw', request }).catch((thrown: unknown) => {
      throw noRoute(thrown, request.address)
    })
    if (!('verb' in reply) || reply.verb !== 'openRaw' || fds.length !== 1) throw this.#confused(fds)
    return { fd: fds[0]!, local: reply.local }
  }

  async openTcp(request: TcpRequest): Promise<{ readonly fd: number; readonly local: Endpoint }> {
    const { reply, fds } = await this.call({ verb: 'openTcp', request }).catch((thrown: unknown) => {
      throw noRoute(thrown, request.address)
    })
    if (!('verb' in reply) || reply.verb !== 'openTcp' || fds.length !== 1) throw this.#confused(fds)
    return { fd: fds[0]!, local: reply.local }
  }

  async openTun(device: string): ReturnType<OsEdge['openTun']> {
    const { reply, fds } = await this.call({ verb: 'openTun', device })
    if (!('verb' in reply) || reply.verb !== 'openTun' || fds.length !== 1) throw this.#confused(fds)
    return { fd: fds[0]!, device: reply.device }
  }

  async apply(plan: Parameters<OsEdge['apply']>[0]): Promise<void> {
    await this.call({ verb: 'apply', plan })
  }

  async restore(device: string): Promise<void> {
    await this.call({ verb: 'restore', device })
  }

  async hold(plan: Parameters<OsEdge['hold']>[0]): Promise<void> {
    await this.call({ verb: 'hold', plan })
  }

  async letOut(device: string): Promise<void> {
    await this.call({ verb: 'letOut', device })
  }

  get ended(): boolean {
    return this.#ended !== undefined
  }

  close(): Promise<void> {
    this.#closing ??= this.#shut()
    return this.#closing
  }

  /** One request and its reply; the helper answers in order. */
  call(request: HelperRequest): Promise<{ reply: HelperReply; fds: readonly number[] }> {
    const id = this.#nextId
    this.#nextId = (this.#nextId % 0xffff) + 1
    return new Promise((resolve, reject) => {
      if (this.#ended) return reject(new VpnFailure(this.#ended))
      try {
        this.#addon.sendMessage(this.#fd, encodeRequest(id, request), [])
      } catch (error) {
        const what = `ask the helper to ${request.verb}`
        return reject(new VpnFailure({ kind: 'systemRefused', what, problem: (error as Error).message }))
      }
      this.#waiting.set(id, { resolve, reject })
    })
  }

  async #shut(): Promise<void> {
    // The end of the socket is the request to undo everything; its exit says that it has.
    this.#reader.stop()
    this.#end({ kind: 'cancelled' })
    this.#addon.closeFd(this.#fd)
    await this.#exited
  }

  /** Replies come in order, and so do the descriptors of a batch: one for each reply that carries one. */
  #onReplies(packets: readonly Uint8Array[], fds: readonly number[]): void {
    const left = [...fds]
    for (const packet of packets) {
      let reply: HelperReply
      try {
        reply = decodeReply(packet)
      } catch (error) {
        this.#note(`the helper said something unknown: ${(error as Error).message}`)
        continue
      }
      const waiting = this.#waiting.get(reply.id)
      this.#waiting.delete(reply.id)
      if ('error' in reply) {
        waiting?.reject(new VpnFailure(reply.error))
        continue
      }
      const carries = CARRY.has(reply.verb)
      if ('notes' in reply) for (const note of reply.notes) this.#note(note)
      waiting?.resolve({ reply, fds: carries ? left.splice(0, 1) : [] })
    }
    for (const fd of left) this.#addon.closeFd(fd)
  }

  #end(error: VpnError): void {
    this.#ended ??= error
    for (const waiting of this.#waiting.values()) waiting.reject(new VpnFailure(this.#ended))
    this.#waiting.clear()
  }

  #confused(fds: readonly number[]): VpnFailure {
    for (const fd of fds) this.#addon.closeFd(fd)
    return new VpnFailure({ kind: 'internal', problem: 'the helper answered another question' })
  }
}

/** The kernel knows no way to the gateway: that is the network's fault, not a change it refused. */
function noRoute(thrown: unknown, host: string): unknown {
  if (!(thrown instanceof VpnFailure) || thrown.error.kind !== 'systemRefused') return thrown
  const { what, problem } = thrown.error
  return what.startsWith('reach ')
    ? new VpnFailure({ kind: 'unreachable', host, tries: 0, hint: problem })
    : thrown
}

function whyItEnded(code: number | null, signal: NodeJS.Signals | null): VpnError {
  // pkexec: 126 the person dismissed the dialogue, 127 not authorised or no agent to ask.
  if (code === 126 || code === 127) {
    return { kind: 'noPermission', what: 'change the network: permission was not given' }
  }
  const problem = signal ? `it ended by ${signal}` : `it ended with code ${code}`
  return { kind: 'systemRefused', what: 'keep the helper running', problem }
}
