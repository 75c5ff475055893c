// @ts-expect-error: plain JavaScript without types
import { ensurePackages } from '../../../build/system-packages.mjs'
import { Wire } from '../../support/tunnel/pair.ts'
import { readArgs, save, stop } from '../project.ts'
import type { Contender } from './contender.ts'
import { addonWithoutCrypto, culvert, plainVeth } from './culvert.ts'
import { type Integrity, integrityOf } from './integrity.ts'
import { type Figures, measure } from './measure.ts'
import { openvpn, wireguardGo } from './peers.ts'
import { culvertToStrongswan, libipsec } from './strongswan.ts'
import { type FigureName, holds, NAMES, type Results, summaryOf, targets } from './targets.ts'

const USAGE = `usage: npm run bench -- datapath [--rounds N] [--seconds S] [--only TEXT,…] [--wireguard-go PATH] [--megabytes N]
  --only: contenders whose names hold one of these; --wireguard-go: a newer one besides Debian's;
  --megabytes: of the streams whose SHA-256 is compared at the end, 1024 unless told (0: none)`

const COLUMNS: readonly { readonly figure: FigureName; readonly head: string; readonly digits: number }[] = [
  { figure: 'up', head: 'Gbit/s', digits: 2 },
  { figure: 'down', head: 'back', digits: 2 },
  { figure: 'four', head: '4 streams', digits: 2 },
  { figure: 'sender', head: 'CPU-s/GB snd', digits: 2 },
  { figure: 'receiver', head: 'rcv', digits: 2 },
  { figure: 'kpps', head: 'UDP64 kpps', digits: 0 },
  { figure: 'idle', head: 'RTT µs', digits: 0 },
  { figure: 'loaded', head: 'loaded', digits: 0 },
  { figure: 'again', head: 'resent/GB', digits: 0 },
  { figure: 'residentKb', head: 'RSS kB', digits: 0 },
  { figure: 'datapathKb', head: 'datapath kB', digits: 0 },
]

function contenders(root: string, wire: Wire, newer: string | undefined): readonly Contender[] {
  const programs = wire.programs()
  const ours = { engine: 'native', suite: 'aes128gcm' } as const
  const end = (name: string, options: Parameters<typeof culvert>[3]) => culvert(name, wire, programs, options)
  const addon = addonWithoutCrypto(root)
  return [
    plainVeth(wire),
    end(NAMES.ours, ours),
    end(NAMES.without, { ...ours, addon }),
    end('Culvert AES-256-GCM', { ...ours, suite: 'aes256gcm' }),
    end('Culvert ChaCha20-Poly1305', { ...ours, suite: 'chacha' }),
    end('Culvert AES-128-CBC+SHA-256', { ...ours, suite: 'aes128-sha256' }),
    end(NAMES.bySoftware, { ...ours, cutBySoftware: true }),
    end('Culvert, TypeScript engine', { ...ours, engine: 'typescript' }),
    libipsec(root),
    culvertToStrongswan(root),
    openvpn(wire),
    wireguardGo(wire),
    ...(newer === undefined ? [] : [wireguardGo(wire, newer)]),
  ]
}

/** Streams through every pair of engines: what comes out must be what went in. */
async function integrity(root: string, wire: Wire, megabytes: number): Promise<readonly Integrity[]> {
  if (megabytes === 0) return []
  const programs = wire.programs()
  const native = { engine: 'native', suite: 'aes128gcm' } as const
  const slow = { ...native, engine: 'typescript' } as const
  const pairs = [
    culvert('native to native', wire, programs, native),
    culvert('native to TypeScript', wire, programs, native, slow),
    culvert('TypeScript to native', wire, programs, slow, native),
    culvertToStrongswan(root),
  ]
  const results: Integrity[] = []
  console.log('\nStreams, by SHA-256')
  for (const contender of pairs) {
    const result = await integrityOf(contender, megabytes)
    const verdict = result.equal ? 'equal' : 'DIFFERENT'
    console.log(`  ${verdict.padEnd(13)} ${megabytes} MiB in ${result.seconds.toFixed(0)} s  ${result.name}`)
    results.push(result)
  }
  return results
}

