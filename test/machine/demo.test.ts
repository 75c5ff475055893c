import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { bundleCulvert } from './gateway/culvert.ts'
import { Program } from './program.ts'

beforeAll(bundleCulvert)

const NOBODY = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups']
const CULVERT = [process.execPath, resolve('dist/culvert.mjs')]

/** Network namespaces that a process is in or holds open. */
function namespacesOf(pid: number): readonly string[] {
  const links = ['ns/net', ...readdirSync(`/proc/${pid}/fd`).map((fd) => `fd/${fd}`)]
  return [...new Set(links.map((link) => readlinkSync(`/proc/${pid}/${link}`)))].filter((one) =>
    one.startsWith('net:'),
  )
}

/** Which of them some process of this machine still has. */
function leftOf(namespaces: readonly string[]): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return namespacesOf(Number(pid))
      } catch {
        return [] // it has ended meanwhile
      }
    })
    .filter((one) => namespaces.includes(one))
}

/** Processes below this one that hold a demo's namespaces. */
function holders(pid: number): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((one) => {
      try {
        const status = readFileSync(`/proc/${one}/status`, 'utf8')
        return /^Name:\tculvert-space$/m.test(status) && new RegExp(`^PPid:\t${pid}$`, 'm').test(status)
      } catch {
        return false
      }
    })
}

const isAlive = (pid: number): boolean => {
  try {
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

let folder: string
let programs: Program[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'culvert-demo-'))
  chmodSync(folder, 0o777)
})
afterEach(async () => {
  for (const program of programs) await program.end('SIGKILL')
  programs = []
  rmSync(folder, { recursive: true })
})

function start(command: readonly string[]): Program {
  const [program = '', ...args] = command
  const env = {
    ...process.env,
    CULVERT_HOME: join(folder, 'home'),
    CULVERT_NATIVE: resolve('dist/native/culvert.node'),
  }
  const started = new Program(program, args, env)
  programs.push(started)
  return started
}

/** With a device file that nobody but root may open. */
function withoutTun(command: readonly string[]): readonly string[] {
  const cover = join(folder, 'tun')
  writeFileSync(cover, '', { mode: 0o600 })
  return ['unshare', '-m', 'sh', '-c', `mount --bind ${cover} /dev/net/tun && exec "$@"`, 'sh', ...command]
}

/** With a device file that everybody may open, as desktops have it. */
function withTun(command: readonly string[]): readonly string[] {
  const device = join(folder, 'tun')
  execFileSync('mknod', [device, 'c', '10', '200'])
  chmodSync(device, 0o666)
  return ['unshare', '-m', 'sh', '-c', `mount --bind ${device} /dev/net/tun && exec "$@"`, 'sh', ...command]
}

const enterNet = (pid: number) => ['nsenter', '-t', String(pid), '-n']
const enterBoth = (pid: number) => [
  ...NOBODY,
  'nsenter',
  '-t',
  String(pid),
  '-U',
  '-n',
  '--preserve-credentials',
]

const WAYS = [
  ['as root', () => [...CULVERT, 'start'], enterNet],
  ['as anybody', () => withTun([...NOBODY, ...CULVERT, 'start']), enterBoth],
  ['as anybody who may not open /dev/net/tun', () => withoutTun([...NOBODY, ...CULVERT, 'start']), enterBoth],
] as const

