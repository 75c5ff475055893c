import * as v from 'valibot'
import type { AppSnapshot, ErrorSnapshot } from './snapshot.ts'

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
  v.record(v.pipe(v.string(), v.regex(/^[a-zA-Z][\w-]{0,31}$/)), v.pipe(v.string(), v.maxLength(4096))),
  v.check((given) => Object.keys(given).length <= 8, 'at most 8 secrets'),
)

/** Every way across the edge between the window and main. Main, preload and window types all derive from it. */
export const contract = {
  app: {
    snapshot: call(nothing, shape<AppSnapshot>()),
    /** The newest snapshot, at most 20 times a second and only while the window can be seen. */
    changed: push(shape<AppSnapshot>()),
  },
  session: {
    /** Answers when traffic flows, or with the reason why it does not. */
    connect: call(v.strictObject({ profile, secrets: v.optional(secrets) }), shape<undefined>()),
    /** Without a profile: all of them. Answers how many there were, when the machine is as it was. */
    disconnect: call(v.strictObject({ profile: v.optional(profile) }), shape<number>()),
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
