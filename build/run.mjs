// node build/run.mjs FILE.ts ARGS…: sets up, bundles FILE.ts and becomes it. The program runs in this very process, so
// signals, the terminal, the exit status and the process id are its own.
import { existsSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { root, setUp, stop } from './setup.mjs'

/** Sets up and runs a TypeScript file of this project with these arguments. */
export async function runFile(file, args) {
  await setUp()
  const entry = relative(root, resolve(root, file))
  if (!existsSync(join(root, entry))) stop(`there is no ${entry} in this checkout yet.`)
  const { bundle } = await import('./bundle.mjs')
  const output = await bundle(entry).catch(() =>
    stop(`${entry} does not compile: the message above says where.`),
  )
  process.argv = [process.execPath, output, ...args]
  process.setSourceMapsEnabled(true)
  await import(pathToFileURL(output).href)
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const [file, ...args] = process.argv.slice(2)
  if (!file) stop('which file? Use: node build/run.mjs FILE.ts ARGS…')
  await runFile(file, args)
}
