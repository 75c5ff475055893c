import * as v from 'valibot'
import type { CaptureState } from './capture.ts'
import type { ChecksProgress, ProblemReport } from './checks.ts'
import type { CredentialRead, TrustRead } from './credential.ts'
import type { ImportOutcome, ImportPreview, ImportProgress } from './import.ts'
import type { Lesson } from './lessons.ts'
import {
  LARGEST_FILE,
  LONGEST_SECRET,
  MOST_ANSWERS,
  MOST_COPIED,
  MOST_FILES,
  MOST_KEY_FILES,
} from './limits.ts'
import type { MessageLine } from './message.ts'
import type { GatewayProbe } from './probe.ts'
import type { CheckedDocument, ProfileDocument, SaveOutcome, SecretsState } from './profile.ts'
import type { Place, Settings } from './settings.ts'
import type { AppSnapshot, ErrorSnapshot, PastConnection, Probe } from './snapshot.ts'
import type { Finding, MessageTree } from './tree.ts'

/** What crosses from main to the window when a call is over. A fault is a value: nothing is thrown across. */
export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: ErrorSnapshot }

/** The window asks, main answers. Main parses `argument` before it is used. */
export interface Call<Argument, Answer> {
  readonly kind: 'call'
  readonly argument: v.GenericSchema<unknown, Argument>
  /** Never set: carries the type of the answer. */
  readonly answer?: Answer
}

/** Main tells, the window listens. */
export interface Push<Value> {
  readonly kind: 'push'
  /** Never set: carries the type of the value. */
  readonly value?: Value
}

const call = <Argument, Answer>(
  argument: v.GenericSchema<unknown, Argument>,
  _answer: Shape<Answer>,
): Call<Argument, Answer> => ({ kind: 'call', argument })
const push = <Value>(_value: Shape<Value>): Push<Value> => ({ kind: 'push' })

/** A type as an argument: what main sends is made by us, so it is typed and not parsed. */
type Shape<T> = { readonly of?: T }
const shape = <T>(): Shape<T> => ({})

const nothing = v.undefined()
/** A profile by id or name. */
const profile = v.pipe(v.string(), v.nonEmpty(), v.maxLength(255))
/** By name (`psk`). They travel inward only: no answer and no push ever carries one. */
const secrets = v.pipe(
  v.record(
    v.pipe(v.string(), v.regex(/^[a-zA-Z][\w-]{0,31}$/)),
    v.pipe(v.string(), v.maxLength(LONGEST_SECRET)),
  ),
  v.check((given) => Object.keys(given).length <= 8, 'at most 8 secrets'),
)

/** What was said to the questions of files, by their keys: these hold names of connections, which hold anything. */
const answers = v.pipe(
  v.record(
    v.pipe(v.string(), v.nonEmpty(), v.maxLength(1024)),
    v.pipe(v.string(), v.maxLength(LONGEST_SECRET)),
  ),
  v.check((given) => Object.keys(given).length <= MOST_ANSWERS, 'fewer answers are expected'),
)

const secretName = v.pipe(v.string(), v.regex(/^[a-zA-Z][\w-]{0,31}$/))
const count = v.pipe(v.number(), v.integer(), v.minValue(0))

const wanted = v.pipe(v.string(), v.maxLength(500))

/** Ours: the JSON of no honest profile is longer. */
const LONGEST_DOCUMENT = 1 << 20
/** What an editor sends while somebody types: whether it can be a profile is told, not thrown. */
const document = v.pipe(
  v.record(v.string(), v.unknown()),
  v.check((value) => isPlainJson(value), 'plain JSON of an honest size is expected'),
)

const filesUpTo = (most: number) =>
  v.pipe(
    v.array(
      v.strictObject({
        name: v.pipe(v.string(), v.nonEmpty(), v.maxLength(1024)),
        bytes: v.pipe(
          v.instance(Uint8Array),
          v.check((bytes) => bytes.length <= LARGEST_FILE, 'it is too large'),
        ),
      }),
    ),
    v.minLength(1),
    v.maxLength(most),
  )
const files = filesUpTo(MOST_FILES)
/** Ours: a capture with its tables. */
const MOST_WITH_CAPTURE = 20
/** A file of the page on its side, the path of one on ours. */
const droppedFiles = v.pipe(
  v.array(v.custom<{ readonly name: string }>((one) => typeof one === 'string' && one.length <= 4096)),
  v.minLength(1),
  v.maxLength(MOST_WITH_CAPTURE),
)
/** A private key that main read before and still holds. */
const key = v.optional(count)
const passphrase = v.optional(v.pipe(v.string(), v.maxLength(LONGEST_SECRET)))
const pem = v.pipe(v.string(), v.maxLength(LONGEST_DOCUMENT))

const settings = v.strictObject({
  theme: v.optional(v.picklist(['system', 'light', 'dark'])),
  startAtLogin: v.optional(v.boolean()),
  startHidden: v.optional(v.boolean()),
  keepInTray: v.optional(v.boolean()),
  notifications: v.optional(v.boolean()),
  confirmWhileBusy: v.optional(v.boolean()),
})