describe.each(WAYS)('the demo tunnel, %s', (_, command, enter) => {
  test('shows phase 1 and phase 2; pings, names and pages go through it; Ctrl-C leaves nothing', async () => {
    const demo = start(command())
    await demo.line(/^web .*100000 octets/)
    const said = demo.lines.join('\n')
    expect(said).toMatch(/^Demo: phase 1 stands: IKEv2, .*gateway\.culvert\.test by pre-shared key/m)
    expect(said).toMatch(
      /^Demo: phase 2 stands: ESP tunnel, .*10\.78\.0\.1 fd78::1 ↔ 10\.77\.0\.0\/24 fd77::\/64/m,
    )
    expect(said).toMatch(/^ping 10\.77\.0\.1: answered/m)
    expect(said).toMatch(/^ping fd77::1: answered/m)
    expect(said).toMatch(/^dns www\.culvert\.test A: 10\.77\.0\.1/m)
    expect(said).toMatch(/^dns www\.culvert\.test AAAA: fd77::1/m)
    expect(said).toMatch(
      /^web http:\/\/10\.77\.0\.1\/: Hello you@culvert\.test, you came through the tunnel/m,
    )
    expect(said).not.toContain('FAILED')
    const [holder] = holders(demo.child.pid!)
    const made = namespacesOf(holder!)
    expect(made).toHaveLength(2)
    // Programs of this user go through it too.
    const ping = ['ping', '-c', '2', '-i', '0.2', '10.77.0.1']
    const [program = '', ...args] = [...enter(holder!), ...ping]
    expect(execFileSync(program, args, { encoding: 'utf8' })).toContain(' 0% packet loss')
    expect(await demo.end('SIGINT')).toBe(0)
    expect(isAlive(holder!)).toBe(false)
    expect(leftOf(made)).toEqual([])
    expect(demo.complaints).toEqual([])
  })

  test('kill -9 leaves nothing either', async () => {
    const demo = start(command())
    await demo.line(/^ping 10\.77\.0\.1: answered/)
    const [holder] = holders(demo.child.pid!)
    const made = namespacesOf(holder!)
    await demo.end('SIGKILL')
    await vi.waitFor(() => expect(isAlive(holder!)).toBe(false), { timeout: 5_000 })
    expect(leftOf(made)).toEqual([])
  })
})

/** No more user namespaces below this one, as an administrator would set it for all, and no privileges in it. */
const withoutNamespaces = [
  ...['unshare', '-U', '-r', 'sh', '-c', 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"', 'sh'],
  ...['setpriv', '--bounding-set', '-all', '--inh-caps', '-all'],
]

test('where user namespaces are forbidden the demo says so in one sentence, and the engine runs all the same', async () => {
  const demo = start([...withoutNamespaces, ...CULVERT, 'start'])
  const sentence = await demo.line(/^culvert: The demo tunnel cannot run here/)
  expect(sentence).toMatch(/does not let you make any/)
  expect(await demo.end('SIGINT')).toBe(0)
})

test.each<[string, (command: readonly string[]) => readonly string[], RegExp]>([
  [
    'as anybody',
    (command) => withTun([...NOBODY, ...command]),
    /^ok +demo +the demo tunnel can run here, in namespaces of its own$/,
  ],
  [
    'without a device file',
    (command) => withoutTun([...NOBODY, ...command]),
    /^ok +demo .*, with a cable in the place of/,
  ],
  [
    'where namespaces are forbidden',
    (command) => [...withoutNamespaces, ...command],
    /^note +demo +The demo tunnel cannot run here: .*does not let you make any/,
  ],
])('culvert doctor says in one sentence whether the demo can run, %s', async (_, as, wanted) => {
  const doctor = start(as([...CULVERT, 'doctor']))
  await doctor.line(wanted)
  await doctor.exited
})

test('connect demo is the same tunnel, and disconnecting gives its namespaces up', async () => {
  const demo = start([...CULVERT, 'connect', 'demo', '--json'])
  await demo.line(/"event":"probe".*100000 octets/)
  const probes = demo.lines
    .filter((line) => line.includes('"event":"probe"'))
    .map((line) => JSON.parse(line).probe.ok)
  expect(probes).toEqual([true, true, true, true, true, true])
  const [holder] = holders(demo.child.pid!)
  const second = start([...CULVERT, 'disconnect', 'demo'])
  expect([await second.exited, ...second.complaints]).toEqual([0])
  expect(isAlive(holder!)).toBe(false)
  expect(await demo.exited).toBe(0)
})
