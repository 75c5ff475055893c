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
  /** What the answer is called: `localId`, `psk`, `passphrase`. */
  readonly name: string
  readonly prompt: string
  readonly secret: boolean
  /** The profile cannot be saved without it; else it is asked for again when connecting. */
  readonly needed: boolean
}

export interface ImportAnswers {
  /** What the person said, by the name of the question. */
  readonly answers?: ReadonlyMap<string, string>
  /** Opens what is sealed, and keys. */
  readonly passphrase?: string
}

export interface ImportResult {
  readonly profiles: readonly ImportedProfile[]
  readonly refused: readonly RefusedProfile[]
  readonly questions: readonly Question[]
  readonly report: readonly ReportRow[]
  /** Who signed the file, where it is signed and the signature is right. */
  readonly signers: readonly string[]
}
