import type { Outcome } from './scenario-run.ts'
import { EXPECTED_FAULTS, type Scenario } from './scenarios.ts'

/** What is known of a scenario: one cell for each way to the gateway. */
export interface Row {
  readonly scenario: string
  readonly direct?: string
  readonly nat?: string
}

/** `connects`, with what was measured; `refused: authFailed` where that is what must happen; `FAILS`. */
export const cellOf = ({ scenario, ok, remark }: Pick<Outcome, 'scenario' | 'ok' | 'remark'>): string => {
  if (!ok) return 'FAILS'
  const fault = EXPECTED_FAULTS[scenario]
  if (fault !== undefined) return `refused: ${fault.kind}`
  return remark === undefined ? 'connects' : `connects; ${remark}`
}

/** One row a scenario, in the order they came; a later outcome takes the place of an earlier one. */
export function rowsOf(
  outcomes: readonly (Pick<Outcome, 'scenario' | 'nat' | 'ok' | 'remark'> & { readonly format?: string })[],
  known: readonly Row[] = [],
): readonly Row[] {
  const rows = new Map(known.map((row) => [row.scenario, row]))
  for (const outcome of outcomes) {
    const { nat, format = 'culvert' } = outcome
    const name = format === 'culvert' ? outcome.scenario : `${outcome.scenario} (${format})`
    rows.set(name, { ...rows.get(name), scenario: name, [nat ? 'nat' : 'direct']: cellOf(outcome) })
  }
  return [...rows.values()]
}

/** For a terminal: `scenario  direct  behind a NAT`, and how many are not as expected. */
export function textTable(rows: readonly Row[]): readonly string[] {
  const cells = rows.map(({ scenario, direct = '–', nat = '–' }) => [scenario, direct, nat] as const)
  const heads = ['scenario', 'direct', 'behind a NAT'] as const
  const width = (at: 0 | 1): number => Math.max(...[heads, ...cells].map((row) => row[at].length))
  const line = ([name, direct, nat]: readonly [string, string, string]): string =>
    `${name.padEnd(width(0))}  ${direct.padEnd(width(1))}  ${nat}`
  const failed = cells.filter((row) => row.includes('FAILS')).length
  return [line(heads), ...cells.map(line), `${rows.length} scenarios, ${failed} not as expected`]
}

const ROW = /^\| `([\w-]+)` \| [^|]* \| ([^|]*) \| ([^|]*) \|$/
const NOTHING = '–'

/** The rows of a page written by {@link markdown}. */
export function rowsIn(page: string): readonly Row[] {
  return page.split('\n').flatMap((line): Row[] => {
    const [, scenario, direct = NOTHING, nat = NOTHING] = ROW.exec(line) ?? []
    if (scenario === undefined) return []
    return [
      {
        scenario,
        ...(direct === NOTHING ? {} : { direct }),
        ...(nat === NOTHING ? {} : { nat }),
      },
    ]
  })
}

/** The same as a page, in the order of the lab's own table. */
export function markdown(rows: readonly Row[], scenarios: readonly Scenario[]): string {
  const lines = scenarios.flatMap(({ name, description }) => {
    const row = rows.find(({ scenario }) => scenario === name)
    if (row === undefined) return []
    return [
      `| \`${name}\` | ${description.replaceAll('|', '/')} | ${row.direct ?? NOTHING} | ${row.nat ?? NOTHING} |`,
    ]
  })
  return `${[
    '# Gateways Culvert was tried with',
    '',
    'Written by `npm run interop -- --all [--nat] --report docs/interop.md`, which adds what it has seen to what stands here.',
    '`connects`: both phases, traffic, and nothing left behind; a scenario that must fail has to fail with the right reason.',
    '`–`: not tried that way.',
    '',
    '| scenario | what it is | direct | behind a NAT |',
    '|---|---|---|---|',
    ...lines,
  ].join('\n')}\n`
}
