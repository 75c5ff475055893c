// npm run dist [-- dir|tar.gz|deb …]: packages of the app, with electron-builder.
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import { buildApp } from './app.mjs'
import { officialElectron, TRIAL_VERSION, trialElectron } from './electron-runtime.mjs'
import { packaging, policy } from './packaging/config.mjs'
import { notices } from './packaging/notices.mjs'
import { root, setUp, stop } from './setup.mjs'
import { ensurePackages, findProgram } from './system-packages.mjs'

/** What is built and looked at here; others are configured, and electron-builder builds them where their tools are. */
const HERE = ['dir', 'tar.gz', 'deb']

/**
 * Electron for a package, in a folder of its own: switches are set in the files, which must not touch those we run.
 * A package with the trial runtime is for tests, says so in its name, and lies elsewhere.
 */
async function electronFor(trial, folder) {
  const { program, problem } = await officialElectron()
  if (program === undefined && !trial) {
    stop(`${problem}; add \`-- --trial-runtime\` for a package that is good for tests only`)
  }
  const from = dirname(program ?? (await trialElectron()))
  const ours = [join(from, 'resources', 'app'), join(from, 'resources', 'default_app.asar')]
  cpSync(from, folder, { recursive: true, verbatimSymlinks: true, filter: (path) => !ours.includes(path) })
  return program === undefined
    ? { folder, version: TRIAL_VERSION, official: false }
    : { folder, version: undefined, official: true }
}

/** Packages of these kinds; resolves with the folder they lie in. */
export async function buildPackages(targets, { trial }) {
  const lacking = ensurePackages('dist')
  if (lacking) stop(lacking)
  await buildApp()
  const work = mkdtempSync(join(tmpdir(), 'culvert-dist-'))
  try {
    const electron = await electronFor(trial, join(work, 'electron'))
    writeFileSync(join(work, 'org.culvert.helper.policy'), policy())
    writeFileSync(join(work, 'notices.txt'), notices())
    const output = join(root, 'dist', electron.official ? 'packages' : 'packages-for-tests')
    rmSync(output, { recursive: true, force: true })
    // Its own copies of these come from a place not every machine reaches.
    process.env.ELECTRON_BUILDER_7ZIP_PATH ??= findProgram('7za')
    if (!electron.official)
      process.env.CUSTOM_FPM_PATH ??= join(root, 'build', 'packaging', 'deb-without-fpm.mjs')
    const { build, Platform } = await import('electron-builder')
    await build({
      projectDir: root,
      targets: Platform.current().createTarget(targets),
      publish: 'never',
      config: packaging({
        files: work,
        output,
        electron,
        suffix: electron.official ? '' : '-ONLY-FOR-TESTS',
        compression: electron.official ? 'normal' : 'store',
      }),
    })
    return output
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

if (process.argv[1] && resolve(process.argv[1]) === import.meta.filename) {
  await setUp()
  const named = process.argv.slice(2).filter((word) => !word.startsWith('-'))
  const trial = process.env.CI === 'true' || process.argv.includes('--trial-runtime')
  const targets = named.length > 0 ? named : process.platform === 'linux' ? HERE : []
  const output = await buildPackages(targets, { trial }).catch((error) => stop(error.message))
  console.error(`culvert: the packages lie in ${relative(root, output)}`)
}
