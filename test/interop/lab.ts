import { spawn } from 'node:child_process'
import { join } from 'node:path'

/** What a finished program said. */
export interface Finished {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program to its end; never throws for a bad exit code. */
export function run(
  command: string,
  args: readonly string[],
  options: { readonly env?: NodeJS.ProcessEnv; readonly input?: string } = {},
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      env: options.env ?? process.env,
      stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    })
    let stdout = ''
    let stderr = ''
    child.stdout!.on('data', (chunk) => (stdout += chunk))
    child.stderr!.on('data', (chunk) => (stderr += chunk))
    child.on('error', reject)
    child.on('close', (code) => resolve({ code: code ?? 1, stdout, stderr }))
    if (options.input !== undefined) child.stdin!.end(options.input)
  })
}

/** Settings of a running gateway, as `lab env` prints them. */
export type LabEnv = ReadonlyMap<string, string>

/** Shell assignments, quoted or not, one a line. */
export function parseEnv(text: string): LabEnv {
  const env = new Map<string, string>()
  for (const line of text.split('\n')) {
    const match = /^([A-Z0-9_]+)=(?:'(.*)'|(.*))$/.exec(line)
    if (match) env.set(match[1]!, match[2] ?? match[3] ?? '')
  }
  return env
}

export function setting(env: LabEnv, key: string): string {
  const value = env.get(key)
  if (value === undefined) throw new Error(`the lab did not say ${key}`)
  return value
}

/** A gateway with its network, wherever it runs. */
export interface GatewayLab {
  readonly scenario: string
  up(nat: boolean): Promise<LabEnv>
  down(): Promise<void>
  /** What is missing; empty when all traffic passes as it should. */
  check(): Promise<string>
  logs(): Promise<string>
  /** What else it can be told, in words of its own. */
  call(...args: string[]): Promise<Finished>
  /** The same; throws where that fails. */
  must(...args: string[]): Promise<string>
}

/** One gateway with its network, under names nobody else uses. */
export class Lab implements GatewayLab {
  readonly scenario: string
  readonly #script: string
  readonly #env: NodeJS.ProcessEnv

  constructor(root: string, scenario: string, prefix: string) {
    this.scenario = scenario
    this.#script = join(root, 'test/lab/lab')
    this.#env = { ...process.env, LAB_PREFIX: prefix }
  }

  async up(nat: boolean): Promise<LabEnv> {
    return parseEnv(await this.must('up', this.scenario, ...(nat ? ['--nat'] : [])))
  }

  async down(): Promise<void> {
    await this.must('down', this.scenario)
  }

  /** What is missing, as the lab names it; empty when all traffic passes as it should. */
  async check(): Promise<string> {
    const { code, stderr } = await this.call('check', this.scenario)
    return code === 0 ? '' : stderr.trim()
  }

  logs(): Promise<string> {
    return this.must('logs', this.scenario)
  }

  call(...args: string[]): Promise<Finished> {
    return run(this.#script, args, { env: this.#env })
  }

  async must(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.call(...args)
    if (code !== 0) throw new Error(`lab ${args.join(' ')}: ${stderr.trim()}`)
    return stdout
  }
}
