// npm start: the window where Electron and a display are there, else the same engine in the terminal.
import { spawn } from 'node:child_process'
import { electronPath } from './electron-runtime.mjs'
import { runFile } from './run.mjs'
import { root, setUp, stop } from './setup.mjs'

const TRIAL = '--trial-runtime'
const TERMINAL = '--terminal'

/** Why there can be no window, as a sentence without its full stop; undefined when there can. */
export function noWindow(env, platform, uid) {
  if (platform === 'linux' && !env.DISPLAY && !env.WAYLAND_DISPLAY) return 'there is no display'
  // The pages' sandbox is never switched off, and it does not work for root.
  if (platform !== 'win32' && uid === 0)
    return 'the window does not run as root: its sandbox needs an ordinary user'
  return undefined
}

/** Runs the app and ends as it ends. */
function become(program, args) {
  const child = spawn(program, [root, ...args], { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('error', (error) => stop(`Electron does not start: ${error.message}`))
  child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)))
}

/** The Electron to use; undefined after saying in one line why there is none. */
async function find(args) {
  if (args.includes(TERMINAL)) return undefined
  const trial = args.includes(TRIAL) || process.env.CI === 'true'
  const problem = noWindow(process.env, process.platform, process.getuid?.())
  try {
    if (problem) throw new Error(problem)
    return await electronPath({ trial })
  } catch (error) {
    console.error(`culvert: ${error.message}. Running in the terminal instead.`)
    return undefined
  }
}

async function main(given) {
  await setUp()
  const args = given.filter((argument) => argument !== TRIAL && argument !== TERMINAL)
  const program = await find(given)
  if (program === undefined) return runFile('core/cli/main.ts', ['start', ...args])
  const { buildApp } = await import('./app.mjs')
  await buildApp().catch((error) => stop(error.message))
  become(program, args)
}

if (process.argv[1] === import.meta.filename) await main(process.argv.slice(2))
