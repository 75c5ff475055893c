import { run, setUp } from './setup.mjs'

// What `npm test` means, in the order in which a mistake is cheapest to find.
const STEPS = [
  ['types', 'npx', ['tsc', '--noEmit']],
  ['lint', 'npx', ['biome', 'check', '.']],
  ['unit', 'npx', ['vitest', 'run', '--project', 'unit']],
]

setUp()
for (const [name, command, args] of STEPS) {
  console.log(`\n== ${name}`)
  if (!run(command, args)) {
    console.error(`culvert: ${name} failed`)
    process.exit(1)
  }
}
