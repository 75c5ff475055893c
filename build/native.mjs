// Builds what lies in dist/native (the addon, culvert-helper, culvert-space) with CMake, when its sources changed.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { missingPackages } from './system-packages.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const output = join(root, 'dist', 'native')
const stamp = join(output, '.stamp')
const sources = [
  'build/native',
  'core/native',
  'core/esp/native',
  'core/net/helper',
  'core/gateway/demo/namespaces',
  'core/capture/reader',
]
const isSource = (name) => /\.(cc|h|cmake)$/.test(name) || name === 'CMakeLists.txt'

function filesUnder(folder) {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && isSource(entry.name))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort()
}

/** One value for everything that decides what comes out. */
function fingerprint() {
  const missing = missingPackages('build').map((row) => row.package)
  const without = ['libipsec-mb-dev', 'libpcap-dev'].filter((name) => missing.includes(name))
  const hash = createHash('sha256').update(`${process.platform} ${process.arch} ${without}\n`)
  for (const file of sources.flatMap((folder) => filesUnder(join(root, folder)))) {
    hash
      .update(`${relative(root, file)}\n`)
      .update(readFileSync(file))
      .update('\n')
  }
  return hash.digest('hex')
}

/** Whether there is nothing to build. */
export const nativeIsFresh = () => isFresh(fingerprint())

const isFresh = (wanted) =>
  ['culvert.node', 'culvert-helper', 'culvert-space'].every((name) => existsSync(join(output, name))) &&
  existsSync(stamp) &&
  readFileSync(stamp, 'utf8') === wanted

function cmake(args) {
  const { status, error, stdout, stderr } = spawnSync('cmake', args, { cwd: root, encoding: 'utf8' })
  if (error?.code === 'ENOENT') {
    throw new Error('cmake is missing: install it (Debian: apt-get install cmake), then try again.')
  }
  if (error) throw new Error(`cmake could not be started (${error.message}).`)
  return { ok: status === 0, text: `${stdout}${stderr}` }
}

/** The sentence for a configuration that failed. */
function configureFault(text) {
  if (text.includes('CULVERT_MISSING_LIBCRYPTO')) {
    return 'the static OpenSSL library libcrypto.a is missing: install it (Debian: apt-get install libssl-dev), then try again.'
  }
  if (/CMAKE_CXX_COMPILER|C\+\+ compiler|CMAKE_MAKE_PROGRAM|build program/.test(text)) {
    return 'a C++ compiler or make is missing: install them (Debian: apt-get install g++ make), then try again.'
  }
  return undefined
}

/** Keeps the whole output for whoever must look into it. */
function keep(text) {
  const log = join(output, 'build.log')
  writeFileSync(log, text)
  return relative(root, log)
}

/**
 * Builds what is not up to date; throws an `Error` of one sentence. Resolves to true when something was built.
 * `quiet`: no line on stderr about it.
 */
export async function buildNative({ quiet = false } = {}) {
  const wanted = fingerprint()
  if (isFresh(wanted)) return false
  if (!existsSync(join(root, 'node_modules/node-api-headers/include/node_api.h'))) {
    throw new Error('the package node-api-headers is missing: run npm ci, then try again.')
  }
  if (!quiet) console.error('culvert: building the native parts')
  const folder = join(output, 'build')
  mkdirSync(folder, { recursive: true })

  const made = join(folder, 'made')
  const configured = cmake([
    ...['-S', join(root, 'build/native'), '-B', folder],
    ...['-DCMAKE_BUILD_TYPE=Release', `-DCULVERT_OUTPUT=${made}`],
  ])
  if (!configured.ok) {
    const sentence = configureFault(configured.text)
    throw new Error(sentence ?? `the native parts cannot be configured: ${keep(configured.text)} says why.`)
  }
  const built = cmake(['--build', folder, '--parallel', '2'])
  if (!built.ok) throw new Error(`the native parts do not compile: ${keep(built.text)} says why.`)
  for (const name of readdirSync(made)) replace(join(made, name), join(output, name))
  writeFileSync(stamp, wanted)
  return true
}

/** A program that runs from the old file keeps it, and one that starts meanwhile never finds half a file. */
function replace(from, to) {
  const aside = `${to}.${process.pid}.new`
  copyFileSync(from, aside)
  renameSync(aside, to)
}

if (process.argv[1] && resolve(process.argv[1]) === import.meta.filename) {
  try {
    await buildNative()
  } catch (error) {
    console.error(`culvert: ${error.message}`)
    process.exit(1)
  }
}
