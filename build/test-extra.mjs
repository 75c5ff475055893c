// npm run test:extra -- [--vectors DIR] [--peers DIR] [--vmlab DIR] [--trial-runtime]: tests on files that may not be part of this
// repository. As with `npm test`, what cannot run is named as skipped, and with CI=true a skip is a failure.
import { existsSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { inElectron } from './in-electron.mjs'
import { root, run, setUp, stop, tool } from './setup.mjs'
import { runVitest } from './vitest-step.mjs'

function options() {
  try {
    return parseArgs({
      options: {
        vectors: { type: 'string' },
        peers: { type: 'string' },
        vmlab: { type: 'string' },
        'trial-runtime': { type: 'boolean' },
      },
    }).values
  } catch (error) {
    return stop(
      `${error.message}. Use: npm run test:extra -- [--vectors DIR] [--peers DIR] [--vmlab DIR] [--trial-runtime]`,
    )
  }
}

/** The folder given, or the usual one beside the checkout; undefined when there is none. */
function folder(given, usual) {
  const path = given === undefined ? join(root, '..', 'shared', usual) : resolve(given)
  if (existsSync(path)) return path
  return given === undefined ? undefined : stop(`there is no folder ${path}.`)
}

const { vectors, peers, vmlab } = options()
const found = {
  CULVERT_VECTORS: folder(vectors, 'vectors'),
  CULVERT_PEERS: folder(peers, 'peers'),
  // A guest takes minutes, so it is started only for who asks for it.
  CULVERT_VMLAB: vmlab === undefined ? undefined : folder(vmlab),
}
const given = Object.fromEntries(Object.entries(found).filter(([, path]) => path !== undefined))
if (Object.keys(given).length === 0)
  stop('nothing to test with: give --vectors DIR, --peers DIR or --vmlab DIR.')

if (vmlab !== undefined && process.getuid?.() !== 0)
  stop('a guest with a kernel of its own needs network namespaces: run it as root.')

await setUp()
const tests = join(root, 'test', 'extra')
if (
  !existsSync(tests) ||
  !readdirSync(tests, { recursive: true }).some((name) => name.endsWith('.test.ts'))
) {
  console.log('culvert: there are no extra tests yet')
  process.exit(0)
}

/** The extra tests of what computes: the vectors, and captures that are decrypted. */
const IN_BOTH_RUNTIMES = ['test/extra/vectors', 'test/extra/esp-captures']

const env = { ...process.env, ...given }
const told = runVitest(tool('vitest'), ['run', '--project', 'extra'], { env })
for (const text of told.first) console.error(`${told.passed ? 'passed only when run again: ' : ''}${text}\n`)
if (!told.passed) stop('the extra tests failed.')
const electron = await inElectron('extra', IN_BOTH_RUNTIMES)
if (electron.skip) {
  console.log(`\nSkipped:\n  extra tests in Electron: ${electron.skip}`)
  if (process.env.CI === 'true') stop('with CI=true nothing may be skipped.')
} else if (!run(electron.command, electron.args, { env: { ...electron.env, ...given } })) {
  stop('the extra tests failed in Electron.')
}

if (found.CULVERT_VMLAB !== undefined) {
  const guests = [
    'build/run.mjs',
    'test/interop/main.ts',
    '--all',
    '--vmlab',
    found.CULVERT_VMLAB,
    '--jobs',
    '1',
  ]
  if (!run(process.execPath, guests)) stop('not every gateway in a guest was served as it should be.')
}

if (found.CULVERT_PEERS !== undefined) {
  if (process.getuid?.() !== 0) {
    console.log('\nSkipped:\n  newer gateways: they make network namespaces, so run it as root')
    if (process.env.CI === 'true') stop('with CI=true nothing may be skipped.')
  } else {
    const interop = ['build/run.mjs', 'test/interop/main.ts', '--all', '--newer', found.CULVERT_PEERS]
    // What a gateway says wrong is the same behind a NAT.
    for (const more of [[], ['--nat', '--without', 'ike-misbehave']])
      if (!run(process.execPath, [...interop, ...more]))
        stop('not every newer gateway was served as it should be.')
    if (!run(process.execPath, ['build/run.mjs', 'test/interop/main.ts', '--formats']))
      stop('not every kind of file describes a gateway as it should.')
  }
}
