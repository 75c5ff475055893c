import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CryptoRegistry } from '../../core/crypto/transforms.ts'
import type { NativeAddon } from '../../core/native/addon.ts'
import { type KnownAnswer, runKnownAnswer } from './cases.ts'
import { Tally, type VectorResult } from './result.ts'

/** What an RFC prints: where it stands there, and its numbers. */
interface Table {
  readonly source: string
  readonly cases: readonly KnownAnswer[]
}

/** The names of all tables in `data`, such as `rfc4231`. */
export const rfcTables = (data: string): string[] =>
  readdirSync(join(data, 'rfc'))
    .filter((name) => name.endsWith('.json'))
    .map((name) => name.slice(0, -'.json'.length))
    .sort()

/** Every number that an RFC gives for a transform of the registry. `data`: the folder of the vectors. */
export function runRfc(data: string, registry: CryptoRegistry, addon: NativeAddon): VectorResult[] {
  return rfcTables(data).map((name) => {
    const { source, cases } = JSON.parse(readFileSync(join(data, 'rfc', `${name}.json`), 'utf8')) as Table
    const tally = new Tally(source)
    for (const answer of cases) runKnownAnswer(tally, answer, { registry, addon })
    return tally.result()
  })
}
