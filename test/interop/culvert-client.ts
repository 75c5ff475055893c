import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Attempt, Client, ClientCounts } from './client.ts'
import { BUNDLE_PASSWORD, FORMATS } from './formats/index.ts'
import { type LabEnv, run, setting } from './lab.ts'
import { secretsFor } from './profile.ts'

/** Longer than seven tries of one message take, on a busy machine. */
const CONNECT_LIMIT_MS = 75_000
const END_LIMIT_MS = 10_000

type Json = Readonly<Record<string, unknown>>

/** Every object of a JSON line, the outermost first. */
function* objects(value: unknown): Generator<Json> {
  if (typeof value !== 'object' || value === null) return
  if (!Array.isArray(value)) yield value as Json
  for (const inner of Object.values(value)) yield* objects(inner)
}

/** The first object of a line that `matches`. */
function find(line: string, matches: (object: Json) => boolean): Json | undefined {
  try {
    for (const object of objects(JSON.parse(line))) if (matches(object)) return object
  } catch {
    // not JSON: a sentence for people
  }
  return undefined
}

/** Names of the profiles that a line of `culvert import --json` tells of. */
function profilesIn(line: string): readonly string[] {
  const event = find(line, (object) => object.event === 'imported')
  return Array.isArray(event?.profiles) ? event.profiles.map(String) : []
}

const isConnected = (object: Json): boolean => object.state === 'connected'
const isFault = (object: Json): boolean => typeof object.kind === 'string'

/** `culvert connect`, as installed, in the client's namespace, with a home of its own. */
export async function culvertClient(
  program: string,
  scenario: string,
  env: LabEnv,
  directory: string,
  format = 'culvert',
): Promise<Client> {
  const namespace = setting(env, 'LAB_NS_CLIENT')
  const inside = ['netns', 'exec', namespace, process.execPath, program]
  const environment = { ...process.env, CULVERT_HOME: join(directory, 'home') }
  const files = FORMATS.get(format)?.describe(scenario, env) ?? []
  const sent = join(directory, 'sent')
  for (const { name, content } of files) {
    await mkdir(dirname(join(sent, name)), { recursive: true })
    await writeFile(join(sent, name), content)
  }
  // Certificates that lie in folders of their own come with the whole folder.
  const folder = files.some(({ name, trust }) => trust === undefined && name.endsWith('.crt'))
  const paths = folder
    ? [sent]
    : files.flatMap(({ name, trust }) => (trust === undefined ? [join(sent, name)] : []))
  const trust = files.flatMap(({ name, trust }) => (trust === undefined ? [] : ['--ca', join(sent, name)]))
  const asked = ['--set', `user=${setting(env, 'LAB_USER')}`, '--passphrase-env', 'BUNDLE_PASSWORD']
  const imported = await run('ip', [...inside, 'import', '--json', ...asked, ...trust, ...paths], {
    env: { ...environment, BUNDLE_PASSWORD },
  })
  if (imported.code !== 0) throw new Error(`import: ${imported.stderr.trim()}`)
  // Some formats have no name for a connection.
  const [profile = ''] = imported.stdout.split('\n').flatMap(profilesIn)

  let child: ChildProcess | undefined
  let ended: Promise<number> | undefined
  let written = ''
  let log = ''

  const within = <T>(promise: Promise<T>, ms: number): Promise<T | undefined> =>
    new Promise((resolve) => {
      const timer = setTimeout(() => resolve(undefined), ms)
      void promise.then((value) => {
        clearTimeout(timer)
        resolve(value)
      })
    })

  const kill = async (): Promise<void> => {
    if (!child || !ended) return
    child.kill('SIGTERM')
    if ((await within(ended, END_LIMIT_MS)) === undefined) {
      child.kill('SIGKILL')
      await ended
    }
  }

  return {
    async connect(): Promise<Attempt> {
      const start = performance.now()
      const process = spawn('ip', [...inside, 'connect', profile, '--secrets-stdin', '--json', '--verbose'], {
        env: environment,
        stdio: ['pipe', 'pipe', 'pipe'],
      })
      child = process
      ended = new Promise((resolve) => process.on('close', (code) => resolve(code ?? 1)))
      process.stdin.on('error', () => {})
      process.stdin.end(`${JSON.stringify(secretsFor(env))}\n`)
      const connected = new Promise<'connected'>((resolve) => {
        const watch = (stream: NodeJS.ReadableStream): void => {
          let partial = ''
          stream.on('data', (chunk: Buffer) => {
            written += chunk
            const lines = (partial + chunk).split('\n')
            partial = lines.pop() ?? ''
            for (const line of lines) log += `${new Date().toISOString().slice(11, 23)} ${line}\n`
            if (lines.some((line) => find(line, isConnected))) resolve('connected')
          })
        }
        watch(process.stdout)
        watch(process.stderr)
      })
      const first = await within(Promise.race([connected, ended]), CONNECT_LIMIT_MS)
      if (first === 'connected') return { ok: true, ms: performance.now() - start }
      await kill()
      const exitCode = await ended
      const faults = written
        .split('\n')
        .map((line) => find(line, isFault))
        .filter((object) => object !== undefined)
      const error = {
        ...faults.at(-1),
        kind: String(faults.at(-1)?.kind ?? (first === undefined ? 'timeout' : 'none')),
      }
      return { ok: false, fault: { error, exitCode } }
    },

    async counts(): Promise<ClientCounts | undefined> {
      const { code, stdout } = await run('ip', [...inside, 'status', '--json'], { env: environment })
      if (code !== 0)
        return { connected: false, ikeRekeys: 0, childRekeys: 0, children: 0, replays: 0, otherDrops: 0 }
      const tunnel = stdout
        .split('\n')
        .map((line) => find(line, (object) => Array.isArray(object.phase2)))
        .find((object) => object !== undefined)
      const children = (tunnel?.phase2 ?? []) as readonly {
        readonly traffic: { readonly replayDrops: number; readonly otherDrops: number }
      }[]
      const rekeys = tunnel?.rekeys as { ike: number; child: number } | undefined
      return {
        connected: tunnel?.state === 'connected',
        ikeRekeys: rekeys?.ike ?? 0,
        childRekeys: rekeys?.child ?? 0,
        children: children.length,
        replays: children.reduce((sum, { traffic }) => sum + traffic.replayDrops, 0),
        otherDrops: children.reduce((sum, { traffic }) => sum + traffic.otherDrops, 0),
      }
    },

    async disconnect(): Promise<number> {
      child?.kill('SIGINT')
      const code = ended && (await within(ended, END_LIMIT_MS))
      if (code !== undefined) return code
      await kill()
      return 1
    },

    kill,
    pid: () => child?.pid,
    log: () => log,
  }
}
