// node build/datapath-checks.mjs [--seconds N] [--seed S]: the native datapath's own checks under sanitizers: random and
// hostile input, faults of the kernel, and SAs that change under traffic. Without --seconds a short form.
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { root, stop } from './setup.mjs'

const { values } = parseArgs({ options: { seconds: { type: 'string' }, seed: { type: 'string' } } })
const seed = values.seed ?? String(values.seconds ? Date.now() : 1)
const seconds = Number(values.seconds ?? 0)

function must(command, args, what) {
  const { status, error, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', cwd: root })
  if (error || status !== 0) {
    process.stderr.write(`${stdout ?? ''}${stderr ?? ''}`)
    stop(`${what} failed${error ? `: ${error.message}` : ''}`)
  }
  return stdout
}

/** Builds what changed and returns the folder of the programs. */
function build(sanitizer) {
  const folder = join(root, 'dist', 'checks', sanitizer.split(',')[0])
  mkdirSync(folder, { recursive: true })
  must('cmake', ['-S', join(root, 'test/native/esp'), '-B', folder, `-DSANITIZE=${sanitizer}`], 'cmake')
  must('cmake', ['--build', folder, '--parallel', '2'], 'building the checks')
  return folder
}

/** Without address-space randomisation, where it may be left out: older sanitizers lose their way in newer kernels'. */
const [first, ...before] = spawnSync('setarch', ['-R', 'true']).status === 0 ? ['setarch', '-R'] : ['env']

function run(folder, program, args) {
  process.stdout.write(must(first, [...before, join(folder, program), '--seed', seed, ...args], program))
}

const swaps = String(seconds > 0 ? seconds * 200 : 1000)
for (const sanitizer of ['address,undefined', 'thread']) {
  console.log(`under -fsanitize=${sanitizer}:`)
  const folder = build(sanitizer)
  if (sanitizer !== 'thread')
    run(folder, 'fuzz', seconds > 0 ? ['--seconds', String(seconds)] : ['--rounds', '200'])
  run(folder, 'faults', [])
  run(folder, 'hammer', ['--swaps', swaps])
}
