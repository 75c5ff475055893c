import { expect, test } from 'vitest'
import { Dice, mutate } from './mutate.ts'
import { targets } from './targets.ts'

// The short form of `npm run fuzz`: the same steps each time. Formats of files have tests of their own for that.

const ROUNDS = 300

test.each(
  targets()
    .filter(({ name }) => !name.startsWith('import/'))
    .map((target) => [target.name, target] as const),
)(
  '%s: whatever the octets are, nothing is thrown',
  async (_, { seeds, run }) => {
    expect(seeds.length).toBeGreaterThan(0)
    const dice = new Dice(7)
    for (const seed of seeds) await run(seed)
    for (let round = 0; round < ROUNDS; round++) await run(mutate(dice.pick(seeds), dice.pick(seeds), dice))
  },
  60_000,
)
