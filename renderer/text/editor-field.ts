import type { CheckedDocument, ProfileDocument } from '../../core/contract/profile.ts'

/** What a field needs to know of the profile around it. `checked` comes a moment after the document. */
export interface Around {
  readonly document: ProfileDocument
  readonly checked: CheckedDocument | undefined
}

/** One of several things a field may say. `value` undefined: it says nothing, and the field is left out. */
export interface Choice {
  readonly value: unknown
  readonly label: string
  /** One sentence, shown while it is chosen. */
  readonly says?: string
}

/** One field of the editor. `path`: where it stands in the profile. */
export interface EditorField {
  readonly path: string
  readonly label: string
  readonly kind:
    | 'text'
    | 'number'
    | 'list'
    | 'switch'
    | 'part'
    | 'choice'
    | 'several'
    | 'suites'
    | 'gateway'
    | 'authorities'
    | 'revocations'
  readonly hint?: string
  /** Left empty, the field is left out. */
  readonly optional?: true
  /** Left empty, this whole part is left out. */
  readonly partOf?: string
  /** What counts where the field is left out. */
  readonly unset?: unknown
  /** Of a choice, or of several at once. */
  readonly choices?: readonly Choice[] | ((around: Around) => readonly Choice[])
  /** Of a part: what there is of it at first. */
  readonly begun?: object
  /** Where it says anything; left out: everywhere. */
  readonly shown?: (around: Around) => boolean
}
