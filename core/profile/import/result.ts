import type { Secret } from '../../bytes/secret.ts'
import type { Profile } from '../schema.ts'
import type { ReportRow } from './report.ts'

export interface ImportedProfile {
  readonly profile: Profile
  /** By name (`psk`): for the keychain. The caller closes them. */
  readonly secrets: ReadonlyMap<string, Secret>
  /** The id comes from the file's own name of it: importing the file again updates this profile. */
  readonly lasting: boolean
  /** How this profile weakens security, to be said before it is saved; a sentence each. */
  readonly warnings: readonly string[]
}

/** A connection of the file that cannot become a profile. */
export interface RefusedProfile {
  readonly name: string
  /** A clause behind "because": lower case, no full stop. */
  readonly reason: string
}

/** Something the file does not say and the person must. */
export interface Question {
  /** The connection it is about; empty for the whole file. */
  readonly profile: string
  /** What is asked for: `localId`, `psk`, `passphrase`. */
  readonly name: string
  /** What the answer is called: `localId`, or `Office.localId` where one connection asks. */
  readonly key: string
  readonly prompt: string
  readonly secret: boolean
  /** The profile cannot be saved without it; else it is asked for again when connecting. */
  readonly needed: boolean
}

/** What the person said, by the key of a question, or by its name: that answers for every connection that asks. */
export type ImportAnswers = ReadonlyMap<string, string>

export function question(
  profile: string,
  name: string,
  prompt: string,
  kind: { readonly secret: boolean; readonly needed: boolean },
): Question {
  return { profile, name, key: keyOf(profile, name), prompt, ...kind }
}

export const answerTo = (answers: ImportAnswers, profile: string, name: string): string | undefined =>
  answers.get(keyOf(profile, name)) ?? answers.get(name)

const keyOf = (profile: string, name: string): string => (profile === '' ? name : `${profile}.${name}`)

export interface ImportResult {
  readonly profiles: readonly ImportedProfile[]
  readonly refused: readonly RefusedProfile[]
  readonly questions: readonly Question[]
  readonly report: readonly ReportRow[]
  /** Who signed the file, where it is signed and the signature is right. */
  readonly signers: readonly string[]
}
