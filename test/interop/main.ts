// npm run interop -- NAME… | --all | --representative [--nat] [--json] [--reference] [--vmlab DIR] [--jobs N]
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { missingPrograms } from './checks.ts'
import { culvertClient } from './culvert-client.ts'
import { FORMATS } from './formats/index.ts'
import { GUEST_SCENARIOS, GuestLab } from './guest-lab.ts'
import { run } from './lab.ts'
import { inLanes } from './lanes.ts'
import { referenceClient } from './reference-client.ts'
import { markdown, rowsIn, rowsOf, textTable } from './report.ts'
import { type Outcome, runScenario } from './scenario-run.ts'
import { EXTRA_CHECKS, isNewer, loadScenarios, REPRESENTATIVE, unsupportedReason } from './scenarios.ts'

interface Job {
  readonly scenario: string
  readonly nat: boolean
  /** Of the file that describes the gateway. */
  readonly format: string
}

type Result = Outcome & Pick<Job, 'format'>

const USAGE = `usage: npm run interop -- NAME… | 'PREFIX*' | --all | --representative
  --newer DIR   with --all: those that need the newer strongSwan, which lies in that folder
  --vmlab DIR   with --all: the gateways in a guest, which the program in that folder starts
  --without P   with --all: not those whose names begin so
  --nat         the client sits behind a NAT
  --reference   strongSwan's own client instead of Culvert, to try the lab itself
  --jobs N      scenarios side by side (2), and twice as many of those that mostly wait
  --report F    adds what came of it to the table in this file (Markdown)
  --program F   this command line instead of the checkout's own
  --format F    the gateway is described by a file of this format
  --formats     one gateway for each format, described by a file of it
  --json        one JSON object per scenario and nothing else`

function stop(sentence: string): never {
  console.error(`interop: ${sentence}`)
  process.exit(2)
}

/** The folder of package.json, wherever this file was bundled to. */
function projectRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) {
    if (dirname(folder) === folder) stop('run this inside a checkout')
    folder = dirname(folder)
  }
  return folder
}

function options() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        all: { type: 'boolean', default: false },
        representative: { type: 'boolean', default: false },
        nat: { type: 'boolean', default: false },
        newer: { type: 'string' },
        vmlab: { type: 'string' },
        without: { type: 'string' },
        reference: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        program: { type: 'string' },
        format: { type: 'string', default: 'culvert' },
        formats: { type: 'boolean', default: false },
        jobs: { type: 'string', default: '2' },
        report: { type: 'string' },
      },
    })
  } catch (problem) {
    return stop(`${problem instanceof Error ? problem.message : problem}\n${USAGE}`)
  }
}

const { values, positionals } = options()
const root = projectRoot()
let stopping = false
const scenarios = loadScenarios(root)
if (values.newer !== undefined) process.env.LAB_PEERS = resolve(values.newer)
const say = (line: string): void => {
  if (!values.json) console.log(line)
}

/** `ikev1-*`: those that can be run; a name without a star is itself. */
function matching(pattern: string): readonly string[] {
  if (!pattern.endsWith('*')) return [pattern]
  const named = scenarios.filter(({ name }) => name.startsWith(pattern.slice(0, -1)))
  for (const one of named) {
    const reason = unsupportedReason(one)
    if (reason !== undefined) say(`not run, ${reason}: ${one.name}`)
  }
  return named.filter((one) => unsupportedReason(one) === undefined).map(({ name }) => name)
}

function chosenJobs(): readonly Omit<Job, 'format'>[] {
  const { nat } = values
  if (values.representative) {
    return [
      ...REPRESENTATIVE.direct.map((scenario) => ({ scenario, nat: false })),
      ...REPRESENTATIVE.nat.map((scenario) => ({ scenario, nat: true })),
    ]
  }
  if (values.all && values.vmlab !== undefined)
    return GUEST_SCENARIOS.map((scenario) => ({ scenario, nat: false }))
  if (values.all) {
    const jobs: Omit<Job, 'format'>[] = []
    const unsupported = new Map<string, string[]>()
    const { newer, without } = values
    const wanted = scenarios.filter(
      (one) => isNewer(one) === (newer !== undefined) && !(without && one.name.startsWith(without)),
    )
    for (const scenario of wanted) {
      const reason = unsupportedReason(scenario)
      if (reason === undefined) jobs.push({ scenario: scenario.name, nat })
      else unsupported.set(reason, [...(unsupported.get(reason) ?? []), scenario.name])
    }
    for (const [reason, names] of unsupported) say(`not run, ${reason}: ${names.join(' ')}`)
    return jobs
  }
  if (positionals.length === 0) stop(`which scenario?\n${USAGE}`)
  return positionals.flatMap(matching).map((name) => {
    if (GUEST_SCENARIOS.includes(name)) {
      if (values.vmlab === undefined) stop(`${name}: --vmlab DIR says where the guest is started`)
      return { scenario: name, nat: false }
    }
    const scenario = scenarios.find((each) => each.name === name)
    if (!scenario) stop(`there is no scenario ${name}: test/lab/lab list names them all`)
    const reason = unsupportedReason(scenario)
    if (reason !== undefined) stop(`${name}: ${reason}`)
    return { scenario: name, nat }
  })
}

