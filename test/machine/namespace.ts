import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import { buildSync } from 'esbuild'
import type { VpnError } from '../../core/errors.ts'
import type { OsEdge } from '../../core/net/plan.ts'
import { removeFolder } from '../support/remove-folder.ts'

export interface Answer {
  readonly value?: { readonly fd: number; readonly device: string } | null
  readonly error?: VpnError
  readonly notes: readonly string[]
}

const HELPER = resolve('dist/native/culvert-helper')
const RESOLV = 'nameserver 192.0.2.53\noptions edns0\n'

/** A network namespace of its own with an uplink, a strict reverse-path filter and its own resolv.conf. */
export class Namespace {
  readonly name = `cv${process.pid}-${Math.random().toString(36).slice(2, 7)}`
  readonly folder = mkdtempSync(join(tmpdir(), 'culvert-helper-'))
  readonly resolvConf = `/etc/netns/${this.name}/resolv.conf`
  #hosts: EdgeHost[] = []
  #script = join(this.folder, 'edge-host.mjs')

  constructor() {
    mkdirSync(`/etc/netns/${this.name}`, { recursive: true })
    writeFileSync(this.resolvConf, RESOLV)
    execFileSync('ip', ['netns', 'add', this.name])
    // Addresses that are still being tried out would look like a change a second later.
    this.sh(
      'echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad; echo 0 > /proc/sys/net/ipv6/conf/all/accept_dad',
    )
    this.ip('link set lo up')
    this.ip('link add up0 type veth peer name up1')
    this.ip('addr add 192.0.2.2/24 dev up0')
    this.ip('addr add 2001:db8::2/64 dev up0 nodad')
    this.ip('link set up1 up')
    this.ip('link set up0 up')
    this.ip('route add default via 192.0.2.1')
    this.ip('-6 route add default via 2001:db8::1')
    this.sh('echo 1 > /proc/sys/net/ipv4/conf/up0/rp_filter')
    buildSync({
      entryPoints: ['test/machine/edge-host.ts'],
      outfile: this.#script,
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
    })
  }

  ip(command: string): string {
    return execFileSync('ip', ['-n', this.name, ...command.split(' ')], { encoding: 'utf8' })
  }

  json(command: string): readonly Record<string, unknown>[] {
    return JSON.parse(this.ip(`-j ${command}`) || '[]')
  }

  sh(command: string): string {
    return execFileSync('ip', ['netns', 'exec', this.name, 'sh', '-c', command], { encoding: 'utf8' })
  }

  resolv(): string {
    return readFileSync(this.resolvConf, 'utf8')
  }

  /** All that a tunnel may touch, as text: equal before and after. */
  state(): string {
    return [
      ...['link', 'addr', 'rule', '-6 rule', 'route show table all', '-6 route show table all'].map((c) =>
        this.ip(`-o ${c}`),
      ),
      this.sh('grep . /proc/sys/net/ipv4/conf/*/rp_filter'),
      this.resolv(),
    ]
      .join('\n')
      .replace(/ (expires|valid_lft|preferred_lft) \S+/g, '')
  }

  /** `before`: shell commands in the mount namespace of this host, before it begins. */
  async host(before = ':'): Promise<EdgeHost> {
    const host = new EdgeHost(this.name, this.#script, this.folder, before)
    this.#hosts.push(host)
    host.opened = await host.answer()
    return host
  }

  async remove(): Promise<void> {
    for (const host of this.#hosts) await host.kill()
    execFileSync('ip', ['netns', 'del', this.name])
    rmSync(`/etc/netns/${this.name}`, { recursive: true })
    // What just ended may still be taking its own files away.
    removeFolder(this.folder)
  }
}

/** A program that owns an edge inside the namespace, to be told what to do or killed. */
export class EdgeHost {
  opened: Answer = { notes: [] }
  #child: ChildProcessWithoutNullStreams
  #lines: AsyncIterator<string>
  #reader: Interface
  #exited: Promise<void>

  constructor(namespace: string, script: string, folder: string, before: string) {
    const command = `${before}; exec "$0" "$1"`
    const host = ['sh', '-c', command, process.execPath, script]
    this.#child = spawn('ip', ['netns', 'exec', namespace, ...host], {
      env: {
        ...process.env,
        CULVERT_RUN_DIR: join(folder, 'run'),
        CULVERT_TEST_HELPER: HELPER,
        CULVERT_NATIVE: resolve('dist/native/culvert.node'),
      },
    })
    this.#child.stderr.on('data', (text) => process.stderr.write(text))
    this.#reader = createInterface({ input: this.#child.stdout })
    this.#lines = this.#reader[Symbol.asyncIterator]()
    this.#exited = new Promise((done) => this.#child.once('exit', () => done()))
  }

  get pid(): number {
    return this.#child.pid!
  }

  /** The helper this program started. */
  get helperPid(): number {
    return Number(
      execFileSync('pgrep', ['-P', String(this.pid), '-x', 'culvert-helper'], { encoding: 'utf8' }),
    )
  }

  async answer(): Promise<Answer> {
    const line = await this.#lines.next()
    if (line.done) throw new Error('the edge host ended')
    return JSON.parse(line.value)
  }

  async call<V extends Exclude<keyof OsEdge, 'ended'>>(
    verb: V,
    argument?: Parameters<NonNullable<OsEdge[V]>>[0],
  ): Promise<Answer> {
    this.#child.stdin.write(`${JSON.stringify({ verb, argument })}\n`)
    return await this.answer()
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#exited
  }
}
