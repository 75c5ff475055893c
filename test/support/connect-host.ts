// connect-host PLAN: many connections of the profile at once, each a socket of its own, none with a device. One JSON line for
// each as it ends, and the program ends after the last.
import { Secret } from '../../core/bytes/secret.ts'
import { createRegistry } from '../../core/crypto/registry.ts'
import { systemRandom } from '../../core/crypto/system-random.ts'
import type { VpnError } from '../../core/errors.ts'
import { startConnection } from '../../core/ike/driver.ts'
import { loadAddon } from '../../core/native/load.ts'
import { openEdge } from '../../core/net/edge.ts'
import { connectionConfig } from '../../core/profile/config.ts'
import { requireProfile } from '../../core/profile/schema.ts'

export interface ConnectPlan {
  readonly count: number
  /** Between the beginnings of two. */
  readonly apartMs: number
  readonly profile: unknown
  readonly psk: string
}

export interface ConnectReport {
  /** Left out: it stood. */
  readonly error?: VpnError
  /** How often we sent each exchange. */
  readonly sends: Readonly<Record<string, number>>
}

const { count, apartMs, profile: written, psk } = JSON.parse(process.argv[2]!) as ConnectPlan
const profile = requireProfile(written, 'the plan')
const addon = loadAddon()
const edge = await openEdge({ addon, helperPath: process.env.CULVERT_TEST_HELPER! })
const registry = createRegistry(addon)

function connect(): Promise<ConnectReport> {
  return new Promise((resolve) => {
    const sends: Record<string, number> = {}
    let report: ConnectReport | undefined
    const connection = startConnection({
      config: connectionConfig(profile, new Map([['psk', Secret.fromText(psk)]]), profile.gateway.host),
      edge,
      addon,
      registry,
      random: systemRandom,
      engine: 'typescript',
      listener: {
        changed() {},
        note() {},
        ask: () => Promise.resolve(undefined),
        message({ direction, exchange }) {
          if (report === undefined && direction === 'out') sends[exchange] = (sends[exchange] ?? 0) + 1
        },
        established() {
          report ??= { sends }
          connection.command({ type: 'disconnect' })
        },
        closed: (error) => resolve(report ?? { sends, ...(error === undefined ? {} : { error }) }),
      },
    })
    connection.command({ type: 'connect' })
  })
}

const ends: Promise<void>[] = []
for (let at = 0; at < count; at++) {
  ends.push(connect().then((report) => void process.stdout.write(`${JSON.stringify(report)}\n`)))
  await new Promise((resolve) => setTimeout(resolve, apartMs))
}
await Promise.all(ends)
await edge.close()
