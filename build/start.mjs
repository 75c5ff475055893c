import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { runFile } from './run.mjs'
import { root, setUp } from './setup.mjs'

const CLI = 'core/cli/main.ts'

if (existsSync(join(root, CLI))) {
  await runFile(CLI, ['start', ...process.argv.slice(2)])
} else {
  await setUp()
  console.log(
    'Culvert is set up. There is no engine to run in this version yet; `npm test` checks what there is.',
  )
}
