// npm run shots -- DIR: a picture of every view and state of the window, light and dark, in the real app.
// npm run shots -- --docs: those that the documentation has, where it has them.
import { join, resolve } from 'node:path'
import { electronPath } from './electron-runtime.mjs'
import { root, run, setUp, stop, tool } from './setup.mjs'
import { ensurePackages } from './system-packages.mjs'

const forDocs = process.argv.includes('--docs')
const [named] = process.argv.slice(2).filter((argument) => !argument.startsWith('-'))
const folder = named ?? (forDocs ? join(root, 'docs', 'pictures') : undefined)
if (folder === undefined) stop('which folder? Use: npm run shots -- DIR')
await setUp()
const lacking = ensurePackages('window')
if (lacking) stop(lacking)
const trial = process.env.CI === 'true' || process.argv.includes('--trial-runtime')
const program = await electronPath({ trial }).catch((error) => stop(error.message))
const env = {
  ...process.env,
  CULVERT_ELECTRON: program,
  CULVERT_SHOTS: resolve(folder),
  CULVERT_SHOTS_FOR_DOCS: String(forDocs),
}
const args = ['run', '--project', 'window', join('test', 'e2e', 'scenes.test.ts')]
process.exitCode = run(tool('vitest'), args, { env }) ? 0 : 1
