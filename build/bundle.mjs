import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { root } from './setup.mjs'

/** The installed command; every other entry is for a checkout only. */
const COMMAND = { entry: 'core/cli/main.ts', output: 'dist/culvert.mjs' }

/** Where the bundle of an entry goes. */
const outputOf = (entry) =>
  entry === COMMAND.entry ? COMMAND.output : join('dist', 'run', entry.replace(/\.ts$/, '.mjs'))

const fingerprint = (path) => {
  const { mtimeMs, size } = statSync(join(root, path), { throwIfNoEntry: false }) ?? {}
  return `${mtimeMs}:${size}`
}

/** True while every file that went into the bundle is as it was, and the settings too. */
function fresh(output, stamp) {
  if (!existsSync(output) || !existsSync(stamp)) return false
  try {
    const inputs = JSON.parse(readFileSync(stamp, 'utf8'))
    return Object.entries(inputs).every(([path, was]) => fingerprint(path) === was)
  } catch {
    return false
  }
}

/**
 * Turns a TypeScript entry into one file Node can run, packages left outside.
 * Returns its absolute path. Does nothing while the inputs are unchanged.
 */
export async function bundle(entry) {
  const output = join(root, outputOf(entry))
  const stamp = `${output}.inputs.json`
  if (fresh(output, stamp)) return output

  const { build } = await import('esbuild')
  const { metafile, outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    outfile: output,
    write: false,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20.19',
    sourcemap: 'linked',
    legalComments: 'none',
    banner: { js: '#!/usr/bin/env node' },
    metafile: true,
    logLevel: 'error',
  })
  mkdirSync(dirname(output), { recursive: true })
  // Written aside and renamed: two commands may start at once.
  for (const file of outputFiles) {
    const aside = `${file.path}.${process.pid}`
    writeFileSync(aside, file.contents, { mode: file.path === output ? 0o755 : 0o644 })
    renameSync(aside, file.path)
  }
  const inputs = [...Object.keys(metafile.inputs), relative(root, import.meta.filename), 'tsconfig.json']
  const aside = `${stamp}.${process.pid}`
  writeFileSync(aside, JSON.stringify(Object.fromEntries(inputs.map((path) => [path, fingerprint(path)]))))
  renameSync(aside, stamp)
  return output
}
