import type { CliContext, ExitCode } from '../context.ts'

const MARKS = { ok: 'ok  ', warning: 'note', missing: 'NO  ' } as const

/** `culvert doctor`: what a connection needs and this machine lacks; fails when something needed is missing. */
export async function doctor(context: CliContext, json: boolean): Promise<ExitCode> {
  const { terminal } = context
  const shows = terminal.screen && !json
  const findings = await context.examine((done, total) => {
    if (shows) terminal.redraw(`Looked at ${done} of ${total} things. Ctrl-C ends it.`)
  })
  const missing = findings.filter(({ state }) => state === 'missing')
  if (json) {
    terminal.out(JSON.stringify({ findings }))
    return missing.length === 0 ? 0 : 1
  }
  const width = Math.max(...findings.map(({ name }) => name.length))
  const lines = findings.flatMap(({ name, state, detail, tryThis }) => [
    `${MARKS[state]}  ${name.padEnd(width)}  ${detail}`,
    ...tryThis.map((advice) => `${' '.repeat(width + 8)}- ${advice}`),
  ])
  if (shows) terminal.redraw(lines.join('\n'))
  else for (const line of lines) terminal.out(line)
  if (missing.length === 0) return 0
  terminal.err(`culvert: cannot connect yet: ${missing.map(({ name }) => name).join(', ')}`)
  return 1
}
