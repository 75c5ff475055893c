import { readCredential } from '../core/cert/own-key.ts'
import type { ImportFile } from '../core/profile/import/bundle.ts'
import { looksLikeCredential, withBeside } from '../core/profile/import/credential.ts'
import type { ReportRow } from '../core/profile/import/report.ts'
import { type ImportAnswers, type ImportResult, question } from '../core/profile/import/result.ts'
import { ownCertificatePem, sessionSecrets } from '../core/profile/sign-in.ts'

/** What its passphrase is called among the questions. */
const PASSPHRASE = 'loose.passphrase'

/**
 * A certificate with its key that lies beside profiles, and that none of them names, is the person's own: for those
 * that sign in by certificate and have none yet. An encrypted one asks for its passphrase.
 */
export function withLooseCredential(
  files: readonly ImportFile[],
  read: ImportResult,
  answers: ImportAnswers,
): ImportResult {
  const left = (row: ReportRow, name: string): boolean =>
    row.file === name && row.field === '' && row.outcome === 'ignored'
  const loose = files.filter(
    ({ name, bytes }) => read.report.some((row) => left(row, name)) && looksLikeCredential(bytes),
  )
  const wanting = read.profiles.filter(
    ({ profile }) => sessionSecrets(profile).includes('key') && ownCertificatePem(profile) === undefined,
  )
  if (loose.length === 0 || wanting.length === 0) return read
  const given = answers.get(PASSPHRASE)
  const found = readCredential(
    loose.map(({ bytes }) => bytes),
    given,
  )
  const named = loose.map(({ name }) => name).join(', ')
  const others = read.report.filter((row) => !loose.some(({ name }) => left(row, name)))
  if (!found.ok) {
    const { why, problem } = found.problem
    if (why !== 'passphraseMissing' && why !== 'passphraseWrong') {
      return { ...read, report: [...others, { file: named, field: '', outcome: 'refused', reason: problem }] }
    }
    const prompt = `${why === 'passphraseWrong' ? 'Not that one: the passphrase' : 'Passphrase'} of ${named}`
    const asked = question('', PASSPHRASE, prompt, { secret: true, needed: false })
    return { ...read, questions: [...read.questions, asked] }
  }
  const { credential } = found
  const rows: ReportRow[] = []
  const row = ({ field, outcome, reason }: ReportRow): void => {
    // Whether the gateway may use that authority is for the person to say.
    const said =
      field === 'gatewayAuth.ca' ? 'an authority came along; Edit trusts the gateway by it' : reason
    rows.push({ file: named, field, outcome, ...(said === undefined ? {} : { reason: said }) })
  }
  const profiles = read.profiles.map((imported) =>
    wanting.includes(imported) ? withBeside(imported, { credential, authorities: [] }, row) : imported,
  )
  credential.key.secret.close()
  return { ...read, profiles, report: [...others, ...rows] }
}