/** Every way across the edge between the window and main. Main, preload and window types all derive from it. */
export const contract = {
  app: {
    snapshot: call(nothing, shape<AppSnapshot>()),
    /** The newest snapshot, at most 20 times a second and only while the window can be seen. */
    changed: push(shape<AppSnapshot>()),
    settings: call(nothing, shape<Settings>()),
    /** Answers all settings as they are afterwards. */
    change: call(settings, shape<Settings>()),
    settingsChanged: push(shape<Settings>()),
    /** The small window, or the full one. */
    compact: call(v.strictObject({ on: v.boolean() }), shape<undefined>()),
    /** Puts a text where other programs can paste it from. */
    copy: call(v.strictObject({ text: v.pipe(v.string(), v.maxLength(MOST_COPIED)) }), shape<undefined>()),
    /** The tray, a notification or the command line wants this to be seen. */
    show: push(shape<Place>()),
  },
  session: {
    /**
     * Answers when traffic flows, or with the reason why it does not. `ask`: secrets of earlier are not to be used, the
     * person wants to be asked.
     */
    connect: call(
      v.strictObject({ profile, secrets: v.optional(secrets), key, ask: v.optional(v.boolean()) }),
      shape<undefined>(),
    ),
    /** Without a profile: all of them. Answers how many there were, when the machine is as it was. */
    disconnect: call(v.strictObject({ profile: v.optional(profile) }), shape<number>()),
    /** Tries at once what waits for its next try; answers whether it did wait. */
    retry: call(v.strictObject({ profile }), shape<boolean>()),
    /** Lets out what its kill switch holds back; answers whether there was anything. */
    letOut: call(v.strictObject({ profile }), shape<boolean>()),
    /** Tries a running tunnel out; nothing where nobody is known to answer behind it, or another Culvert carries it. */
    tryOut: call(v.strictObject({ profile }), shape<readonly Probe[]>()),
    /** Messages with a number above `after`, oldest first, at most 2000 of them. */
    messages: call(v.strictObject({ profile, after: count }), shape<readonly MessageLine[]>()),
    /** A message taken apart, without passwords; nothing when it is not kept any more. */
    tree: call(v.strictObject({ profile, number: count }), shape<MessageTree | undefined>()),
    /** Asks whether with the keys in use, and where; answers the files, none when the person did not want to. */
    capture: call(v.strictObject({ profile }), shape<readonly string[]>()),
    /** Which messages above `after` fit: words, or a filter with Wireshark's names. It may take more than one call. */
    find: call(v.strictObject({ profile, wanted, after: count }), shape<Finding>()),
  },
  captures: {
    /** Lets the person choose a capture and tables of keys; `undefined` when they did not. */
    choose: call(nothing, shape<CaptureState | undefined>()),
    /**
     * Files that were dropped: a capture and tables of keys, or tables for the one that is open. The page hands over the
     * files themselves and main gets their paths, so that the page can name no file.
     */
    open: call(v.strictObject({ files: droppedFiles }), shape<CaptureState>()),
    /** Messages with a number above `after`, oldest first, at most 2000 of them. */
    lines: call(v.strictObject({ token: count, after: count }), shape<readonly MessageLine[]>()),
    tree: call(v.strictObject({ token: count, number: count }), shape<MessageTree | undefined>()),
    find: call(v.strictObject({ token: count, wanted, after: count }), shape<Finding>()),
    close: call(nothing, shape<undefined>()),
    /** More of it is read. */
    changed: push(shape<CaptureState>()),
    /** The system opened a capture with Culvert. */
    opened: push(shape<Outcome<CaptureState>>()),
  },
  lessons: {
    all: call(nothing, shape<readonly Lesson[]>()),
    /** Opens a capture of a lesson, by its name, with its keys. */
    open: call(
      v.strictObject({ name: v.pipe(v.string(), v.regex(/^[a-z0-9-]{1,40}$/)) }),
      shape<CaptureState>(),
    ),
  },
  prompts: {
    /** Answers whether somebody still waited. `values`: by the name of the field. */
    answer: call(
      v.strictObject({ id: count, values: secrets, key, save: v.optional(v.boolean()) }),
      shape<boolean>(),
    ),
    cancel: call(v.strictObject({ id: count }), shape<boolean>()),
  },
  profiles: {
    /** A new one, to begin with. */
    blank: call(nothing, shape<ProfileDocument>()),
    /** Puts the demo into the list, where it is not; answers its id. */
    demo: call(nothing, shape<string>()),
    read: call(v.strictObject({ profile }), shape<ProfileDocument>()),
    check: call(v.strictObject({ document }), shape<CheckedDocument>()),
    /** `fresh`: as a new profile, under an id of its own. Secrets go to the keychain. */
    save: call(
      v.strictObject({ document, secrets: v.optional(secrets), key, fresh: v.optional(v.boolean()) }),
      shape<SaveOutcome>(),
    ),
    /** The profile, its saved secrets and its history. */
    remove: call(v.strictObject({ profile }), shape<undefined>()),
    /** Writes it to a file the person chooses; never a secret. Answers whether one was chosen. */
    export: call(v.strictObject({ profile }), shape<boolean>()),
    /** Asks a gateway what it accepts; `cancelled` when it is called off. One at a time: a new question ends the one before. */
    probe: call(v.strictObject({ host: profile }), shape<GatewayProbe>()),
    stopProbe: call(nothing, shape<undefined>()),
    secrets: call(v.strictObject({ profile }), shape<SecretsState>()),
    forget: call(v.strictObject({ profile, name: secretName }), shape<SecretsState>()),
    /** Newest first. */
    history: call(v.strictObject({ profile }), shape<readonly PastConnection[]>()),
  },
  credentials: {
    /**
     * The person's certificate with its private key. `beside`: a certificate, PEM, that a file with the key alone may
     * belong to. `profile`: it has to be the key of the certificate this profile has. Main holds the key until it is
     * used or forgotten.
     */
    read: call(
      v.strictObject({
        files: filesUpTo(MOST_KEY_FILES),
        passphrase,
        beside: v.optional(pem),
        profile: v.optional(profile),
      }),
      shape<CredentialRead>(),
    ),
    forget: call(v.strictObject({ key: count }), shape<undefined>()),
    authorities: call(v.strictObject({ files: filesUpTo(MOST_KEY_FILES), passphrase }), shape<TrustRead>()),
    revocations: call(v.strictObject({ files: filesUpTo(MOST_KEY_FILES) }), shape<TrustRead>()),
  },
  files: {
    /** Lets the person choose; `undefined` when they did not. */
    choose: call(nothing, shape<ImportPreview | undefined>()),
    /** Files that were dropped. */
    read: call(v.strictObject({ files }), shape<ImportPreview>()),
    /** With what the person said to the questions, by `profile name` and question: read once more. */
    again: call(v.strictObject({ token: count, answers }), shape<ImportPreview>()),
    /** `both`: a connection that is there already stays, and this one lies beside it. */
    keep: call(v.strictObject({ token: count, how: v.picklist(['update', 'both']) }), shape<ImportOutcome>()),
    forget: call(v.strictObject({ token: count }), shape<undefined>()),
    /** Ends reading with nothing, and keeping after the connection it is at. */
    stop: call(nothing, shape<undefined>()),
    progress: push(shape<ImportProgress>()),
    /** The system opened a file with Culvert. */
    opened: push(shape<ImportPreview>()),
    /** A file the system opened cannot be used. */
    failed: push(shape<ErrorSnapshot>()),
  },
  checks: {
    /** Answers all of them when the last is done, or those that were when it was cancelled. */
    run: call(v.strictObject({ profile: v.optional(profile) }), shape<ChecksProgress>()),
    cancel: call(nothing, shape<undefined>()),
    progress: push(shape<ChecksProgress>()),
    report: call(v.strictObject({ profile: v.optional(profile), hide: v.boolean() }), shape<ProblemReport>()),
    /** Messages that were read for it so far. */
    reading: push(shape<number>()),
    stopReport: call(nothing, shape<undefined>()),
    /** The text shown last, and nothing else. */
    copyReport: call(nothing, shape<undefined>()),
    /** Answers whether a place was chosen. */
    saveReport: call(nothing, shape<boolean>()),
  },
} as const

