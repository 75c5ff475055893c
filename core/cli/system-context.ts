import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, openSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRegistry } from '../crypto/registry.ts'
import { systemRandom } from '../crypto/system-random.ts'
import { VpnFailure } from '../errors.ts'
import { openMachineGateway } from '../gateway/on-machine.ts'
import { ControlClient } from '../manager/control-client.ts'
import { controlPath } from '../manager/control-protocol.ts'
import { examine } from '../manager/doctor.ts'
import { openManager } from '../manager/engine.ts'
import { History } from '../manager/history.ts'
import { HoldFile } from '../manager/hold-file.ts'
import { readFileNamed, readNamed } from '../manager/named-files.ts'
import { loadAddon } from '../native/load.ts'
import { probeGateway } from '../probe/probe.ts'
import { demoProfile } from '../profile/demo.ts'
import { culvertHome } from '../profile/home.ts'
import { ProfileStore } from '../profile/store.ts'
import type { SecretStore } from '../secrets/store.ts'
import type { BackgroundResult, CliContext } from './context.ts'
import { systemTerminal } from './terminal.ts'

/** The real world. `program`: this program's own file, to start it again in the background. */
export function systemContext(program: string, keychain: SecretStore): CliContext {
  const home = culvertHome()
  const profiles = new ProfileStore(home, [demoProfile()])
  const holds = new HoldFile(home)
  return {
    terminal: systemTerminal(),
    home,
    profiles,
    keychain,
    holds,
    now: () => Date.now(),
    openManager: (secret, onNote, attended) =>
      openManager({ profiles, secret, onNote, attended, history: new History(home), holds }),
    openGateway: openMachineGateway,
    findRunning: () => ControlClient.open(controlPath(home)),
    onStop,
    everySecond: (tick) => {
      const timer = setInterval(tick, 1000)
      return () => clearInterval(timer)
    },
    startInBackground: (args, input, attended) => startInBackground(program, home, args, input, attended),
    hasStarter: () => process.connected === true && process.env[ATTENDED] === '1',
    tellStarter: (result) => {
      if (process.send === undefined) return
      process.send(result)
      process.disconnect()
    },
    readFile: async (path) => (await readFileNamed(path)).bytes,
    readFiles: readNamed,
    editText,
    examine: (tell) => examine(profiles, keychain, tell),
    probe: (host) => probeGateway(host, createRegistry(loadAddon()), systemRandom),
  }
}

/** The first signal asks to stop, a second one does not wait: the helper undoes everything by itself then. */
function onStop(stop: () => void): () => void {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  let asked = false
  const listen = (signal: NodeJS.Signals): void => {
    if (asked) {
      // As if nobody had listened: leaving by the door may wait for a keychain that asks for its password.
      process.removeAllListeners(signal)
      process.kill(process.pid, signal)
    }
    asked = true
    stop()
  }
  for (const signal of signals) process.on(signal, listen)
  return () => {
    for (const signal of signals) process.off(signal, listen)
  }
}

/** Tells a process in the background that somebody answers what it is asked. */
const ATTENDED = 'CULVERT_ATTENDED'

function startInBackground(
  program: string,
  home: string,
  args: readonly string[],
  input: string,
  attended: boolean,
): Promise<BackgroundResult> {
  mkdirSync(home, { recursive: true, mode: 0o700 })
  const log = openSync(join(home, 'background.log'), 'w', 0o600)
  const child = spawn(process.execPath, [program, ...args], {
    detached: true,
    stdio: ['pipe', log, log, 'ipc'],
    // A folder that goes away must not be held, nor one that is not there fail us later.
    cwd: '/',
    env: { ...process.env, [ATTENDED]: attended ? '1' : '' },
  })
  return new Promise((resolve) => {
    const fail = (problem: string): void => resolve({ ok: false, error: { kind: 'internal', problem } })
    child.once('error', (error) => fail(error.message))
    child.once('exit', (code) => fail(`the process in the background ended with code ${code}`))
    child.once('message', (result) => {
      const told = result as { readonly ok: true } | Extract<BackgroundResult, { ok: false }>
      resolve(told.ok ? { ok: true, pid: child.pid ?? 0 } : told)
      child.unref()
    })
    child.stdin?.on('error', () => {})
    child.stdin?.end(input)
  })
}

async function editText(text: string, name: string): Promise<string> {
  const editor = process.env.VISUAL || process.env.EDITOR || 'vi'
  const folder = await mkdtemp(join(tmpdir(), 'culvert-edit-'))
  const file = join(folder, name)
  try {
    await writeFile(file, text, { mode: 0o600 })
    // The variable may hold arguments, as in EDITOR="code --wait".
    const { status, error } = spawnSync('/bin/sh', ['-c', `${editor} "$1"`, 'sh', file], { stdio: 'inherit' })
    if (error !== undefined || status !== 0) {
      throw new VpnFailure({
        kind: 'systemRefused',
        what: `open the editor ${editor}`,
        problem: error?.message ?? `it ended with code ${status}`,
      })
    }
    return await readFile(file, 'utf8')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
