// npm run test:extra -- [--vectors DIR] [--peers DIR]: tests on files that may not be part of this repository.
import { existsSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { root, run, setUp, stop, tool } from './setup.mjs'

function options() {
  try {
    return parseArgs({ options: { vectors: { type: 'string' }, peers: { type: 'string' } } }).values
  } catch (error) {
    return stop(`${error.message}. Use: npm run test:extra -- [--vectors DIR] [--peers DIR]`)
  }
}

/** The folder given, or the usual one beside the checkout; undefined when there is none. */
function folder(given, usual) {
  const path = given === undefined ? join(root, '..', 'shared', usual) : resolve(given)
  if (existsSync(path)) return path
  return given === undefined ? undefined : stop(`there is no folder ${path}.`)
}

const { vectors, peers } = options()
const found = { CULVERT_VECTORS: folder(vectors, 'vectors'), CULVERT_PEERS: folder(peers, 'peers') }
const given = Object.fromEntries(Object.entries(found).filter(([, path]) => path !== undefined))
if (Object.keys(given).length === 0) stop('nothing to test with: give --vectors DIR or --peers DIR.')

await setUp()
const tests = join(root, 'test', 'extra')
if (
  !existsSync(tests) ||
  !readdirSync(tests, { recursive: true }).some((name) => name.endsWith('.test.ts'))
) {
  console.log('culvert: there are no extra tests yet')
  process.exit(0)
}
const passed = run(tool('vitest'), ['run', '--project', 'extra'], { env: { ...process.env, ...given } })
if (!passed) stop('the extra tests failed.')
