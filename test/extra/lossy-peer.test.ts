import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildSync } from 'esbuild'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CHOICE, waitAfter } from '../../core/ike/v2/numbers.ts'
import { Program } from '../machine/program.ts'
import type { ConnectPlan, ConnectReport } from '../support/connect-host.ts'
import { projectRoot } from '../support/project-root.ts'

/**
 * Fifty connections through a network that loses, delays and reorders, to strongSwan in a guest with a kernel that can do
 * that (`CULVERT_VMLAB`: the folder that starts it). Each message is lost by itself, so how many connections fail can be
 * computed, and that many have to, no fewer and no more.
 */
const LAB = process.env.CULVERT_VMLAB
const able = LAB !== undefined && process.getuid?.() === 0
const ID = `l${process.pid % 1000}`
const CLIENT = `vml${ID}c`
const GATEWAY = '10.88.0.1'
const COUNT = 50

const folder = able ? mkdtempSync(join(tmpdir(), 'culvert-lossy-')) : ''
const lab = (...args: readonly string[]): string =>
  execFileSync(join(LAB!, 'vmlab'), args, {
    encoding: 'utf8',
    env: { ...process.env, VMLAB_ID: ID, VMLAB_BACKEND: process.env.VMLAB_BACKEND ?? 'qemu' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
const guest = (...script: readonly string[]): string => lab('exec', script.join('\n'))
const inClient = (command: string): string =>
  execFileSync('ip', ['netns', 'exec', CLIENT, 'sh', '-c', command], { encoding: 'utf8' })

/** A gateway for many at once from one address and under one name, none of which it forgets while they try. */
const GATEWAY_SETTINGS = `charon {
  load_modular = yes
  dos_protection = no
  half_open_timeout = 600
  plugins {
    include strongswan.d/charon/*.conf
    kernel-libipsec { load = no }
    kernel-netlink { load = yes }
    bypass-lan { load = no }
  }
}`
const CONNECTION = `connections {
  lossy { version = 2
    unique = never
    pools = many
    local { auth = psk
      id = gw.test }
    remote { auth = psk }
    children { net { local_ts = 192.168.88.0/24 } } }
}
pools { many { addrs = 10.88.128.0/17 } }
secrets { ike-all { secret = "a key for a lossy network" } }`

const PLAN: ConnectPlan = {
  count: COUNT,
  // Slow enough for a guest whose processor is emulated.
  apartMs: 1_000,
  psk: 'a key for a lossy network',
  profile: {
    format: 'culvert-profile',
    version: 1,
    id: 'lossy',
    name: 'Lossy',
    gateway: { host: GATEWAY },
    ike: { version: 2 },
    localId: 'alice@example.org',
    remoteId: 'gw.test',
    auth: { method: 'psk' },
    remoteSubnets: ['192.168.88.0/24'],
  },
}

/** A request and its answer: neither may be lost. */
const lostOnce = (loss: number): number => 1 - (1 - loss) ** 2
const silence = (loss: number, sends: number): number => lostOnce(loss) ** sends

/** IKE_SA_INIT, then IKE_AUTH from port 4500; and where that is met with silence, both once more from there. */
function failing(loss: number): number {
  const all = silence(loss, CHOICE.tries)
  return all + (1 - all) * silence(loss, CHOICE.triesAfterFloat) * (all + (1 - all) * all)
}

/** What fifty throws of this chance come to, four standard deviations either way: outside once in 15 000 runs. */
function bounds(chance: number): readonly [number, number] {
  const spread = 4 * Math.sqrt(COUNT * chance * (1 - chance))
  return [Math.floor(COUNT * chance - spread), Math.ceil(COUNT * chance + spread)]
}

/** No connection can take longer: every message, sent as often as it may be, and a goodbye. */
const sendsFor = (tries: number): number =>
  Array.from({ length: tries }, (_, at) => waitAfter(at + 1)).reduce((sum, ms) => sum + ms, 0)
const LONGEST_MS = 3 * sendsFor(CHOICE.tries) + sendsFor(CHOICE.triesAfterFloat) + CHOICE.goodbyeMs

/** The way in has a device of its own, so that both ways can lose alike. Neighbours are not asked for: nothing but IKE is lost. */
function prepareLoss(): void {
  guest(
    'modprobe ifb numifbs=1; modprobe act_mirred; modprobe cls_matchall; modprobe sch_netem; modprobe sch_ingress',
    'set -e; ip link set ifb0 up',
    'ip neigh replace 10.88.0.2 lladdr 02:88:00:00:00:02 dev eth0 nud permanent',
    'tc qdisc add dev eth0 ingress',
    'tc filter add dev eth0 parent ffff: protocol all matchall action mirred egress redirect dev ifb0',
  )
  inClient(`ip neigh replace ${GATEWAY} lladdr 02:88:00:00:00:01 dev eth0 nud permanent`)
}

function lose(percent: number): void {
  for (const device of ['eth0', 'ifb0'])
    guest(`tc qdisc replace dev ${device} root netem delay 50ms loss ${percent}% reorder 25%`)
}

async function connectAll(): Promise<readonly ConnectReport[]> {
  const program = new Program(
    'ip',
    ['netns', 'exec', CLIENT, process.execPath, join(folder, 'connect-host.mjs'), JSON.stringify(PLAN)],
    {
      ...process.env,
      CULVERT_RUN_DIR: join(folder, 'run'),
      CULVERT_NATIVE: join(projectRoot(), 'dist/native/culvert.node'),
      CULVERT_TEST_HELPER: join(projectRoot(), 'dist/native/culvert-helper'),
    },
  )
  expect(await program.exited, program.complaints.join('\n')).toBe(0)
  return program.lines.map((line) => JSON.parse(line) as ConnectReport)
}

const again = (reports: readonly ConnectReport[]): number =>
  reports
    .flatMap(({ sends }) => [sends.IKE_SA_INIT, sends.IKE_AUTH])
    .reduce((sum: number, times = 1) => sum + times - 1, 0)

const isSilence = ({ error }: ConnectReport): boolean =>
  error?.kind === 'unreachable' || error?.kind === 'noAnswer'

describe.skipIf(!able)('a network that loses, delays and reorders', () => {
  beforeAll(() => {
    lab('up', 'strongswan')
    guest(
      'kill $(pidof charon); while pidof charon >/dev/null; do sleep 0.1; done; rm -f /run/charon.*',
      `cat > /etc/strongswan.conf <<'END'\n${GATEWAY_SETTINGS}\nEND`,
      `cat > /etc/swanctl/swanctl.conf <<'END'\n${CONNECTION}\nEND`,
      '/usr/lib/ipsec/charon >/vmlab/charon.log 2>&1 </dev/null &',
      'for i in $(seq 300); do [ -S /run/charon.vici ] && break; sleep 0.1; done; swanctl --load-all',
    )
    buildSync({
      entryPoints: [join(projectRoot(), 'test/support/connect-host.ts')],
      outfile: join(folder, 'connect-host.mjs'),
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      banner: {
        js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
      },
    })
    prepareLoss()
  }, 400_000)
  afterAll(() => {
    lab('down')
    rmSync(folder, { recursive: true, force: true })
  }, 60_000)

  test.each([10, 60])(
    'RFC 7296 §2.1: with %i % of all messages lost each way, as many connections fail as that predicts, each by silence',
    { timeout: COUNT * PLAN.apartMs + LONGEST_MS + 60_000 },
    async (percent) => {
      lose(percent)
      const loss = percent / 100
      const reports = await connectAll()
      const failed = reports.filter(({ error }) => error !== undefined)
      const [least, most] = bounds(failing(loss))
      const told = `${failed.length} of ${COUNT} failed, ${(COUNT * failing(loss)).toFixed(2)} predicted; ${again(reports)} messages sent again`
      console.log(`${percent} % lost each way: ${told}`)
      expect(reports).toHaveLength(COUNT)
      expect(failed.filter((report) => !isSilence(report))).toEqual([])
      expect(failed.length, told).toBeGreaterThanOrEqual(least)
      expect(failed.length, told).toBeLessThanOrEqual(most)
      // That the network did lose: at the least a third of what is to be expected where every connection stands.
      const expected = (2 * COUNT * lostOnce(loss)) / (1 - lostOnce(loss))
      expect(again(reports), told).toBeGreaterThan(Math.min(expected, 2 * COUNT) / 3)
    },
  )
})
