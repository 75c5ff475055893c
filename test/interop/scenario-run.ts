import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { CHECKS } from './checks.ts'
import type { Client, ClientFault } from './client.ts'
import { type GatewayLab, Lab, type LabEnv, run, setting } from './lab.ts'
import { differences, machineState } from './machine-state.ts'
import { EXPECTED_FAULTS, EXTRA_CHECKS } from './scenarios.ts'

export interface Outcome {
  readonly scenario: string
  readonly nat: boolean
  readonly ok: boolean
  /** From start of the client's process to connected; absent for scenarios that must fail. */
  readonly connectMs?: number
  readonly seconds: number
  /** What was wrong, or the fault that had to be seen. */
  readonly notes: readonly string[]
  /** What was measured, for the table. */
  readonly remark?: string
}

export interface RunOptions {
  readonly root: string
  readonly prefix: string
  readonly nat: boolean
  /** Where it is not one of the lab's own. */
  makeLab?(): GatewayLab | undefined
  makeClient(lab: GatewayLab, env: LabEnv, directory: string): Promise<Client>
  /** The strongSwan client cannot tell kinds of faults. */
  readonly faultKinds: boolean
}

/** What is wrong with the fault a client reported, compared with the table. */
export function judgeFault(scenario: string, fault: ClientFault): readonly string[] {
  const wanted = EXPECTED_FAULTS[scenario]
  if (!wanted) return [`could not connect: ${JSON.stringify(fault.error)}`]
  const wrong: string[] = []
  if (fault.error.kind !== wanted.kind)
    wrong.push(`kind ${wanted.kind} wanted, got ${JSON.stringify(fault.error)}`)
  for (const [field, value] of Object.entries(wanted.fields)) {
    if (fault.error[field] !== value)
      wrong.push(`${field}: ${value} wanted, got ${String(fault.error[field])}`)
  }
  if (fault.exitCode === 0) wrong.push('exit code 0 after a failure')
  return wrong
}

/** A client may need a moment after its end until the kernel has forgotten its device. */
async function leftBehind(namespace: string, before: Awaited<ReturnType<typeof machineState>>) {
  let found: readonly string[] = []
  for (let tries = 0; tries < 20; tries++) {
    found = differences(before, await machineState(namespace))
    if (found.length === 0) break
    await sleep(150)
  }
  return found.map((difference) => `left behind: ${difference}`)
}

/** Both ends' words in one file that outlives the lab. */
async function keepLogs(lab: GatewayLab, client: Client, { root, nat }: RunOptions): Promise<string> {
  const folder = join(root, 'dist', 'interop')
  await mkdir(folder, { recursive: true })
  const file = join(folder, `${lab.scenario}${nat ? '-nat' : ''}.log`)
  const gateway = await lab.logs().catch((problem: unknown) => String(problem))
  await writeFile(file, `== client\n${client.log()}\n== gateway\n${gateway}`)
  return relative(root, file)
}

async function tryScenario(lab: GatewayLab, env: LabEnv, directory: string, options: RunOptions) {
  const notes: string[] = []
  let remark: string | undefined
  const namespace = setting(env, 'LAB_NS_CLIENT')
  // Without a virtual address the client's side needs an inner address of its own.
  if (setting(env, 'LAB_POOL') === 'none') {
    await run('ip', ['-n', namespace, 'addr', 'add', `${setting(env, 'LAB_OWN4')}/32`, 'dev', 'lo'])
  }
  const before = await machineState(namespace)
  const client = await options.makeClient(lab, env, directory)
  try {
    const mustFail = lab.scenario in EXPECTED_FAULTS
    const attempt = await client.connect()
    if (!attempt.ok) {
      if (!mustFail || options.faultKinds) notes.push(...judgeFault(lab.scenario, attempt.fault))
      const reason = EXPECTED_FAULTS[lab.scenario]?.gatewaySays
      if (reason !== undefined && !reason.test(await lab.logs()))
        notes.push(`the gateway does not say ${reason}`)
    } else if (mustFail) {
      notes.push(`connected, but must fail with ${EXPECTED_FAULTS[lab.scenario]?.kind}`)
    } else {
      const missing = await lab.check()
      if (missing) notes.push(missing)
      const extra = EXTRA_CHECKS[lab.scenario]
      const connected = {
        ...{ lab, env, client, nat: options.nat },
        remark: (text: string) => {
          remark = text
        },
      }
      if (extra && !missing) notes.push(...(await CHECKS[extra](connected)))
    }
    if (attempt.ok) {
      const code = await client.disconnect()
      if (code !== 0) notes.push(`exit code ${code} after an orderly end`)
    }
    notes.push(...(await leftBehind(namespace, before)))
    if (notes.length > 0) notes.push(`everything both ends said: ${await keepLogs(lab, client, options)}`)
    return { notes, connectMs: attempt.ok ? attempt.ms : undefined, remark }
  } finally {
    await client.kill()
  }
}

/** Brings a gateway up, connects, checks, disconnects, compares, and takes everything down again. */
export async function runScenario(scenario: string, options: RunOptions): Promise<Outcome> {
  const start = performance.now()
  const lab = options.makeLab?.() ?? new Lab(options.root, scenario, options.prefix)
  const directory = await mkdtemp(join(tmpdir(), 'culvert-interop-'))
  let notes: readonly string[] = []
  let connectMs: number | undefined
  let remark: string | undefined
  try {
    const env = await lab.up(options.nat)
    const tried = await tryScenario(lab, env, directory, options)
    notes = tried.notes.filter((note) => note !== '')
    ;({ connectMs, remark } = tried)
  } catch (problem) {
    notes = [problem instanceof Error ? problem.message : String(problem)]
  } finally {
    await lab.down().catch((problem: unknown) => {
      notes = [...notes, String(problem)]
    })
    await rm(directory, { recursive: true, force: true })
  }
  return {
    scenario,
    nat: options.nat,
    ok: notes.length === 0,
    seconds: (performance.now() - start) / 1000,
    notes,
    ...(connectMs === undefined ? {} : { connectMs }),
    ...(remark === undefined ? {} : { remark }),
  }
}
