import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Namespace } from './namespace.ts'
import { Program } from './program.ts'

// Two computers that were both told the same keys, from `culvert connect` to the ping.

const [A, B] = ['192.0.2.2', '192.0.2.1'] as const
const [INNER_A, INNER_B] = ['10.91.1.1', '10.91.2.1'] as const

let [a, b]: Namespace[] = []
let before: readonly string[]

beforeAll(() => {
  execFileSync(process.execPath, ['build/run.mjs', 'core/cli/main.ts', '--version'])
  a = new Namespace()
  b = new Namespace()
  b.ip('link del up0')
  a.ip(`link set up1 netns ${b.name}`)
  b.ip(`addr add ${B}/24 dev up1`)
  b.ip('link set up1 up')
  before = [a.state(), b.state()]
})
afterAll(async () => {
  await a?.remove()
  await b?.remove()
})

const keys = (way: { readonly in: string; readonly out: string }): string =>
  (['in', 'out'] as const)
    .flatMap((direction) => [
      `encryption.${direction}=${way[direction].repeat(16)}`,
      `integrity.${direction}=${way[direction].repeat(32)}`,
      `ah.${direction}=${way[direction].repeat(32)}`,
    ])
    .join(' ')

/** One end; the other one has everything the other way round. */
function connect(space: Namespace, own: 'a' | 'b', child: { protocol: string; mode: string }): Program {
  const home = join(space.folder, Math.random().toString(36).slice(2))
  mkdirSync(join(home, 'profiles'), { recursive: true })
  const [first, second] = own === 'a' ? ['0x1001', '0x1002'] : ['0x1002', '0x1001']
  const [inner, remote] = own === 'a' ? [INNER_A, INNER_B] : [INNER_B, INNER_A]
  const profile = {
    ...{ format: 'culvert-profile', version: 1, id: 'lab', name: 'Lab' },
    gateway: { host: own === 'a' ? B : A },
    auth: { method: 'manual', suite: 'aes128-sha256', spi: { in: first, out: second } },
    ...{ weak: ['manualkeys'], child, mtu: 1300 },
    ...(child.mode === 'tunnel' ? { localSubnets: [inner], remoteSubnets: [remote] } : {}),
  }
  writeFileSync(join(home, 'profiles', 'lab.json'), JSON.stringify(profile))
  const [command, ...args] = [
    ...['ip', 'netns', 'exec', space.name, process.execPath, resolve('dist/culvert.mjs')],
    ...['connect', 'lab', '--secrets-stdin', '--json'],
  ] as const
  const program = new Program(command, args, {
    ...process.env,
    ...{ CULVERT_HOME: home, CULVERT_RUN_DIR: join(space.folder, 'run') },
  })
  let given = own === 'a' ? keys({ in: 'a1', out: 'b2' }) : keys({ in: 'b2', out: 'a1' })
  const needed = { esp: /^(encryption|integrity)/, ah: /^ah/, 'ah+esp': /./ }[child.protocol]!
  given = given
    .split(' ')
    .filter((word) => needed.test(word))
    .join(' ')
  program.child.stdin.end(`keys=${given}\n`)
  return program
}

const PROTECTIONS = ['esp', 'ah', 'ah+esp'].flatMap((protocol) =>
  ['transport', 'tunnel'].map((mode) => ({ protocol, mode })),
)

describe('RFC 4301 §4.5.1: keys by hand', () => {
  test.each(PROTECTIONS)('$protocol in $mode mode: connect, ping, connect again, ping', async (child) => {
    let far = connect(b!, 'b', child)
    const near = connect(a!, 'a', child)
    const to = child.mode === 'tunnel' ? INNER_B : B
    try {
      await near.line(/"state":"connected"/)
      for (let turn = 0; turn < 2; turn++) {
        await far.line(/"state":"connected"/)
        expect(a!.sh(`ping -c 3 -i 0.2 -W 5 ${to}`)).toMatch(/ 3 received/)
        // Its other end begins to count anew, and nobody tells this one.
        if (turn > 0) break
        expect(await far.end()).toBe(0)
        far = connect(b!, 'b', child)
      }
    } finally {
      await near.end()
      await far.end()
    }
    expect([a!.state(), b!.state()]).toEqual(before)
  })
})
