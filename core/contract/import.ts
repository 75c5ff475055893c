/** What became of one field of an imported file. */
export interface ImportRow {
  /** The file it stands in, where there are several. */
  readonly file?: string
  /** Dotted path in the file. */
  readonly field: string
  readonly outcome: 'kept' | 'changed' | 'ignored' | 'refused'
  /** Why, for people; absent for what was simply kept. */
  readonly reason?: string
}

/** Files that were read and wait for a yes. */
export interface ImportPreview {
  readonly token: number
  readonly files: readonly { readonly name: string; readonly octets: number }[]
  readonly profiles: readonly {
    readonly id: string
    readonly name: string
    readonly gateway: string
    /** The connection of the list it would update, by name. */
    readonly updates: string | undefined
    /** It is there already, exactly so. */
    readonly same: boolean
    /** How it weakens security: a sentence each. */
    readonly warnings: readonly string[]
    /** Names of the secrets that came along. */
    readonly secrets: readonly string[]
  }[]
  /** What cannot become a connection, each with a clause behind "because". */
  readonly refused: readonly { readonly name: string; readonly reason: string }[]
  /** What the file does not say and the person must. */
  readonly questions: readonly {
    /** The connection it is about; empty for the whole file. */
    readonly profile: string
    readonly name: string
    /** What its answer is called. */
    readonly key: string
    readonly prompt: string
    readonly secret: boolean
    readonly needed: boolean
  }[]
  readonly rows: readonly ImportRow[]
  /** Who signed the file, where that was checked. */
  readonly signers: readonly string[]
}

/** How far reading files, or keeping what was in them, has come. */
export interface ImportProgress {
  readonly what: 'read' | 'keep'
  readonly done: number
  readonly total: number
}

export interface ImportOutcome {
  readonly kept: readonly { readonly id: string; readonly name: string }[]
  /** How many were not added, because the person stopped it. None is there in part. */
  readonly left: number
  /** Why the secrets that came along could not be saved, as a clause. */
  readonly problem: string | undefined
}
