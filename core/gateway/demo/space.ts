import { spawn } from 'node:child_process'
import { type VpnError, VpnFailure } from '../../errors.ts'
import type { NativeAddon, PacketReader } from '../../native/addon.ts'
import { nativePath } from '../../native/load.ts'

/** `here` is the client's side, `there` the gateway's: two namespaces without a way from one to the other. */
export type Side = 'here' | 'there'

interface Waiting {
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: VpnFailure) => void
}

interface Answer {
  readonly words: readonly string[]
  readonly fd: number | undefined
}

export interface SpaceOptions {
  readonly addon: NativeAddon
  /** The program that makes the namespaces; where the build puts it unless told. */
  readonly program?: string
}

/**
 * Two network namespaces in a child process, as root or as anybody. It makes devices and sockets in them and passes the
 * descriptors here. All of it is gone when the child is, and the child goes when this process does, however it ends.
 */
export class Space {
  readonly #addon: NativeAddon
  readonly #fd: number
  readonly #reader: PacketReader
  readonly #exited: Promise<void>
  readonly pid: number | undefined
  #waiting: Waiting[] = []
  #ended: VpnError | undefined
  #closing: Promise<void> | undefined

  private constructor(addon: NativeAddon, program: string) {
    this.#addon = addon
    const [ours, theirs] = addon.socketpair()
    this.#fd = ours
    // In a session of its own: Ctrl-C in the terminal is for us, and its namespaces are needed to say goodbye.
    const child = spawn(program, { stdio: [theirs, 'ignore', 'inherit'], detached: true })
    addon.closeFd(theirs)
    this.pid = child.pid
    let onSilence = (): void => {}
    const silent = new Promise<void>((resolve) => {
      onSilence = resolve
    })
    this.#exited = new Promise((resolve) => {
      const end = (problem: string): void => {
        resolve()
        // What it said last may still be on its way here, and says more than the way it ended.
        void silent.then(() =>
          this.#end({ kind: 'systemRefused', what: 'keep the namespaces of the demo', problem }),
        )
      }
      child.once('error', (error) => end(error.message))
      child.once('exit', (code, signal) =>
        end(signal ? `it ended by ${signal}` : `it ended with code ${code}`),
      )
    })
    this.#reader = addon.readPackets(
      ours,
      (packets, fds) => this.#onAnswers(packets, fds),
      () => onSilence(),
    )
  }

  /** Throws `VpnFailure`: `demoUnavailable` where namespaces are forbidden, `nativeMissing`. */
  static async open({ addon, program = nativePath('culvert-space') }: SpaceOptions): Promise<Space> {
    const space = new Space(addon, program)
    try {
      await space.#answer()
      return space
    } catch (thrown) {
      await space.close()
      const error = thrown instanceof VpnFailure ? thrown.error : undefined
      if (error?.kind !== 'noPermission') throw thrown
      throw new VpnFailure({ kind: 'demoUnavailable', problem: error.what })
    }
  }

  /** Makes a device, a TUN where that can be opened; the descriptor is the caller's. */
  async openDevice(
    side: Side,
    device: string,
  ): Promise<{ readonly fd: number; readonly kind: 'tun' | 'cable' }> {
    const { words, fd } = await this.#ask(`device ${side} ${device}`)
    return { fd: this.#descriptor(fd), kind: words[0] === 'tun' ? 'tun' : 'cable' }
  }

  async removeDevice(side: Side, device: string): Promise<void> {
    await this.#ask(`remove ${side} ${device}`)
  }

  /** `mtu` in octets. */
  async bringUp(side: Side, device: string, mtu: number): Promise<void> {
    await this.#ask(`up ${side} ${device} ${mtu}`)
  }

  /** `device` may be `lo`; `address` is a CIDR. */
  async addAddress(side: Side, device: string, address: string): Promise<void> {
    await this.#ask(`address ${side} ${device} ${address}`)
  }

  async removeAddress(side: Side, device: string, address: string): Promise<void> {
    await this.#ask(`unaddress ${side} ${device} ${address}`)
  }

  async addRoute(side: Side, device: string, to: string): Promise<void> {
    await this.#ask(`route ${side} ${device} ${to}`)
  }

  async removeRoute(side: Side, device: string, to: string): Promise<void> {
    await this.#ask(`unroute ${side} ${device} ${to}`)
  }

  /** A UDP socket for any peer. */
  boundUdp(side: Side, address: string, port: number): Promise<number> {
    return this.#open(`udp ${side} ${address} ${port}`)
  }

  /** A UDP socket for one peer, from the address `local` or from wherever the route says. */
  connectedUdp(side: Side, address: string, port: number, local?: string): Promise<number> {
    return this.#open(
      local === undefined
        ? `udp-to ${side} ${address} ${port}`
        : `udp-from ${side} ${address} ${port} ${local}`,
    )
  }

  listeningTcp(side: Side, address: string, port: number): Promise<number> {
    return this.#open(`listen ${side} ${address} ${port}`)
  }

  /** Throws `VpnFailure` (`systemRefused`) when nobody answers within five seconds. */
  connectedTcp(side: Side, address: string, port: number): Promise<number> {
    return this.#open(`connect ${side} ${address} ${port}`)
  }

  /** A raw ICMP or ICMPv6 socket for one peer. */
  connectedIcmp(side: Side, address: string): Promise<number> {
    return this.#open(`icmp ${side} ${address}`)
  }

  /** Resolves when the child, and with it everything it made, is gone. */
  close(): Promise<void> {
    this.#closing ??= this.#shut()
    return this.#closing
  }

  async #open(request: string): Promise<number> {
    const { fd } = await this.#ask(request)
    return this.#descriptor(fd)
  }

  #descriptor(fd: number | undefined): number {
    if (fd === undefined)
      throw new VpnFailure({ kind: 'internal', problem: 'a descriptor did not come along' })
    return fd
  }

  #ask(request: string): Promise<Answer> {
    if (this.#ended !== undefined) return Promise.reject(new VpnFailure(this.#ended))
    const answer = this.#answer()
    try {
      this.#addon.sendMessage(this.#fd, new Uint8Array(Buffer.from(request)), [])
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error)
      this.#end({ kind: 'systemRefused', what: 'ask for a namespace', problem })
    }
    return answer
  }

  /** Answers come in the order of the questions. */
  #answer(): Promise<Answer> {
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
  }

  #onAnswers(packets: readonly Uint8Array[], fds: readonly number[]): void {
    const left = [...fds]
    for (const [at, packet] of packets.entries()) {
      const [status, ...words] = Buffer.from(packet).toString('utf8').split(' ')
      const waiting = this.#waiting.shift()
      // The reader ends a batch with the message that carries a descriptor.
      const fd = at === packets.length - 1 ? left.shift() : undefined
      if (status === 'ok' && waiting !== undefined) waiting.resolve({ words, fd })
      else waiting?.reject(new VpnFailure(faultOf(words)))
    }
    for (const fd of left) this.#addon.closeFd(fd)
  }

  #end(error: VpnError): void {
    this.#ended ??= error
    for (const waiting of this.#waiting.splice(0)) waiting.reject(new VpnFailure(this.#ended))
  }

  async #shut(): Promise<void> {
    this.#reader.stop()
    this.#end({ kind: 'cancelled' })
    this.#addon.closeFd(this.#fd)
    await this.#exited
  }
}

function faultOf([kind, ...rest]: readonly string[]): VpnError {
  const [what = '', problem = ''] = rest.join(' ').split('|')
  if (kind === 'noTun') return { kind: 'noTun', problem: `${what}: ${problem}` }
  if (kind === 'noPermission') return { kind: 'noPermission', what: `${what}: ${problem}` }
  return { kind: 'systemRefused', what, problem }
}
