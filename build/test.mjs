import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { root, run, setUp, tool } from './setup.mjs'
import { ensurePackages } from './system-packages.mjs'

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

// What `npm test` means, in the order in which a mistake is cheapest to find.
const STEPS = [
  { name: 'types', command: tool('tsc'), args: ['--noEmit'] },
  { name: 'lint', command: tool('biome'), args: ['check', '.'] },
  { name: 'unit', command: tool('vitest'), args: ['run', '--project', 'unit'] },
  {
    name: 'machine',
    present: has('test/machine'),
    unable: noMachine,
    command: tool('vitest'),
    args: ['run', '--project', 'machine', '--passWithNoTests'],
  },
]

await setUp()
const skipped = []
for (const { name, present = true, unable, command, args } of STEPS) {
  if (!present) continue
  console.log(`\n== ${name}`)
  const reason = unable?.()
  if (reason) {
    skipped.push(`${name}: ${reason}`)
    console.log(`skipped: ${reason}`)
  } else if (!run(command, args)) {
    console.error(`culvert: ${name} failed`)
    process.exit(1)
  }
}

if (skipped.length > 0) {
  console.log(`\nSkipped:\n${skipped.map((line) => `  ${line}`).join('\n')}`)
  if (inCi) {
    console.error('culvert: with CI=true nothing may be skipped')
    process.exit(1)
  }
}
