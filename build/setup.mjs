import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ensurePackages } from './system-packages.mjs'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** Ends with one sentence a person can act on. */
export function stop(sentence) {
  console.error(`culvert: ${sentence}`)
  process.exit(1)
}

/** Runs a command with its output on the terminal; true when it succeeded. */
export function run(command, args, options = {}) {
  return spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options }).status === 0
}

/** The program an installed package brings: started directly, because npx takes half a second to find it. */
export const tool = (name) => join(root, 'node_modules', '.bin', name)

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major < 20 || (major === 20 && minor < 19)) {
    stop(`Node ${process.versions.node} is too old: install Node 20.19 or newer.`)
  }
}

/** `npm ci`, only when the lock file changed since the last time. */
function installDependencies() {
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')
  const stamp = join(root, 'node_modules', '.culvert-lock')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return
  console.error('culvert: installing dependencies with npm ci')
  const { status, error } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
    // Inside `npm test` the outer npm's settings stand in the environment; CI=true must not hide dev dependencies.
    env: { ...process.env, NODE_ENV: '' },
  })
  if (error)
    stop('npm was not found: install it (Debian: apt-get install npm), then run the same command again.')
  if (status !== 0) {
    stop('npm ci failed: check that this machine reaches the npm registry, then run the same command again.')
  }
  writeFileSync(stamp, lock)
}

/** Compiles the addon and the helper; build/native.mjs knows when nothing changed. */
async function buildNativePart() {
  if (!existsSync(join(root, 'build', 'native.mjs'))) return
  const { buildNative, nativeIsFresh } = await import('./native.mjs')
  const sentence = nativeIsFresh() ? undefined : ensurePackages('build')
  if (sentence) stop(sentence)
  try {
    await buildNative()
  } catch (error) {
    stop(`the native part could not be built: ${error instanceof Error ? error.message : error}`)
  }
}

/** Everything a fresh clone needs; adds next to nothing when all is there. Talks on stderr only. */
export async function setUp() {
  checkNode()
  installDependencies()
  await buildNativePart()
}
