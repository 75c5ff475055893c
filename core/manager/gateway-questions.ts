import type { Secret } from '../bytes/secret.ts'
import type { EapQuestion } from '../eap/method.ts'
import { VpnFailure } from '../errors.ts'
import type { Profile } from '../profile/schema.ts'
import type { ManagerDependencies } from './dependencies.ts'
import type { PendingSecrets } from './pending-secrets.ts'
import type { PromptQuestion, Prompts } from './prompts.ts'

/**
 * What a gateway asks in the middle of a negotiation, to the person. Resolves with the answer, or with `undefined` when
 * the person does not want to; what is to be kept waits in `pending`. Throws `VpnFailure` (`secretMissing`) where there is nobody.
 */
export async function askPerson(
  prompts: Prompts,
  needs: Pick<ManagerDependencies, 'attended'>,
  pending: PendingSecrets,
  profile: Profile,
  question: EapQuestion,
  untilMs: number,
): Promise<Secret | undefined> {
  const asked = promptFor(profile, question, untilMs)
  const [field = ''] = asked.fields
  if (needs.attended?.(profile.id) !== true)
    throw new VpnFailure({ kind: 'secretMissing', what: field, profile: profile.name })
  const answer = await prompts.ask(asked)
  if (answer === undefined) return undefined
  const secret = answer.values.get(field)
  for (const [name, value] of answer.values) if (name !== field) value.close()
  if (secret !== undefined && question.what !== 'code') pending.add('password', secret, answer.save)
  return secret
}

function promptFor({ id }: Profile, question: EapQuestion, untilMs: number): PromptQuestion {
  const common = {
    profile: id,
    identity: question.user,
    message: question.message,
    untilMs,
    certificate: undefined,
  }
  switch (question.what) {
    case 'password':
      return { ...common, kind: 'secret', fields: ['password'], canSave: true, refused: question.retry }
    case 'newPassword':
      return { ...common, kind: 'newPassword', fields: ['newPassword'], canSave: true, refused: false }
    case 'code':
      return { ...common, kind: 'code', fields: ['code'], canSave: false, refused: false }
  }
}