export type Contract = typeof contract

type Ask<Argument, Answer> = [Argument] extends [undefined]
  ? () => Promise<Outcome<Answer>>
  : (argument: Argument) => Promise<Outcome<Answer>>

/** The window's side: what the preload script offers it as `window.culvert`. */
export type WindowApi = {
  readonly [Area in keyof Contract]: {
    readonly [Name in keyof Contract[Area]]: Contract[Area][Name] extends Call<infer Argument, infer Answer>
      ? Ask<Argument, Answer>
      : Contract[Area][Name] extends Push<infer Value>
        ? (listener: (value: Value) => void) => () => void
        : never
  }
}

type CallsOf<Area> = {
  readonly [Name in keyof Area as Area[Name] extends Call<infer _A, infer _B>
    ? Name
    : never]: Area[Name] extends Call<infer Argument, infer Answer>
    ? (argument: Argument) => Promise<Answer> | Answer
    : never
}

/** Main's side: one handler for every call. It may throw `VpnFailure`. */
export type Handlers = { readonly [Area in keyof Contract]: CallsOf<Contract[Area]> }

/** The name of the channel of one row. */
export const channelOf = (area: string, name: string): string => `culvert:${area}.${name}`

/** All rows, for those who go through the table. */
export function rows(): readonly {
  readonly area: string
  readonly name: string
  readonly row: Call<unknown, unknown> | Push<unknown>
}[] {
  return Object.entries(contract).flatMap(([area, names]) =>
    Object.entries(names).map(([name, row]) => ({ area, name, row: row as Call<unknown, unknown> })),
  )
}

function isPlainJson(value: unknown): boolean {
  try {
    return JSON.stringify(value).length <= LONGEST_DOCUMENT
  } catch {
    // It goes round in circles.
    return false
  }
}
