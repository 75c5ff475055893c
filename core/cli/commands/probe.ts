import type { ProbeReport } from '../../probe/probe.ts'
import type { CliContext, ExitCode } from '../context.ts'

/** `culvert probe HOST`: what a gateway accepts; fails when it answers nothing at all. */
export async function probe(context: CliContext, host: string, json: boolean): Promise<ExitCode> {
  const { terminal } = context
  const report = await context.probe(host)
  const silent = report.ikev1.state === 'silent' && report.ikev2.state === 'silent'
  if (json) terminal.out(JSON.stringify(report))
  else for (const line of linesOf(report)) terminal.out(line)
  if (!silent) return 0
  terminal.err(`culvert: ${host} answers nothing to IKE on port 500`)
  return 1
}

function linesOf({ host, address, ikev1, ikev2, packets }: ProbeReport): readonly string[] {
  const list = (what: string, values: readonly string[]): readonly string[] =>
    values.length === 0 ? [] : [`  ${what.padEnd(15)} ${values.join(' ')}`]
  const state = {
    silent: 'no answer',
    refuses: 'answers, and takes nothing of what was tried',
    accepts: 'yes',
  }
  return [
    `${host} (${address}), after ${packets} ${packets === 1 ? 'packet' : 'packets'}; nobody has signed these answers`,
    `IKEv2: ${state[ikev2.state]}`,
    ...list('encryption', ikev2.encryption),
    ...list('integrity', ikev2.integrity),
    ...list('prf', ikev2.prf),
    ...list('groups', ikev2.groups),
    ...(ikev2.cookie ? ['  wants newcomers to show a cookie'] : []),
    ...(ikev2.state === 'refuses' ? list('says', ikev2.says) : []),
    `IKEv1: ${state[ikev1.state]}`,
    ...list('authentication', ikev1.authentication),
    ...list('encryption', ikev1.encryption),
    ...list('hash', ikev1.hash),
    ...list('groups', ikev1.groups),
    ...(ikev1.state === 'accepts' ? [`  aggressive mode ${ikev1.aggressive ? 'yes' : 'no'}`] : []),
    ...(ikev1.aggressive && ikev1.authentication.some((name) => name.includes('PRE_SHARED'))
      ? ['  with a key, aggressive mode gives whoever asks a hash of it to guess at']
      : []),
    ...list('vendor', ikev1.vendorIds),
    ...(ikev1.state === 'refuses' ? list('says', ikev1.says) : []),
  ]
}
