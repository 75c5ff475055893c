import { fileURLToPath } from 'node:url'
import { KeyringSecrets } from '../secrets/keyring.ts'
import { runCulvert } from './program.ts'
import { systemContext } from './system-context.ts'

/** Ours: so long a keychain that still asks for its password holds the end of a command back. */
const KEYCHAIN_MS = 1_000

const keychain = new KeyringSecrets()
const context = systemContext(fileURLToPath(import.meta.url), keychain)
const code = await runCulvert(process.argv.slice(2), context)
// Not process.exit: what was written must reach a pipe whole.
process.exitCode = code
if (!(await keychain.settled(KEYCHAIN_MS))) {
  await context.terminal.ready()
  // Nothing less ends a process in which the keychain still waits for somebody.
  process.kill(process.pid, 'SIGKILL')
}
