import { expect, test } from 'vitest'
import { type Limits, runHistory } from '../support/history.ts'

/**
 * `CULVERT_HISTORY=17 vitest run …` tells the history of one seed; `CULVERT_HISTORIES=100000` runs that many:
 * `npm test` ten thousand, in a step of its own; among the unit tests it is a part of them.
 */
const only = process.env.CULVERT_HISTORY
/** The other runtime computes the same: a few histories show that it does. */
const usual = process.versions.electron !== undefined ? 300 : 1_500
const count = Number(process.env.CULVERT_HISTORIES ?? usual)

const KINDS: readonly (readonly [string, Limits])[] = [
  ['late, twice and out of order', { loses: false, ends: false }],
  ['lost as well', { loses: true, ends: false }],
  ['with CHILD_SAs closed and farewells', { loses: true, ends: true }],
]

test.each(KINDS)(
  'random histories end in agreement: datagrams %s',
  (name, limits) => {
    const share = Math.ceil(count / KINDS.length)
    const seeds = only === undefined ? Array.from({ length: share }, (_, i) => i + 1) : [Number(only)]
    console.log(`histories, datagrams ${name}: seeds ${seeds[0]} … ${seeds.at(-1)}`)
    for (const seed of seeds) {
      const { problem, story } = runHistory(seed, limits)
      if (only !== undefined) console.log(story.join('\n'))
      if (problem !== undefined) expect.fail(`seed ${seed}: ${problem}\n${story.join('\n')}`)
    }
  },
  120_000,
)