const labelOf = ({ scenario, nat, format }: Job): string =>
  `${scenario}${nat ? ' --nat' : ''}${format === 'culvert' ? '' : ` --format ${format}`}`

function report(outcome: Result): void {
  if (values.json) {
    console.log(JSON.stringify(outcome))
    return
  }
  const time = outcome.connectMs === undefined ? '' : `connected in ${outcome.connectMs.toFixed(0)} ms, `
  console.log(`${outcome.ok ? 'ok  ' : 'FAIL'} ${labelOf(outcome)}: ${time}${outcome.seconds.toFixed(1)} s`)
  for (const note of outcome.notes) console.log(note.replace(/^/gm, '       '))
}

async function keepReport(file: string, outcomes: readonly Result[]): Promise<void> {
  const known = rowsIn(await readFile(file, 'utf8').catch(() => ''))
  await writeFile(file, markdown(rowsOf(outcomes, known), scenarios))
  say(`written to ${file}`)
}

/** The command line as it is installed, bundled if it is not yet. */
async function culvertProgram(): Promise<string> {
  const { code, stderr } = await run(process.execPath, [
    join(root, 'build/run.mjs'),
    'core/cli/main.ts',
    '--version',
  ])
  if (code !== 0) stop(`Culvert's command line does not start: ${stderr.trim()}`)
  return join(root, 'dist/culvert.mjs')
}

if (process.getuid?.() !== 0) stop('it makes network namespaces, so run it as root')
const missing = await missingPrograms()
if (missing.length > 0) stop(`apt-get install --no-install-recommends ${missing.join(' ')}`)
if (!FORMATS.has(values.format))
  stop(`there is no format ${values.format}; there are ${[...FORMATS.keys()].join(', ')}`)
const formats = [...FORMATS.keys()]
const fromFiles = (names: readonly string[]): readonly Job[] =>
  names.flatMap((format) => {
    const known = FORMATS.get(format)
    return known === undefined ? [] : [{ scenario: known.scenario, format, nat: values.nat }]
  })
const jobs: readonly Job[] = [
  ...(values.formats ? [] : chosenJobs().map((job) => ({ ...job, format: values.format }))),
  ...fromFiles(values.formats ? formats : values.representative ? REPRESENTATIVE.formats : []),
]
const program = values.reference ? '' : (values.program ?? (await culvertProgram()))
const prefix = `i${process.pid.toString(36)}`
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  // What runs is finished and taken down; a second signal ends this program at once.
  process.once(signal, () => {
    stopping = true
    process.exitCode = 130
  })
}
const guestLab = (scenario: string): GuestLab | undefined => {
  const { vmlab } = values
  const at = GUEST_SCENARIOS.indexOf(scenario)
  if (vmlab === undefined || at < 0) return undefined
  const id = `${(process.pid % 36 ** 3).toString(36)}${at.toString(36)}`
  return new GuestLab(resolve(vmlab), scenario, id, root)
}
const heavy = Number(values.jobs) || 2
// Two that wait are as much as one that computes.
const lanes = { heavy, waiting: 2 * heavy }
const waits = ({ scenario }: Job): boolean => scenario in EXTRA_CHECKS && !GUEST_SCENARIOS.includes(scenario)
const outcomes = await inLanes(
  jobs,
  lanes,
  waits,
  () => stopping,
  async ({ scenario, nat, format }) => {
    const outcome = await runScenario(scenario, {
      root,
      nat,
      prefix: `${prefix}${nat ? 'n' : 'd'}${formats.indexOf(format).toString(36)}`,
      faultKinds: !values.reference,
      makeLab: () => guestLab(scenario),
      makeClient: async (lab, env, directory) =>
        values.reference ? referenceClient(lab) : culvertClient(program, scenario, env, directory, format),
    })
    const result = { ...outcome, format }
    report(result)
    return result
  },
)
for (const line of ['', ...textTable(rowsOf(outcomes))]) say(line)
if (values.report !== undefined) await keepReport(values.report, outcomes)
if (outcomes.some((outcome) => !outcome.ok)) process.exitCode = 1
