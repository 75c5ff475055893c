import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { Namespace } from './namespace.ts'

/** What `culvert connect` said and how it ended. */
interface Ended {
  readonly code: number | null
  readonly kind: unknown
  readonly stderr: string
}

/** A program may take its time to start on a busy machine. */
const PATIENT = { timeout: 20_000 }

let space: Namespace
const program = resolve('dist/culvert.mjs')
let before: string

beforeAll(async () => {
  execFileSync(process.execPath, ['build/run.mjs', 'core/cli/main.ts', '--version'])
  space = new Namespace()
  // The name server of this network does not answer; nobody wants to wait for that as long as glibc does.
  writeFileSync(space.resolvConf, 'nameserver 192.0.2.53\noptions timeout:1 attempts:1\n')
  // Addresses that are still being tried out would look like a change later.
  await vi.waitUntil(() => !space.state().includes('tentative'), { timeout: 5_000 })
  before = space.state()
})
afterAll(() => space.remove())

/** `prefix`: what runs the program, inside the namespace. */
function start(
  host: string,
  prefix: readonly string[] = [],
): { readonly child: ChildProcess; ended: Promise<Ended> } {
  const home = join(space.folder, Math.random().toString(36).slice(2))
  mkdirSync(join(home, 'profiles'), { recursive: true })
  const profile = {
    format: 'culvert-profile',
    version: 1,
    id: 'office',
    name: 'Office',
    gateway: { host },
    localId: 'alice@example.org',
    auth: { method: 'psk' },
  }
  writeFileSync(join(home, 'profiles', 'office.json'), JSON.stringify(profile))
  // Readable by whoever the prefix makes of us.
  for (const folder of [space.folder, home, join(home, 'profiles')]) chmodSync(folder, 0o777)
  const child = spawn(
    'ip',
    [
      ...['netns', 'exec', space.name, ...prefix, process.execPath, program],
      ...['connect', 'office', '--secrets-stdin', '--json'],
    ],
    { env: { ...process.env, CULVERT_HOME: home, CULVERT_RUN_DIR: join(space.folder, 'run') } },
  )
  child.stdin.end('psk=sesame\n')
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (text) => {
    stdout += text
  })
  child.stderr.on('data', (text) => {
    stderr += text
  })
  const ended = new Promise<Ended>((done) => {
    child.on('close', (code) => {
      const failed = stdout
        .split('\n')
        .filter((line) => line.includes('"event":"failed"'))
        .map((line) => JSON.parse(line))
        .at(-1)
      done({ code, kind: failed?.error.kind, stderr })
    })
  })
  return { child, ended }
}

const connect = (host: string, prefix?: readonly string[]): Promise<Ended> => start(host, prefix).ended

test('a name that does not resolve', async () => {
  const { code, kind, stderr } = await connect('gateway.example')
  expect({ code, kind }).toEqual({ code: 1, kind: 'nameNotResolved' })
  expect(stderr).toContain('gateway.example')
  expect(space.state()).toBe(before)
})

test('no way to the gateway is said at once', async () => {
  space.ip('route del default')
  const { code, kind, stderr } = await connect('198.51.100.1')
  space.ip('route add default via 192.0.2.1')
  expect({ code, kind }).toEqual({ code: 1, kind: 'unreachable' })
  expect(stderr).toContain('There is no way to 198.51.100.1 from here')
  expect(space.state()).toBe(before)
})

test('no TUN device, and the gateway is not troubled', async () => {
  const hide = ['unshare', '-m', 'sh', '-c', 'mount -t tmpfs none /dev/net && exec "$@"', 'sh']
  const { code, kind, stderr } = await connect('192.0.2.1', hide)
  expect({ code, kind }).toEqual({ code: 1, kind: 'noTun' })
  expect(stderr).toContain('modprobe tun')
  expect(space.state()).toBe(before)
})

test('no permission: an ordinary user with nobody to ask', async () => {
  const nobody = ['unshare', '-m', 'sh', '-c', 'mount -t tmpfs none /usr/local/bin; exec "$@"', 'sh']
  const drop = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--inh-caps=-all']
  const { code, kind } = await connect(
    '192.0.2.1',
    process.execPath.startsWith('/usr/local') ? drop : [...nobody, ...drop],
  )
  expect({ code, kind }).toEqual({ code: 1, kind: 'noPermission' })
  expect(space.state()).toBe(before)
})

test('Ctrl-C while the gateway does not answer: all is undone', async () => {
  const { child, ended } = start('192.0.2.77')
  await expect.poll(() => space.ip('-o link'), PATIENT).toContain('culvert0')
  child.kill('SIGINT')
  expect(await ended).toMatchObject({ code: 1, kind: 'cancelled' })
  expect(space.state()).toBe(before)
})

test('kill -9 while connecting: the helper undoes all by itself', async () => {
  const { child, ended } = start('192.0.2.77')
  await expect.poll(() => space.ip('-o link'), PATIENT).toContain('culvert0')
  child.kill('SIGKILL')
  await ended
  await expect.poll(() => space.state(), PATIENT).toBe(before)
})

test.each([
  ['noise', 'after the last try the gateway counts as unreachable', 'unreachable'],
  ['broken', 'of answers to us that cannot be read the gateway is told to be broken', 'protocol'],
])('garbage from the network (%s) is no answer: %s', async (what, _, expected) => {
  const garbage = resolve('test/machine/garbage-gateway.mjs')
  const server = spawn('ip', ['netns', 'exec', space.name, process.execPath, garbage, what])
  await new Promise((ready) => server.stdout.once('data', ready))
  const { code, kind } = await connect('127.0.0.1')
  server.kill()
  expect({ code, kind }).toEqual({ code: 1, kind: expected })
  expect(space.state()).toBe(before)
})
