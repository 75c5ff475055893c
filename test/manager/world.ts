import { Secret } from '../../core/bytes/secret.ts'
import type { Phase2Snapshot } from '../../core/contract/snapshot.ts'
import { type VpnError, VpnFailure } from '../../core/errors.ts'
import type {
  Connection,
  ConnectionConfig,
  ConnectionListener,
  ConnectionView,
} from '../../core/ike/config.ts'
import type { ExposedKeys } from '../../core/ike/exposed-keys.ts'
import type { IkeCommand } from '../../core/ike/session.ts'
import type { ManagerDependencies } from '../../core/manager/dependencies.ts'
import type { HeldTraffic, HoldRecord } from '../../core/manager/hold.ts'
import { Manager } from '../../core/manager/manager.ts'
import { requireProfile } from '../../core/profile/schema.ts'

export const profileOf = (name: string, change: object = {}) =>
  requireProfile(
    {
      format: 'culvert-profile',
      version: 1,
      id: name.toLowerCase(),
      name,
      gateway: { host: '192.0.2.1' },
      localId: 'alice@example.org',
      auth: { method: 'psk' },
      ...change,
    },
    'test',
  )

/** Holds as they are written down, without a file. */
export class MemoryHolds implements HoldRecord {
  #held: readonly HeldTraffic[] = []

  list(): readonly HeldTraffic[] {
    return this.#held
  }

  put(held: HeldTraffic): void {
    this.#held = [...this.#held.filter(({ device }) => device !== held.device), held]
  }

  drop(device: string): void {
    this.#held = this.#held.filter((one) => one.device !== device)
  }
}

/** A connection the test plays the gateway of. */
export class FakeConnection implements Connection {
  readonly engine = 'native'
  readonly commands: IkeCommand['type'][] = []
  state: ConnectionView['state'] = 'phase1'
  tun: number | undefined
  closed = false
  /** What it was told of the sleep of the computer. */
  readonly power: ('pause' | 'resume')[] = []
  readonly config: ConnectionConfig
  readonly listener: ConnectionListener
  answersFarewell = true

  constructor(config: ConnectionConfig, listener: ConnectionListener) {
    this.config = config
    this.listener = listener
  }

  command(command: IkeCommand): void {
    this.commands.push(command.type)
    if (command.type === 'disconnect' && this.answersFarewell) this.end(undefined)
  }

  /** Packets that came before it. */
  kept: readonly Uint8Array[] = []
  phase2: readonly Phase2Snapshot[] = []

  attachTun(fd: number, kept: readonly Uint8Array[] = []): void {
    this.tun = fd
    this.kept = kept
  }

  pause(): void {
    this.power.push('pause')
  }

  resume(): void {
    this.power.push('resume')
  }

  view(): ConnectionView {
    return {
      state: this.state,
      step: 'step',
      phase1: undefined,
      phase2: this.phase2,
      rekeys: { ike: 0, child: 0 },
    }
  }

  keys(): ExposedKeys {
    return { ikev1: [], ikev2: [], esp: [] }
  }

  close(): void {
    this.closed = true
  }

  /** `otherGateways`: those it names in its place. */
  establish(addresses: readonly string[] = ['10.78.0.10/32'], otherGateways: readonly string[] = []): void {
    this.state = 'connected'
    const configuration = { addresses, dnsServers: [], subnets: [], dnsDomains: [], otherGateways }
    this.listener.established(configuration, [], [])
  }

  end(error: VpnError | undefined): void {
    this.state = 'closed'
    this.listener.closed(error)
  }
}

/** A world with a clock of its own, in which everything that is done is written down. */
export class World {
  readonly done: string[] = []
  readonly connections: FakeConnection[] = []
  readonly failures: Partial<
    Record<'openTun' | 'apply' | 'restore' | 'hold' | 'letOut' | 'openEdge' | 'secret' | 'start', VpnError>
  > = {}
  profiles = [profileOf('Office'), profileOf('Home')]
  addresses: readonly string[] = []
  now = 1_000_000
  #timers: { at: number; work: () => void }[] = []
  readonly manager: Manager
  /** What the manager was made with. */
  readonly needs: ManagerDependencies
  #fd = 10
  /** A packet of this computer for a device that waits for some. */
  intoDevice: ((packet: Uint8Array) => void) | undefined

