import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { buildPackages } from './dist.mjs'
import { electronPath } from './electron-runtime.mjs'
import { inElectron } from './in-electron.mjs'
import { root, run, setUp, tool } from './setup.mjs'
import { ensurePackages } from './system-packages.mjs'
import { runVitest } from './vitest-step.mjs'

const inCi = process.env.CI === 'true'
const isRoot = process.getuid?.() === 0
const has = (path) => existsSync(join(root, path))

/** Why tests that make TUN devices and network namespaces cannot run here; undefined when they can. */
function noMachine() {
  if (process.platform !== 'linux') return 'network namespaces exist on Linux only'
  if (!isRoot) return 'it makes TUN devices and network namespaces: run `npm test` as root'
  if (!existsSync('/dev/net/tun')) return '/dev/net/tun is missing: load the module with `modprobe tun`'
  return ensurePackages('test')
}

/** The unit tests of everything that computes, for the Node inside Electron. */
const IN_BOTH_RUNTIMES = [
  'test/bytes',
  'test/cert',
  'test/crypto',
  'test/eap',
  'test/esp',
  'test/ike',
  'test/native',
  'test/profile/certificates.test.ts',
  'test/vectors',
]

/** The real app in real Electron, on a display of its own. */
async function window(files, lacking) {
  const skip =
    lacking ?? (process.platform === 'linux' ? ensurePackages('window') : 'Xvfb exists on Linux only')
  if (skip) return { skip }
  try {
    const program = await electronPath({ trial: inCi || process.argv.includes('--trial-runtime') })
    const { command, args } = vitest('window')
    return { command, args: [...args, ...files], env: { ...process.env, CULVERT_ELECTRON: program } }
  } catch (error) {
    return { skip: error.message }
  }
}

/** Two peers in every order, and their random histories, of which the unit tests run a part. */
function histories() {
  const { command, args } = vitest('unit')
  const files = ['test/ike/every-order.test.ts', 'test/ike/histories.test.ts']
  return { command, args: [...args, ...files], env: { ...process.env, CULVERT_HISTORIES: '10000' } }
}

/** Those that need nothing but a display. */
const windowTests = () =>
  readdirSync(join(root, 'test', 'e2e'))
    .filter((name) => name.endsWith('.test.ts') && !['packaged.test.ts', 'connect.test.ts'].includes(name))
    .map((name) => `test/e2e/${name}`)

/** The Debian package, and the app out of it. */
async function packaged() {
  const made = await window(['test/e2e/packaged.test.ts'], isRoot ? ensurePackages('dist') : undefined)
  if (made.skip) return made
  const trial = inCi || process.argv.includes('--trial-runtime')
  try {
    const folder = await buildPackages(['deb'], { trial })
    return { ...made, env: { ...made.env, CULVERT_PACKAGES: folder } }
  } catch (error) {
    return { skip: error.message }
  }
}

/** Tests that make TUN devices and network namespaces. */
function machine() {
  const skip = noMachine()
  return skip ? { skip } : vitest('machine')
}

/** Culvert against real gateways: the representative set. */
function interop() {
  const skip = noMachine()
  const args = [join(root, 'build', 'run.mjs'), 'test/interop/main.ts', '--representative']
  return skip ? { skip } : { command: process.execPath, args }
}

/** Why the native datapath cannot be checked under sanitizers here. */
function noSanitizers() {
  if (process.platform !== 'linux') return 'the native datapath is for Linux only'
  const tried = ['address,undefined', 'thread'].every((sanitizer) => {
    const args = [`-fsanitize=${sanitizer}`, '-x', 'c++', '-', '-o', '/dev/null']
    return spawnSync('c++', args, { input: 'int main() {}' }).status === 0
  })
  return tried ? undefined : 'the compiler has no sanitizers: install libasan, libubsan and libtsan'
}

/** The native datapath under sanitizers, in short form. */
function sanitized() {
  const skip = noSanitizers()
  return skip ? { skip } : { command: process.execPath, args: [join(root, 'build', 'datapath-checks.mjs')] }
}

const vitest = (project) => ({
  command: tool('vitest'),
  args: ['run', '--project', project, '--passWithNoTests', '--maxWorkers=100%'],
})

// What `npm test` means, in the order in which a mistake is cheapest to find. Each step is made when its turn comes.
const STEPS = [
  ['types', () => ({ command: tool('tsc'), args: ['--noEmit'] })],
  [
    'types of the window',
    () => ({
      command: tool('svelte-check'),
      args: ['--tsconfig', 'renderer/tsconfig.json', '--fail-on-warnings', '--output', 'human'],
    }),
  ],
  ['lint', () => ({ command: tool('biome'), args: ['check', '.'] })],
  ['unit', () => vitest('unit')],
  ['every order and ten thousand histories', histories],
  ['datapath under sanitizers', sanitized],
  ['unit in Electron', () => inElectron('unit', IN_BOTH_RUNTIMES)],
  ['window', () => window(windowTests())],
  ['packages', packaged],
  ['window with a real gateway', () => window(['test/e2e/connect.test.ts'], noMachine())],
  ...(has('test/machine') ? [['machine', machine]] : []),
  ...(has('core/cli/main.ts') ? [['interop', interop]] : []),
]

await setUp()
const skipped = []
const failed = []
const told = []
for (const [name, make] of STEPS) {
  console.log(`\n== ${name}`)
  const { command, args, env, skip } = await make()
  if (skip) {
    skipped.push(`${name}: ${skip}`)
    console.log(`skipped: ${skip}`)
  } else if (!passes(name, command, args, env && { env })) {
    failed.push(name)
    console.error(`culvert: ${name} failed`)
  }
}

/** Runs one step, and keeps for the end what it says has failed. */
function passes(name, command, args, options) {
  if (!args.includes('--project')) return run(command, args, options)
  const { passed, first, second } = runVitest(command, args, options)
  for (const text of first) told.push(`${name}: ${passed ? 'passed only when run again: ' : ''}${text}`)
  for (const text of second) told.push(`${name}: again: ${text}`)
  return passed
}

if (skipped.length > 0) {
  console.log(`\nSkipped:\n${skipped.map((line) => `  ${line}`).join('\n')}`)
  if (inCi) console.error('culvert: with CI=true nothing may be skipped')
}
if (told.length > 0) console.error(`\n${told.join('\n\n')}`)
// Every step has run, so that one mistake does not hide another.
if (failed.length > 0) console.error(`\nculvert: failed: ${failed.join(', ')}`)
// At once: what electron-builder brings along waits for the end of its own accord, and makes a success of it.
process.exit(failed.length > 0 || (inCi && skipped.length > 0) ? 1 : 0)
