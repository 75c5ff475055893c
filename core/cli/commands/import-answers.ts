import { VpnFailure } from '../../errors.ts'
import type { ImportFile } from '../../profile/import/bundle.ts'
import { importFiles } from '../../profile/import/import-files.ts'
import type { ImportResult, Question } from '../../profile/import/result.ts'
import type { CliContext } from '../context.ts'

export interface AnswerOptions {
  /** `name=value`: what the file does not say. */
  readonly set: readonly string[]
  /** The variable that holds the passphrase of a sealed file or of a key. */
  readonly passphraseEnv?: string
}

/**
 * Imports, asks the person for what the files do not say, and imports again with the answers. Throws `VpnFailure` for
 * what stays unanswered (`profileInvalid`, `cancelled`) and as the import does.
 */
export async function importWithAnswers(
  context: CliContext,
  path: string,
  files: readonly ImportFile[],
  options: AnswerOptions,
): Promise<ImportResult> {
  const answers = new Map(options.set.map((pair) => splitAnswer(pair)))
  const { passphraseEnv } = options
  const passphrase = passphraseEnv === undefined ? undefined : process.env[passphraseEnv]
  if (passphrase !== undefined) answers.set('passphrase', passphrase)
  for (;;) {
    const result = await importFiles(files, answers)
    const question = result.questions.find(({ needed }) => needed)
    if (question === undefined) return result
    // The same files are imported anew: what was made of them this time is not used.
    for (const { secrets } of result.profiles) for (const secret of secrets.values()) secret.close()
    answers.set(question.key, await answerTo(context, path, question))
  }
}

function splitAnswer(pair: string): readonly [string, string] {
  const at = pair.indexOf('=')
  if (at < 1) throw unanswered('--set', pair, 'name=value is expected')
  return [pair.slice(0, at), pair.slice(at + 1)]
}

async function answerTo(context: CliContext, path: string, question: Question): Promise<string> {
  const { terminal } = context
  const { name, prompt, secret } = question
  if (!terminal.interactive) {
    const how = secret ? 'give it with --passphrase-env VARIABLE' : `give it with --set ${name}=…`
    throw unanswered(path, name, `it is needed and the file does not say it; ${how}`)
  }
  const answer = secret ? await terminal.askSecret(prompt) : await terminal.ask(prompt)
  if (answer === undefined || answer.trim() === '') throw new VpnFailure({ kind: 'cancelled' })
  return secret ? answer : answer.trim()
}

const unanswered = (source: string, field: string, problem: string): VpnFailure =>
  new VpnFailure({ kind: 'profileInvalid', source, field, problem })
