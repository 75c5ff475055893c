import type { Random } from '../../bytes/random.ts'
import { Secret } from '../../bytes/secret.ts'
import type { Probe } from '../../contract/snapshot.ts'
import type { CryptoRegistry } from '../../crypto/transforms.ts'
import type { NativeAddon } from '../../native/addon.ts'
import { readGatewaySettings } from '../config.ts'
import type { Gateway, GatewayListener } from '../gateway.ts'
import { type GatewayService, startGateway } from '../service.ts'
import { DemoEdge } from './demo-edge.ts'
import { Prober } from './probe.ts'
import { Space } from './space.ts'
import { spaceHost } from './space-host.ts'

export interface DemoOptions {
  readonly addon: NativeAddon
  readonly registry: CryptoRegistry
  readonly random: Random
  readonly listener?: GatewayListener
  /** The program that makes the namespaces; where the build puts it unless told. */
  readonly program?: string
}

/** A gateway inside this process, and all that a manager needs to connect to it as to any other. */
export interface Demo {
  readonly gateway: Gateway
  /** Of the process that holds the namespaces, on the client's side: `nsenter -t PID -U -n --preserve-credentials`. */
  readonly pid: number | undefined
  /** The edge of the client. Closing it ends the namespaces, so {@link close} comes after the manager's. */
  readonly edge: DemoEdge
  /** The pre-shared key, made for this run; the caller owns what it gets. */
  secret(): Secret
  /** Pings, names and pages through the tunnel, once it stands: in that order, one after the other. */
  probe(): AsyncGenerator<Probe>
  /** One ping of the gateway, IPv4. */
  ping(): Promise<Probe>
  close(): Promise<void>
}

/** Addresses for documentation, RFC 5737 and RFC 3849: they lie on a loopback nobody else sees. */
const OUTER = {
  gateway: { ipv4: '192.0.2.1', ipv6: '2001:db8::1' },
  client: { ipv4: '192.0.2.2', ipv6: '2001:db8::2' },
} as const

/** Where the gateway is, seen from its client. */
export const DEMO_ADDRESSES: readonly string[] = [OUTER.gateway.ipv4, OUTER.gateway.ipv6]

const PAGE_OCTETS = 100_000

/** Throws `VpnFailure`: `demoUnavailable` where no namespaces may be made, `noTun`, `nativeMissing`, `systemRefused`. */
export async function openDemo(options: DemoOptions): Promise<Demo> {
  const { addon, registry, random, listener, program } = options
  const space = await Space.open({ addon, ...(program === undefined ? {} : { program }) })
  const psk = new Secret(new Uint8Array(Buffer.from(Buffer.from(random.bytes(24)).toString('base64url'))))
  const settings = readGatewaySettings({}, 'the demo')
  let service: GatewayService
  try {
    for (const { ipv4, ipv6 } of [OUTER.gateway, OUTER.client]) {
      await space.addAddress('there', 'lo', `${ipv4}/32`)
      await space.addAddress('there', 'lo', `${ipv6}/128`)
    }
    service = await startGateway({
      settings,
      source: 'the demo',
      secrets: { psk: psk.clone(), key: undefined, clients: new Map(), users: new Map(), totp: new Map() },
      host: spaceHost(space, DEMO_ADDRESSES),
      addon,
      registry,
      random,
      ...(listener === undefined ? {} : { listener }),
    })
  } catch (error) {
    psk.close()
    await space.close()
    throw error
  }
  const prober = new Prober(space, addon)
  const { ipv4, ipv6, domain } = settings.inside
  return {
    gateway: service.gateway,
    pid: space.pid,
    edge: new DemoEdge(space, addon, OUTER.client),
    secret: () => psk.clone(),
    ping: () => prober.ping(ipv4),
    async *probe() {
      yield await prober.ping(ipv4)
      yield await prober.ping(ipv6)
      yield await prober.lookUp(`www.${domain}`, 'A', ipv4)
      yield await prober.lookUp(`www.${domain}`, 'AAAA', ipv6)
      yield await prober.fetch(ipv4, '/')
      yield await prober.fetch(ipv6, `/${PAGE_OCTETS}`)
    },
    close: async () => {
      await service.close()
      psk.close()
      await space.close()
    },
  }
}
