import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Namespace } from './namespace.ts'
import { Program } from './program.ts'

// Two networks and a computer of each between them: hosts a1 and a2 behind A, b1 and b2 behind B, A and B on one link.

const [A, B] = ['192.0.2.2', '192.0.2.1'] as const

let [a, b]: Namespace[] = []
const hosts: string[] = []

beforeAll(() => {
  execFileSync(process.execPath, ['build/run.mjs', 'core/cli/main.ts', '--version'])
  a = new Namespace()
  b = new Namespace()
  b.ip('link del up0')
  a.ip(`link set up1 netns ${b.name}`)
  b.ip(`addr add ${B}/24 dev up1`)
  b.ip('link set up1 up')
  for (const [space, site] of [
    [a, 1],
    [b, 2],
  ] as const)
    for (const number of [1, 2]) addHost(space, site, number)
})
afterAll(async () => {
  for (const name of hosts) execFileSync('ip', ['netns', 'del', name])
  await a?.remove()
  await b?.remove()
})

/** Each on a link of its own: `10.<site>.<number>.2`. */
function addHost(space: Namespace, site: number, number: number): void {
  const name = `${space.name}-h${number}`
  execFileSync('ip', ['netns', 'add', name])
  hosts.push(name)
  const inside = (command: string) => execFileSync('ip', ['-n', name, ...command.split(' ')])
  space.ip(`link add lan${number} type veth peer name eth0 netns ${name}`)
  space.ip(`addr add 10.${site}.${number}.1/24 dev lan${number}`)
  space.ip(`link set lan${number} up`)
  inside('link set lo up')
  inside(`addr add 10.${site}.${number}.2/24 dev eth0`)
  inside('link set eth0 up')
  inside(`route add default via 10.${site}.${number}.1`)
}

const host = (space: Namespace, number: number): string => `${space.name}-h${number}`
/** How many of three pings from this namespace are answered. */
function pings(namespace: string, to: string): number {
  const ping = `ping -c 3 -i 0.2 -W 2 ${to} || true`
  const said = execFileSync('ip', ['netns', 'exec', namespace, 'sh', '-c', ping], { encoding: 'utf8' })
  return Number(/(\d+) received/.exec(said)?.[1])
}

function connect(space: Namespace, own: 1 | 2, more: object = {}): Program {
  const home = join(space.folder, Math.random().toString(36).slice(2))
  mkdirSync(join(home, 'profiles'), { recursive: true })
  const other = 3 - own
  const profile = {
    ...{ format: 'culvert-profile', version: 1, id: 'site', name: 'Site' },
    gateway: { host: own === 1 ? B : A },
    auth: {
      ...{ method: 'manual', suite: 'aes128-sha256' },
      spi: own === 1 ? { in: '0x1001', out: '0x1002' } : { in: '0x1002', out: '0x1001' },
    },
    ...{ weak: ['manualkeys'], mtu: 1300 },
    ...{ localSubnets: [`10.${own}.0.0/16`], remoteSubnets: [`10.${other}.0.0/16`] },
    ...more,
  }
  writeFileSync(join(home, 'profiles', 'site.json'), JSON.stringify(profile))
  const [command, ...args] = [
    ...['ip', 'netns', 'exec', space.name, process.execPath, resolve('dist/culvert.mjs')],
    ...['connect', 'site', '--secrets-stdin', '--json'],
  ] as const
  const program = new Program(command, args, {
    ...process.env,
    ...{ CULVERT_HOME: home, CULVERT_RUN_DIR: join(space.folder, 'run') },
  })
  const keys = (way: 'in' | 'out', octet: string) =>
    `encryption.${way}=${octet.repeat(16)} integrity.${way}=${octet.repeat(32)}`
  const [first, second] = own === 1 ? ['a1', 'b2'] : ['b2', 'a1']
  program.child.stdin.end(`keys=${keys('in', first)} ${keys('out', second)}\n`)
  return program
}

describe('RFC 4301 §3.3: two networks through one tunnel', () => {
  test('hosts of both reach each other, and their gateways reach them; nothing that is not named goes through', async () => {
    for (const space of [a!, b!]) space.sh('echo 1 > /proc/sys/net/ipv4/ip_forward')
    const programs = [connect(a!, 1), connect(b!, 2)]
    try {
      for (const program of programs) await program.line(/"state":"connected"/)
      for (const number of [1, 2]) {
        expect(pings(host(a!, number), `10.2.${number}.2`)).toBe(3)
        expect(pings(host(b!, number), `10.1.${number}.2`)).toBe(3)
      }
      // The gateway itself speaks with its address in the network.
      expect(pings(a!.name, '10.2.1.2')).toBe(3)
      // A host with an address that is not of the network named.
      a!.sh(`ip addr add 172.16.0.1/24 dev lan1`)
      execFileSync('ip', ['-n', host(a!, 1), 'addr', 'add', '172.16.0.2/24', 'dev', 'eth0'])
      expect(pings(host(a!, 1), '10.2.1.2 -I 172.16.0.2')).toBe(0)
      expect(programs[0]!.lines.join('\n')).not.toContain('does not pass packets on')
    } finally {
      for (const program of programs) await program.end()
    }
    // Without the tunnel there is no way.
    expect(pings(host(a!, 1), '10.2.1.2')).toBe(0)
  })

  test('a computer that does not pass packets on says so, and is left as it is', async () => {
    a!.sh('echo 0 > /proc/sys/net/ipv4/ip_forward')
    const program = connect(a!, 1)
    try {
      const line = await program.line(/does not pass packets on/)
      expect(line).toContain('sysctl -w net.ipv4.ip_forward=1')
    } finally {
      await program.end()
    }
    expect(a!.sh('cat /proc/sys/net/ipv4/ip_forward').trim()).toBe('0')
  })

  test('the kill switch holds back what hosts behind this computer send too, when the tunnel ends by itself', async () => {
    for (const space of [a!, b!]) space.sh('echo 1 > /proc/sys/net/ipv4/ip_forward')
    // In the clear there is a way, for who would take it.
    b!.ip(`addr add 10.2.9.9/32 dev lo`)
    a!.ip(`route add 10.2.9.9/32 via ${B}`)
    b!.ip(`route add 10.1.0.0/16 via ${A}`)
    expect(pings(host(a!, 1), '10.2.9.9')).toBe(3)
    const program = connect(a!, 1, { killSwitch: true })
    await program.line(/"state":"connected"/)
    program.child.kill('SIGKILL')
    await program.exited
    await expect.poll(() => a!.ip('-o link'), { timeout: 20_000 }).not.toContain('culvert0')
    expect(pings(host(a!, 1), '10.2.9.9')).toBe(0)
    a!.sh('nft delete table inet culvert0')
    expect(pings(host(a!, 1), '10.2.9.9')).toBe(3)
  })
})