/** One contender, once. What goes wrong is told and costs it the round, not the run. */
async function once(contender: Contender, seconds: number): Promise<Figures | undefined> {
  try {
    const running = await contender.open()
    try {
      return await measure(running, seconds)
    } finally {
      await running.close()
    }
  } catch (problem) {
    console.error(`bench: ${contender.name}: ${problem instanceof Error ? problem.message : problem}`)
    return undefined
  }
}

function printTable(results: Results): void {
  const width = Math.max(...[...results.keys()].map((name) => name.length))
  console.log(`\nMedians over the rounds, (least–most)`)
  console.log(`${''.padEnd(width)}  ${COLUMNS.map(({ head }) => head.padStart(18)).join('')}`)
  for (const name of results.keys()) {
    const cells = COLUMNS.map(({ figure, digits }) => {
      const summary = summaryOf(results, name, figure)
      if (summary === undefined) return '-'.padStart(18)
      const [median, min, max] = [summary.median, summary.min, summary.max].map((value) =>
        value.toFixed(digits),
      )
      return (summary.runs === 1 ? median! : `${median} (${min}–${max})`).padStart(18)
    })
    console.log(`${name.padEnd(width)}  ${cells.join('')}`)
  }
}

/** True when no ratio falls short. */
function printTargets(results: Results): boolean {
  console.log('\nTargets')
  let good = true
  for (const target of targets(results)) {
    const met = holds(target)
    if (met === false && target.ratio) good = false
    const verdict =
      met === undefined ? 'not measured' : met ? 'holds' : target.ratio ? 'FALLS SHORT' : 'not here'
    const value = target.value === undefined ? '-' : target.value.toFixed(2)
    console.log(
      `  ${verdict.padEnd(13)} ${value.padStart(8)}  ${target.wants} ${target.bound}  ${target.text}`,
    )
  }
  return good
}

/** `datapath …`: everything that carries packets, side by side. Exit status 1 when a ratio falls short. */
export async function benchDatapath(root: string, args: readonly string[]): Promise<void> {
  const { values } = readArgs(USAGE, {
    args: [...args],
    options: {
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '3' },
      only: { type: 'string' },
      'wireguard-go': { type: 'string' },
      megabytes: { type: 'string', default: '1024' },
    },
  })
  const [rounds, seconds, megabytes] = [values.rounds, values.seconds, values.megabytes].map(Number) as [
    number,
    number,
    number,
  ]
  if (!Number.isInteger(rounds) || rounds < 1 || !(seconds >= 2)) stop(USAGE)
  if (!Number.isInteger(megabytes) || megabytes < 0) stop(USAGE)
  const lacking: string | undefined = ensurePackages('bench') ?? ensurePackages('test')
  if (lacking) stop(lacking)

  const wire = new Wire(root)
  const results = new Map<string, Figures[]>()
  let streams: readonly Integrity[] = []
  try {
    const words = values.only?.split(',')
    const all = contenders(root, wire, values['wireguard-go'])
    const chosen = all.filter(({ name }) => !words || words.some((word) => name.includes(word)))
    for (const { name, missing } of chosen) if (missing) console.log(`not measured: ${name} (${missing})`)
    const able = chosen.filter(({ missing }) => missing === undefined)
    for (const { name } of able) results.set(name, [])
    for (let round = 1; round <= rounds; round++) {
      for (const contender of able) {
        const figures = await once(contender, seconds)
        if (figures === undefined) continue
        results.get(contender.name)!.push(figures)
        console.log(`round ${round}: ${contender.name.padEnd(28)} ${JSON.stringify(rounded(figures))}`)
      }
    }
    streams = await integrity(root, wire, megabytes)
  } finally {
    wire.remove()
  }
  printTable(results)
  const good = printTargets(results)
  const verdicts = targets(results).map((target) => ({ ...target, holds: holds(target) }))
  const file = await save(root, 'datapath', {
    rounds,
    seconds,
    contenders: Object.fromEntries(results),
    verdicts,
    streams,
  })
  console.log(`\nwritten to ${file}`)
  if (!good || streams.some(({ equal }) => !equal)) process.exitCode = 1
}

const rounded = (figures: Figures): Record<string, number> =>
  Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, Math.round(value * 100) / 100]))