  /** `other`: what this world does otherwise. */
  constructor(other: Partial<ManagerDependencies> = {}) {
    this.needs = { ...this.#dependencies(), ...other }
    this.manager = new Manager(this.needs)
  }

  get connection(): FakeConnection {
    const last = this.connections.at(-1)
    if (last === undefined) throw new Error('nobody connected')
    return last
  }

  /** Lets everything that waits for nothing but its turn happen. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 30; turn += 1) await Promise.resolve()
  }

  async pass(ms: number): Promise<void> {
    const until = this.now + ms
    for (;;) {
      const next = this.#timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0]
      if (next === undefined) break
      this.#timers = this.#timers.filter((timer) => timer !== next)
      this.now = next.at
      next.work()
      await this.settle()
    }
    this.now = until
    await this.settle()
  }

  state(): string | undefined {
    return this.manager.snapshot().tunnels[0]?.state
  }

  /** Connects `Office` to the end. */
  async up(): Promise<void> {
    const connected = this.manager.connect('Office')
    await this.settle()
    this.connection.establish()
    await connected
  }

  #act(what: keyof World['failures'], text: string): void {
    const failure = this.failures[what]
    this.done.push(text)
    if (failure !== undefined) throw new VpnFailure(failure)
  }

  #dependencies(): ManagerDependencies {
    const find = async (name: string) => {
      const found = this.profiles.find(({ id }) => id === name.toLowerCase())
      if (found === undefined) throw new VpnFailure({ kind: 'profileUnknown', name, known: [] })
      return found
    }
    return {
      profiles: { list: async () => ({ profiles: this.profiles, damaged: [] }), find },
      secret: async () => {
        const failure = this.failures.secret
        if (failure !== undefined) throw new VpnFailure(failure)
        return Secret.fromText('key')
      },
      resolve: async (host) => {
        if (this.addresses.length > 0) return this.addresses
        throw new VpnFailure({ kind: 'nameNotResolved', host, code: 'ENOTFOUND' })
      },
      openEdge: async () => {
        this.#act('openEdge', 'open edge')
        return {
          openUdp: async () => ({ fd: 3, local: { address: '198.51.100.1', port: 1 } }),
          openRaw: async () => ({ fd: 4, local: '198.51.100.1' }),
          openTun: async (device) => {
            this.#act('openTun', `open ${device}`)
            this.#fd += 1
            return { fd: this.#fd, device }
          },
          apply: async (plan) => this.#act('apply', `apply ${plan.device}`),
          restore: async (device) => this.#act('restore', `restore ${device}`),
          hold: async ({ device, networks }) => this.#act('hold', `hold ${networks.join(' ')} for ${device}`),
          letOut: async (device) => this.#act('letOut', `let out ${device}`),
          ended: false,
          close: async () => this.#act('restore', 'close edge'),
        }
      },
      startConnection: ({ config, listener }) => {
        if (this.failures.start !== undefined) throw new VpnFailure(this.failures.start)
        const connection = new FakeConnection(config, listener)
        this.connections.push(connection)
        return connection
      },
      startManual: ({ config, listener }) => {
        const connection = new FakeConnection(
          { gatewayAddress: config.gatewayAddress } as ConnectionConfig,
          listener,
        )
        this.connections.push(connection)
        return connection
      },
      planFor: ({ device, configuration }) => ({
        device,
        mtu: 1400,
        addresses: configuration.addresses,
        routes: ['10.77.0.0/24'],
        bypass: [],
        unreachable: [],
      }),
      closeFd: (fd) => this.done.push(`close fd ${fd}`),
      watchDevice: (fd, onPackets) => {
        this.done.push(`watch ${fd}`)
        this.intoDevice = (packet) => onPackets([packet])
        return () => {
          this.intoDevice = undefined
        }
      },
      clock: {
        now: () => this.now,
        after: (ms, work) => {
          const timer = { at: this.now + ms, work }
          this.#timers.push(timer)
          return () => {
            this.#timers = this.#timers.filter((other) => other !== timer)
          }
        },
      },
      random: { bytes: (count) => new Uint8Array(count).fill(0x80) },
    }
  }
}
