import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { root, run } from './setup.mjs'

/** More files than these do not fail by accident. */
const MOST_AGAIN = 4

/**
 * Runs vitest: `command` with `args`, of which those that end in `.test.ts` choose files. Files that fail are run once
 * more when they are few, each alone: a machine can be too busy for one moment. Whatever failed is told by name.
 * Returns `{ passed, first, second }`: whether all passed in the end, and the failures of both runs, a text each.
 */
export function runVitest(command, args, options = {}) {
  const first = once(command, args, options)
  if (first.passed || first.files.length === 0 || first.files.length > MOST_AGAIN)
    return { passed: first.passed, first: first.texts, second: [] }
  console.error(`\nculvert: once more: ${first.files.join(', ')}`)
  const others = args.filter((arg) => !arg.includes('test/'))
  const again = first.files.map((file) => once(command, [...others, file], options))
  return {
    passed: again.every(({ passed }) => passed),
    first: first.texts,
    second: again.flatMap(({ texts }) => texts),
  }
}

function once(command, args, options) {
  const folder = mkdtempSync(join(tmpdir(), 'culvert-test-'))
  const report = join(folder, 'report.json')
  try {
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
    const passed = run(command, [...args, ...reporters], options)
    return { passed, ...failuresIn(report) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** What a report of vitest says has failed: the files, and a text for each test. */
function failuresIn(report) {
  let results
  try {
    results = JSON.parse(readFileSync(report, 'utf8')).testResults
  } catch {
    return { files: [], texts: ['vitest ended without a report'] }
  }
  const failed = results.filter(({ status }) => status === 'failed')
  const texts = failed.flatMap(({ name, message, assertionResults }) => {
    const file = relative(root, name)
    const tests = assertionResults.filter(({ status }) => status === 'failed')
    if (tests.length === 0) return [`${file}: ${shortened(message)}`]
    return tests.map((one) => `${file} > ${one.fullName}: ${shortened(one.failureMessages.join('\n'))}`)
  })
  return { files: failed.map(({ name }) => relative(root, name)), texts }
}

/** As much of it as tells what happened: the end of a log is what most people see of it. */
function shortened(text) {
  const lines = text.split('\n')
  return lines.length > 12 ? [...lines.slice(0, 12), '…'].join('\n') : text
}
