// Electron's crypto is BoringSSL and Node's is OpenSSL: what computes is tested in both.
import { join } from 'node:path'
import { electronPath } from './electron-runtime.mjs'
import { root } from './setup.mjs'

/**
 * How to run tests of a vitest project in the Node inside Electron: `{ command, args, env }`, or `{ skip }` with the
 * reason why there is no Electron here. `filters`: what a test's path must begin with, from the root of the project.
 */
export async function inElectron(project, filters) {
  const trial = process.env.CI === 'true' || process.argv.includes('--trial-runtime')
  try {
    const command = await electronPath({ trial })
    const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
    const paths = filters.map((filter) => join(root, filter))
    const env = { ...process.env, ELECTRON_RUN_AS_NODE: '1' }
    return { command, args: [vitest, 'run', '--project', project, ...paths], env }
  } catch (error) {
    return { skip: error.message }
  }
}
