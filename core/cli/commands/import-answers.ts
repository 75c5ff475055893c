import { VpnFailure } from '../../errors.ts'
import { closeImport } from '../../manager/import.ts'
import type { ImportFile } from '../../profile/import/bundle.ts'
import { importFiles } from '../../profile/import/import-files.ts'
import type { ImportResult, Question } from '../../profile/import/result.ts'
import type { CliContext } from '../context.ts'

export interface AnswerOptions {
  /** `name=value`: what the file does not say. */
  readonly set: readonly string[]
  /** The variable that holds the passphrase of a sealed file or of a key. */
  readonly passphraseEnv?: string
  /** Names of the secrets that came on standard input. */
  readonly given: readonly string[]
}

/**
 * Imports, asks the person for everything the files do not say, and imports again with the answers. A secret may be
 * left out: connecting asks for it. Throws `VpnFailure` for what stays unanswered (`profileInvalid`, `cancelled`) and as
 * the import does.
 */
export async function importWithAnswers(
  context: CliContext,
  path: string,
  files: readonly ImportFile[],
  options: AnswerOptions,
): Promise<ImportResult> {
  const answers = new Map(options.set.map((pair) => splitAnswer(pair)))
  const { passphraseEnv, given } = options
  const passphrase = passphraseEnv === undefined ? undefined : process.env[passphraseEnv]
  if (passphrase !== undefined) answers.set('passphrase', passphrase)
  const leftOut = new Set<string>(given)
  for (;;) {
    const result = await importFiles(files, answers)
    const open = result.questions.filter(
      ({ key, name, needed }) =>
        needed || (context.terminal.interactive && !leftOut.has(key) && !leftOut.has(name)),
    )
    if (open.length === 0) return result
    // The same files are imported anew: what was made of them this time is not used.
    closeImport(result)
    if (!context.terminal.interactive) throw tellWhatIsMissing(path, open, answers)
    for (const question of open) {
      const answer = await answerTo(context, question)
      if (answer === '') leftOut.add(question.key)
      else answers.set(question.key, answer)
    }
  }
}

function splitAnswer(pair: string): readonly [string, string] {
  const at = pair.indexOf('=')
  if (at < 1) throw unanswered('--set', pair, 'name=value is expected')
  return [pair.slice(0, at), pair.slice(at + 1)]
}

/** What a script has to give, all at once. */
function tellWhatIsMissing(
  path: string,
  open: readonly Question[],
  answers: ReadonlyMap<string, string>,
): VpnFailure {
  const names = [...new Set(open.map(({ name }) => name))]
  if (names.includes('passphrase') && answers.has('passphrase'))
    return unanswered(path, 'passphrase', 'it does not open with this one')
  const ways = names.map((name) =>
    open.some((question) => question.name === name && question.secret)
      ? '--passphrase-env VARIABLE'
      : `--set ${name}=…`,
  )
  const [is, it] = names.length === 1 ? ['it is', 'it'] : ['they are', 'them']
  return unanswered(
    path,
    names.join(', '),
    `${is} needed and the file does not say ${it}; give ${it} with ${ways.join(' ')}`,
  )
}

/** Empty for a secret that is left out. */
async function answerTo({ terminal }: CliContext, question: Question): Promise<string> {
  const { prompt, secret, needed } = question
  const words = needed ? prompt : `${prompt} (empty: asked for when connecting)`
  const answer = secret ? await terminal.askSecret(words) : await terminal.ask(words)
  if (answer === undefined || (needed && answer.trim() === '')) throw new VpnFailure({ kind: 'cancelled' })
  return secret ? answer : answer.trim()
}

const unanswered = (source: string, field: string, problem: string): VpnFailure =>
  new VpnFailure({ kind: 'profileInvalid', source, field, problem })
