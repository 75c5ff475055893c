import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Secret } from '../bytes/secret.ts'
import type { CaptureFiles } from '../contract/capture.ts'
import type { MessageLine } from '../contract/message.ts'
import type { AppSnapshot } from '../contract/snapshot.ts'
import type { Finding, MessageTree } from '../contract/tree.ts'
import type { VpnError } from '../errors.ts'

/** One call, as a line of JSON. Secrets travel inward only. */
export type ControlCall =
  | { readonly id: number; readonly call: 'snapshot' }
  | { readonly id: number; readonly call: 'subscribe' }
  | {
      readonly id: number
      readonly call: 'connect'
      readonly profile: string
      readonly secrets?: Readonly<Record<string, string>>
      /** Until this end goes away, a person is here who answers what the gateway asks. */
      readonly attended?: boolean
    }
  /** The answer to a prompt of the snapshot. */
  | {
      readonly id: number
      readonly call: 'answer'
      readonly prompt: number
      readonly values: Readonly<Record<string, string>>
    }
  | { readonly id: number; readonly call: 'cancel'; readonly prompt: number }
  /** Without `profile`: all. */
  | { readonly id: number; readonly call: 'disconnect'; readonly profile?: string }
  /** Those with a number above `after`; without it all that are kept. */
  | {
      readonly id: number
      readonly call: 'messages'
      readonly profile: string
      readonly after?: number
      readonly most?: number
    }
  | { readonly id: number; readonly call: 'tree'; readonly profile: string; readonly number: number }
  | {
      readonly id: number
      readonly call: 'find'
      readonly profile: string
      readonly wanted: string
      readonly after?: number
    }
  /** `keys`: those in use now go along. */
  | { readonly id: number; readonly call: 'capture'; readonly profile: string; readonly keys: boolean }
  /** Tries at once what waits for its next try. */
  | { readonly id: number; readonly call: 'retry'; readonly profile: string }
  /** Lets out what a kill switch holds back. Without `profile`: all. */
  | { readonly id: number; readonly call: 'letOut'; readonly profile?: string }

/** What comes back: one answer for each call, and after `subscribe` every change. */
export type ControlReply =
  | { readonly id: number; readonly ok: true; readonly result: unknown }
  | { readonly id: number; readonly ok: false; readonly error: VpnError }
  | { readonly changed: AppSnapshot }

/** What answers the calls: the manager, in the process that hosts it. */
export interface ControlTarget {
  snapshot(): AppSnapshot
  subscribe(listener: { changed(): void }): () => void
  connect(profile: string, secrets: ReadonlyMap<string, Secret>): Promise<void>
  /** A person at another terminal answers for this profile; → how to leave. */
  attend(profile: string): () => void
  /** Takes over `values`. Whether somebody still waited. */
  answer(prompt: number, values: ReadonlyMap<string, Secret>): boolean
  cancel(prompt: number): boolean
  disconnect(profile?: string): Promise<number>
  messages(profile: string, after?: number, most?: number): Promise<readonly MessageLine[]>
  /** A message taken apart; `undefined` when it made room for others. */
  tree(profile: string, number: number): Promise<MessageTree | undefined>
  /** The messages above `after` that fit what a person typed: words, or a filter with Wireshark's names. */
  find(profile: string, wanted: string, after?: number): Promise<Finding>
  /** The messages that are kept, as files. `keys`: a person was asked, and wants those in use now. */
  capture(profile: string, keys: boolean): Promise<CaptureFiles>
  /** Whether it waited for its next try. */
  retry(profile: string): boolean
  /** The names of the connections whose traffic was held back and is not any more. */
  letOut(profile?: string): Promise<readonly string[]>
}

/** Ours: no honest call is longer, and a longer one must not fill the memory. */
export const LONGEST_LINE = 1 << 20

/** The path of a Unix socket must fit in 108 octets with its end. unix(7) */
const LONGEST_PATH = 100

/** The control socket of a home folder. Where that is too deep for a socket, one in the folder for temporary files. */
export function controlPath(home: string): string {
  if (process.platform === 'win32') return `\\\\.\\pipe\\culvert-${digest(home)}`
  const path = join(home, 'run', 'control.sock')
  if (Buffer.byteLength(path) <= LONGEST_PATH) return path
  const user = process.getuid?.() ?? 0
  return join(process.env.XDG_RUNTIME_DIR ?? tmpdir(), `culvert-${user}-${digest(home)}`, 'control.sock')
}

const digest = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16)

/** Calls `onLine` for each line that arrives in pieces; `false` once a line is too long to be honest. */
export function lineSplitter(onLine: (line: string) => void): (chunk: string) => boolean {
  let pending = ''
  return (chunk) => {
    const lines = (pending + chunk).split('\n')
    pending = lines.pop() ?? ''
    for (const line of lines) if (line.trim() !== '') onLine(line)
    return pending.length <= LONGEST_LINE
  }
}
