import type { CliContext, ExitCode } from '../context.ts'

const MARKS = { ok: 'ok  ', warning: 'note', missing: 'NO  ' } as const

/** `culvert doctor`: what a connection needs and this machine lacks; fails when something needed is missing. */
export async function doctor(context: CliContext, json: boolean): Promise<ExitCode> {
  const { terminal } = context
  const findings = await context.examine()
  const missing = findings.filter(({ state }) => state === 'missing')
  if (json) {
    terminal.out(JSON.stringify({ findings }))
    return missing.length === 0 ? 0 : 1
  }
  const width = Math.max(...findings.map(({ name }) => name.length))
  for (const { name, state, detail, tryThis } of findings) {
    terminal.out(`${MARKS[state]}  ${name.padEnd(width)}  ${detail}`)
    for (const advice of tryThis) terminal.out(`${' '.repeat(width + 8)}- ${advice}`)
  }
  if (missing.length === 0) return 0
  terminal.err(`culvert: cannot connect yet: ${missing.map(({ name }) => name).join(', ')}`)
  return 1
}
