import type { LoggedMessage } from '../../core/manager/message-log.ts'
import type { AnyPeer } from './peer.ts'

/** Ours: between two messages of a recording. */
const APART_MS = 11

/** What a peer's inspector has of its connection, numbered from `first`, `APART_MS` between two messages. */
export function recorded(
  { actions }: Pick<AnyPeer, 'actions'>,
  startMs = 0,
  first = 1,
): readonly LoggedMessage[] {
  return actions
    .flatMap((action) => (action.do === 'send' || action.do === 'observe' ? [action.message] : []))
    .map((message, at) => ({ number: at + first, atMs: startMs + at * APART_MS, message }))
}
