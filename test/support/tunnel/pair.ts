import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { buildSync } from 'esbuild'
import type { InboundCounters, OutboundCounters } from '../../../core/esp/engine.ts'
import type { EngineKind } from '../../../core/esp/open-datapath.ts'
import type { NativeOffloads } from '../../../core/native/addon.ts'
import { removeFolder } from '../remove-folder.ts'
import type { SuiteName } from './suites.ts'

export type Side = 'a' | 'b'

export const OUTER = { a: '192.0.2.1', b: '192.0.2.2' } as const
export const OUTER6 = { a: '2001:db8::1', b: '2001:db8::2' } as const
export const INNER = { a: '10.99.0.1', b: '10.99.0.2' } as const
export const INNER6 = { a: 'fd99::1', b: 'fd99::2' } as const
export const TUNNEL_DEVICE = 'tun0'

export interface EndReport {
  readonly inbound: InboundCounters
  readonly outbound: OutboundCounters
  readonly strays: { readonly noSa: number; readonly noSelector: number }
  readonly offloads: NativeOffloads | undefined
  readonly notes: readonly string[]
  /** Resident memory since before the datapath was opened. */
  readonly datapathKb: number
}

export interface EndOptions {
  readonly engine: EngineKind
  readonly suite: SuiteName
  /** Whether the device offers what TSO and USO need; default yes. */
  readonly vnet?: boolean
  /** Default 4. */
  readonly outer?: 4 | 6
  /** ESP as protocol 50 of IP instead of in UDP. */
  readonly raw?: boolean
  /** Default: ESP in tunnel mode. */
  readonly protection?: `${'esp' | 'ah' | 'ah+esp'} ${'tunnel' | 'transport'}`
  /** Another binary than the product's. */
  readonly addon?: string
  readonly mtu?: number
}

/** Two network namespaces and a wire between them. Needs root. */
export class Wire {
  readonly folder = mkdtempSync(join(tmpdir(), 'culvert-wire-'))
  readonly #id = `${process.pid.toString(36)}${Math.random().toString(36).slice(2, 5)}`
  readonly #root: string

  /** `root`: the checkout, where the sources of the ends are. */
  constructor(root: string) {
    this.#root = root
    for (const side of ['a', 'b'] as const) execFileSync('ip', ['netns', 'add', this.namespace(side)])
    const [a, b] = [this.namespace('a'), this.namespace('b')]
    execFileSync('ip', ['-n', a, 'link', 'add', 'wire', 'type', 'veth', 'peer', 'name', 'wire', 'netns', b])
    for (const side of ['a', 'b'] as const) {
      this.ip(side, 'link set lo up')
      this.ip(side, `addr add ${OUTER[side]}/24 dev wire`)
      this.ip(side, `addr add ${OUTER6[side]}/64 dev wire nodad`)
      this.ip(side, 'link set wire up')
    }
  }

  namespace(side: Side): string {
    return `cw${this.#id}-${side}`
  }

  ip(side: Side, command: string): string {
    return execFileSync('ip', ['-n', this.namespace(side), ...command.split(' ')], { encoding: 'utf8' })
  }

  run(side: Side, program: string, ...args: readonly string[]): string {
    return execFileSync('ip', ['netns', 'exec', this.namespace(side), program, ...args], { encoding: 'utf8' })
  }

  start(side: Side, program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
    return spawn('ip', ['netns', 'exec', this.namespace(side), program, ...args], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, ...env },
    })
  }

  /** Addresses on the tunnel's device at one side, and the device up. */
  dress(side: Side, mtu: number, device = TUNNEL_DEVICE): void {
    const other = side === 'a' ? 'b' : 'a'
    this.ip(side, `addr replace ${INNER[side]} peer ${INNER[other]} dev ${device}`)
    this.ip(side, `addr replace ${INNER6[side]}/64 dev ${device} nodad`)
    this.ip(side, `link set ${device} mtu ${mtu} txqueuelen 1000 up`)
  }

  /** Packets to the other end itself go to the device, and what comes from the datapath does not: as the helper does it. */
  lead(side: Side, ends: Readonly<Record<Side, string>>, device = TUNNEL_DEVICE): void {
    const to = ends[side === 'a' ? 'b' : 'a']
    const [family, bits] = to.includes(':') ? ['-6 ', 128] : ['', 32]
    this.ip(side, `${family}route replace ${to}/${bits} dev ${device} src ${ends[side]} table 77`)
    this.ip(side, `${family}rule add not fwmark 0x43560001 lookup 77`)
    this.run(side, 'sysctl', '-qw', 'net.ipv4.conf.all.rp_filter=2')
  }

  /** What the ends run, made once. */
  programs(): { readonly open: string; readonly end: string } {
    const open = join(this.folder, 'open-end')
    const end = join(this.folder, 'end.mjs')
    const sources = join(this.#root, 'test/support/tunnel')
    execFileSync('g++', ['-std=c++17', '-O1', '-o', open, join(sources, 'open-end.cc')])
    buildSync({
      entryPoints: [join(sources, 'end.ts')],
      outfile: end,
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
    })
    return { open, end }
  }

  remove(): void {
    for (const side of ['a', 'b'] as const) execFileSync('ip', ['netns', 'del', this.namespace(side)])
    removeFolder(this.folder)
  }
}

/** One end of a tunnel on a wire: Culvert's datapath in a process of its own. */
export class TunnelEnd {
  readonly #child: ChildProcess
  readonly #lines: AsyncIterator<string>
  readonly #ended: Promise<unknown>

  private constructor(child: ChildProcess) {
    this.#child = child
    this.#lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
    this.#ended = new Promise((resolve) => child.once('close', resolve))
  }

  static async open(
    wire: Wire,
    programs: ReturnType<Wire['programs']>,
    side: Side,
    options: EndOptions,
  ): Promise<TunnelEnd> {
    const { engine, suite, vnet = true, outer = 4, addon, mtu = 1400 } = options
    const addresses = outer === 4 ? OUTER : OUTER6
    const child = wire.start(
      side,
      programs.open,
      [
        ...[
          TUNNEL_DEVICE,
          addresses[side],
          addresses[side === 'a' ? 'b' : 'a'],
          options.raw === true ? 'raw' : '4500',
          vnet ? 'vnet' : 'plain',
        ],
        ...[process.execPath, programs.end, side, suite, engine, options.protection ?? 'esp tunnel'],
      ],
      { CULVERT_NATIVE: addon ?? join(process.cwd(), 'dist/native/culvert.node') },
    )
    const end = new TunnelEnd(child)
    await end.#read()
    wire.dress(side, mtu)
    if (options.protection?.endsWith('transport')) wire.lead(side, addresses)
    return end
  }

  /** Of the process that carries the packets. */
  get pid(): number {
    return this.#child.pid!
  }

  async report(): Promise<EndReport> {
    this.#child.stdin!.write('\n')
    return this.#read()
  }

  async close(): Promise<void> {
    this.#child.stdin!.end()
    await this.#ended
  }

  async #read<T>(): Promise<T> {
    const { value, done } = await this.#lines.next()
    if (done) throw new Error('an end of the tunnel ended early')
    return JSON.parse(value) as T
  }
}
