import { execFile, execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { removeFolder } from '../../support/remove-folder.ts'
import { Program } from '../program.ts'

const run = promisify(execFile)

export const PSK = 'a key for the tests of the gateway'
const GATEWAY = '198.18.40.1'
const CLIENT = '198.18.40.2'

/** Two namespaces with a wire between them: the built-in gateway in one, a client in the other. */
export class Ground {
  readonly folder = mkdtempSync(join(tmpdir(), 'culvert-gateway-'))
  readonly #name = `cg${process.pid}-${Math.random().toString(36).slice(2, 6)}`
  readonly #programs: Program[] = []

  constructor() {
    for (const side of [this.gatewaySide, this.clientSide]) {
      execFileSync('ip', ['netns', 'add', side])
      mkdirSync(`/etc/netns/${side}`, { recursive: true })
      writeFileSync(`/etc/netns/${side}/resolv.conf`, 'nameserver 192.0.2.53\n')
      ip(side, 'link set lo up')
    }
    ip(this.clientSide, `link add wan1 type veth peer name wan0 netns ${this.gatewaySide}`)
    for (const [side, device, address] of [
      [this.gatewaySide, 'wan0', GATEWAY],
      [this.clientSide, 'wan1', CLIENT],
    ] as const) {
      // A link-local address would come up in its own time, between two looks at the state.
      ip(side, `link set ${device} addrgenmode none`)
      ip(side, `addr add ${address}/24 dev ${device}`)
      ip(side, `link set ${device} up`)
    }
    // The first end sees its carrier a moment after the second comes up.
    while (/NO-CARRIER/.test(ip(this.clientSide, 'link show wan1'))) execFileSync('sleep', ['0.05'])
    execFileSync('sleep', ['0.1'])
  }

  get gatewaySide(): string {
    return `${this.#name}-gw`
  }

  get clientSide(): string {
    return `${this.#name}-cl`
  }

  get gatewayAddress(): string {
    return GATEWAY
  }

  get clientAddress(): string {
    return CLIENT
  }

  /** `culvert ARGS…` on one side, with a home and a run folder of its own. */
  culvert(side: string, args: readonly string[], more: NodeJS.ProcessEnv = {}): Program {
    const env = {
      ...process.env,
      ...more,
      CULVERT_HOME: join(this.folder, `home-${side}`),
      CULVERT_RUN_DIR: join(this.folder, `run-${side}`),
      CULVERT_NATIVE: resolve('dist/native/culvert.node'),
    }
    return this.start(side, [process.execPath, resolve('dist/culvert.mjs'), ...args], env)
  }

  start(side: string, command: readonly string[], env: NodeJS.ProcessEnv = process.env): Program {
    const program = new Program('ip', ['netns', 'exec', side, ...command], env)
    this.#programs.push(program)
    return program
  }

  /** `culvert gateway` with these settings beside the usual ones; resolves when it listens. */
  async gateway(settings: object = {}): Promise<Program> {
    const pskFile = join(this.folder, 'psk')
    writeFileSync(pskFile, `${PSK}\n`, { mode: 0o600 })
    const file = join(this.folder, 'gateway.json')
    writeFileSync(file, JSON.stringify({ listen: [GATEWAY], pskFile, ...settings }))
    const program = this.culvert(this.gatewaySide, ['gateway', '--json', '--verbose', '--config', file])
    await program.line(/"event":"listening"/, 60_000)
    return program
  }

  /** Runs a program on the client's side to its end; what it said, or throws. */
  async onClient(command: string, ...args: readonly string[]): Promise<string> {
    const { stdout } = await run('ip', ['netns', 'exec', this.clientSide, command, ...args])
    return stdout
  }

  state(side: string): string {
    return ['link', 'addr', 'rule', '-6 rule', 'route show table all', '-6 route show table all']
      .map((what) => ip(side, `-o ${what}`))
      .join('\n')
      .replace(/ (expires|valid_lft|preferred_lft) \S+/g, '')
  }

  async remove(): Promise<void> {
    for (const program of this.#programs) await program.end('SIGTERM')
    for (const side of [this.clientSide, this.gatewaySide]) {
      execFileSync('ip', ['netns', 'del', side])
      rmSync(`/etc/netns/${side}`, { recursive: true, force: true })
    }
    removeFolder(this.folder)
  }
}

export function ip(side: string, command: string): string {
  return execFileSync('ip', ['-n', side, ...command.split(' ')], { encoding: 'utf8' })
}

export interface ReferenceOptions {
  readonly esp?: string
  readonly rekeySeconds?: number
  readonly identity?: string
  /** Inner addresses it asks for; none where empty. */
  readonly vips?: string
  readonly psk?: string
  /** PEM: its own certificate, the key of that, and whom it trusts. */
  readonly certificate?: { readonly own?: string; readonly key?: string; readonly ca: string }
  /** IKEv1, and how; `user` signs in by XAuth with `password`, and in `hybrid` by nothing else. */
  readonly ikev1?: {
    readonly aggressive?: boolean
    readonly hybrid?: boolean
    readonly user?: string
    readonly password?: string
  }
}

/** strongSwan's charon as a client on the client's side of the ground. */
export class ReferenceClient {
  readonly #ground: Ground
  readonly #folder: string
  #charon: Program | undefined

  constructor(ground: Ground) {
    this.#ground = ground
    this.#folder = join(ground.folder, 'charon')
  }

  async start(options: ReferenceOptions = {}): Promise<void> {
    const folder = this.#folder
    for (const name of ['run', 'swanctl']) mkdirSync(join(folder, name), { recursive: true })
    for (const [name, text] of Object.entries(options.certificate ?? {})) {
      const place = join(folder, 'swanctl', { own: 'x509', key: 'private', ca: 'x509ca' }[name] ?? '')
      mkdirSync(place, { recursive: true })
      writeFileSync(join(place, `${name}.pem`), text, { mode: 0o600 })
    }
    writeFileSync(join(folder, 'strongswan.conf'), strongswanConf(folder, this.#ground.clientSide))
    writeFileSync(join(folder, 'swanctl', 'swanctl.conf'), swanctlConf(this.#ground, options))
    // A private /run: its socket and its pid file must not meet those of another charon.
    const start =
      'mount --bind "$1/run" /run && STRONGSWAN_CONF=$1/strongswan.conf exec /usr/lib/ipsec/charon'
    this.#charon = this.#ground.start(this.#ground.clientSide, ['sh', '-c', start, 'sh', folder])
    for (let tries = 0; !existsSync(join(folder, 'vici')); tries++) {
      if (tries > 200) throw new Error(`charon did not start:\n${this.log()}`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    await this.swanctl('--load-all', '--noprompt')
  }

  async swanctl(...args: readonly string[]): Promise<string> {
    const [command = '', ...rest] = args
    const folder = this.#folder
    const env = {
      ...process.env,
      STRONGSWAN_CONF: join(folder, 'strongswan.conf'),
      SWANCTL_DIR: join(folder, 'swanctl'),
    }
    try {
      const { stdout } = await run('swanctl', [command, '--uri', `unix://${folder}/vici`, ...rest], { env })
      return stdout
    } catch (error) {
      throw new Error(`swanctl ${args.join(' ')}: ${(error as { stdout: string }).stdout}\n${this.log()}`)
    }
  }

  connect(): Promise<string> {
    return this.swanctl('--initiate', '--child', 'net', '--timeout', '10')
  }

  log(): string {
    const file = join(this.#folder, 'log')
    return existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(-200).join('\n') : ''
  }

  async stop(): Promise<void> {
    await this.#charon?.end('SIGTERM')
  }
}

const strongswanConf = (folder: string, side: string): string => `
charon {
  load = nonce random drbg openssl aes sha1 sha2 hmac kdf gcm ctr curve25519 pem pkcs1 pkcs8 x509 pubkey constraints kernel-libipsec kernel-netlink socket-default vici resolve xauth-generic
  filelog { log {
    path = ${folder}/log
    flush_line = yes
    default = 1
    ike = 2
  } }
  plugins {
    vici { socket = unix://${folder}/vici }
    kernel-netlink { fwmark = !0x42 }
    socket-default { fwmark = 0x42 }
    kernel-libipsec { allow_peer_ts = yes }
    resolve { file = /etc/netns/${side}/resolv.conf }
  }
}
`

const swanctlConf = (
  ground: Ground,
  {
    esp = 'aes128gcm16',
    rekeySeconds = 0,
    identity = 'alice@culvert.test',
    vips = '0.0.0.0, ::',
    certificate,
    psk = PSK,
    ikev1,
  }: ReferenceOptions,
): string => `
connections { culvert {
  version = ${ikev1 === undefined ? 2 : 1}
  aggressive = ${ikev1?.aggressive === true ? 'yes' : 'no'}
  local_addrs = ${ground.clientAddress}
  remote_addrs = ${ground.gatewayAddress}
  ${vips === '' ? '' : `vips = ${vips}`}
  rekey_time = ${rekeySeconds}
  rand_time = 0
  ${ikev1?.hybrid === true ? '' : localProof(identity, certificate !== undefined)}
  ${ikev1?.user === undefined ? '' : `local-xauth { auth = xauth\n xauth_id = ${ikev1.user}\n id = ${identity} }`}
  remote { auth = ${certificate === undefined ? 'psk' : 'pubkey'}
    id = gateway.culvert.test }
  children { net {
    remote_ts = ${ikev1 === undefined ? '0.0.0.0/0, ::/0' : '10.77.0.0/24'}
    esp_proposals = ${esp}
    rekey_time = ${rekeySeconds}
    rand_time = 0
  } }
} }
secrets {
  ike-culvert { secret = "${psk}" }
  xauth-culvert { id = ${ikev1?.user ?? 'nobody'}
    secret = "${ikev1?.password ?? ''}" }
}
`

const localProof = (identity: string, certificate: boolean): string => `
  local { auth = ${certificate ? 'pubkey' : 'psk'}
    ${certificate ? 'certs = own.pem' : ''}
    id = ${identity} }`
