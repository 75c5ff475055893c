import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Lab, run, setting } from '../interop/lab.ts'
import { profileFor, secretsFor } from '../interop/profile.ts'
import { loadScenarios } from '../interop/scenarios.ts'
import { readArgs, save, stop } from './project.ts'
import { charonConnectTimes, type Summary, summarize } from './statistics.ts'

/** One for each kind of proof. */
const SCENARIOS = ['ikev2-psk', 'ikev2-cert-rsa', 'ikev2-cert-ecdsa']
const USAGE = `usage: npm run bench -- connect [SCENARIO…] [--runs N]
  scenarios: ${SCENARIOS.join(' ')}, or others of the lab`

/** `culvert-client.ts` in the lab's client namespace: a line in, a line out. */
class WarmClient {
  readonly #child: ChildProcess
  readonly #lines: AsyncIterator<string>

  constructor(program: string, namespace: string, profile: string, secrets: object) {
    this.#child = spawn('ip', ['netns', 'exec', namespace, process.execPath, program, profile], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]()
    this.#child.stdin!.write(`${JSON.stringify(secrets)}\n`)
  }

  /** Connects and disconnects once; milliseconds from initiation to CHILD_SA. */
  async measure(): Promise<number> {
    this.#child.stdin!.write('connect\n')
    const { value, done } = await this.#lines.next()
    if (done) throw new Error("Culvert's client ended early")
    const answer = JSON.parse(value) as { readonly ms?: number; readonly error?: unknown }
    if (answer.ms === undefined) throw new Error(`Culvert could not connect: ${JSON.stringify(answer.error)}`)
    return answer.ms
  }

  async end(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('close', resolve))
    this.#child.stdin!.end()
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 5_000)
    if (this.#child.exitCode === null) await ended
    clearTimeout(timer)
  }
}

/** The bundle of the client, made by the project's own runner. */
async function clientProgram(root: string): Promise<string> {
  const entry = 'test/bench/culvert-client.ts'
  const { code, stderr } = await run(process.execPath, [join(root, 'build/run.mjs'), entry, '--check'])
  if (code !== 0) stop(`${entry} does not start: ${stderr.trim()}`)
  return join(root, 'dist/run/test/bench/culvert-client.mjs')
}

async function connectTimes(root: string, program: string, scenario: string, runs: number) {
  const lab = new Lab(root, scenario, `b${process.pid.toString(36)}`)
  const directory = await mkdtemp(join(tmpdir(), 'culvert-bench-'))
  const culvert: number[] = []
  try {
    const env = await lab.up(false)
    const profile = join(directory, 'profile.json')
    await writeFile(profile, JSON.stringify(profileFor(scenario, env)))
    const client = new WarmClient(program, setting(env, 'LAB_NS_CLIENT'), profile, secretsFor(env))
    try {
      // The first of each loads code and fills caches; it is not counted.
      for (let turn = 0; turn <= runs; turn++) {
        culvert.push(await client.measure())
        await lab.must('connect', scenario)
        await lab.must('release', scenario)
      }
    } finally {
      await client.end()
    }
    const strongswan = charonConnectTimes(await lab.must('logs', scenario, 'client'))
    return { culvert: culvert.slice(1), strongswan: strongswan.slice(1) }
  } finally {
    await lab.down()
    await rm(directory, { recursive: true, force: true })
  }
}

const row = (name: string, { runs, median, min, max }: Summary): string =>
  [
    name.padEnd(22),
    String(runs).padStart(4),
    ...[median, min, max].map((ms) => `${ms.toFixed(2).padStart(8)} ms`),
  ].join('  ')

/** `connect [SCENARIO…] [--runs N]` */
export async function benchConnect(root: string, args: readonly string[]): Promise<void> {
  const { values, positionals: named } = readArgs(USAGE, {
    args: [...args],
    allowPositionals: true,
    options: { runs: { type: 'string', default: '25' } },
  })
  const runs = Number(values.runs)
  if (!Number.isInteger(runs) || runs < 1) stop(USAGE)
  const program = await clientProgram(root)
  const known = new Set(loadScenarios(root).map(({ name }) => name))
  const wanted = named.length > 0 ? named : SCENARIOS
  for (const scenario of wanted) if (!known.has(scenario)) stop(`there is no scenario ${scenario}\n${USAGE}`)

  const scenarios: Record<string, unknown> = {}
  console.log('Initiation to CHILD_SA, interleaved runs against one gateway')
  for (const scenario of wanted) {
    const times = await connectTimes(root, program, scenario, runs)
    const ours = summarize(times.culvert)
    const theirs = summarize(times.strongswan)
    const ratio = ours.median / theirs.median
    console.log(`\n${scenario.padEnd(22)}  runs       median          min          max`)
    console.log(row('Culvert, warm process', ours))
    console.log(row("strongSwan's charon", theirs))
    console.log(`median, Culvert : strongSwan = ${ratio.toFixed(2)} (at most 1.5 wanted)`)
    scenarios[scenario] = {
      culvert: { ...ours, all: times.culvert },
      strongswan: { ...theirs, all: times.strongswan },
      ratioOfMedians: ratio,
    }
  }
  console.log(`written to ${await save(root, 'connect', { unit: 'ms', scenarios })}`)
}
