import type { ReportRow } from '../../profile/import/report.ts'
import type { RefusedProfile } from '../../profile/import/result.ts'
import { type Profile, sessionSecrets } from '../../profile/schema.ts'
import type { Terminal } from '../terminal.ts'

export interface ImportStory {
  /** What the person named. */
  readonly path: string
  readonly profiles: readonly Profile[]
  readonly report: readonly ReportRow[]
  readonly done: 'Imported' | 'Updated'
  readonly refused?: readonly RefusedProfile[]
  readonly signers?: readonly string[]
  readonly warnings?: readonly string[]
}

/** What became of a file: for people a line for each key that was not simply kept, for machines one object. */
export function tellImported(terminal: Terminal, story: ImportStory, json: boolean): void {
  const { path, profiles, report, done, refused = [], signers = [], warnings = [] } = story
  const names = profiles.map(({ name }) => name)
  if (json) {
    const event = { event: 'imported', file: path, profiles: names, report, refused, warnings, signers }
    return terminal.out(JSON.stringify(event))
  }
  if (done === 'Updated') terminal.out(`Updated ${path}.`)
  else if (names.length > 0) terminal.out(`Imported ${names.join(', ')} from ${path}.`)
  for (const signer of signers) terminal.out(`  signed   ${signer}; whether to trust them is for you to say`)
  const kept = report.filter(({ outcome }) => outcome === 'kept').length
  if (kept > 0) terminal.out(`  kept     ${kept} ${kept === 1 ? 'field' : 'fields'}`)
  for (const { file, field, outcome, reason } of report) {
    if (outcome === 'kept') continue
    const place = [file, field].filter((part) => part !== undefined && part !== '').join(', ')
    terminal.out(`  ${outcome.padEnd(8)} ${place}: ${reason ?? ''}`)
  }
  for (const profile of profiles) {
    const { name, auth } = profile
    const ready =
      !sessionSecrets(profile).includes('key') ||
      auth.method === 'psk' ||
      auth.method === 'xauth' ||
      auth.method === 'manual' ||
      auth.certificate !== undefined
    terminal.out(
      ready
        ? `Connect with: culvert connect ${JSON.stringify(name)}`
        : `Your certificate is still to come: culvert import FILE.p12 --profile ${JSON.stringify(name)}`,
    )
  }
}
