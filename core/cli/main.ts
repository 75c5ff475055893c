import { fileURLToPath } from 'node:url'
import { runCulvert } from './program.ts'
import { systemContext } from './system-context.ts'

const context = systemContext(fileURLToPath(import.meta.url))
const code = await runCulvert(process.argv.slice(2), context)
// Not process.exit: what was written must reach a pipe whole.
process.exitCode = code
