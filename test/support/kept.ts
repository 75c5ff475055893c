import type { MessageSource } from '../../core/capture/source.ts'
import { lineOf } from '../../core/manager/message-line.ts'
import { dissect, type LoggedMessage } from '../../core/manager/message-log.ts'

/** Messages as a log keeps them, under the numbers they have. */
export function kept(messages: readonly LoggedMessage[]): MessageSource {
  const at = (wanted: number) => messages.find(({ number }) => number === wanted)
  return {
    lines: (after = 0, most = Number.POSITIVE_INFINITY) =>
      messages
        .filter(({ number }) => number > after)
        .slice(0, most)
        .map(lineOf),
    line: (number) => {
      const found = at(number)
      return found && lineOf(found)
    },
    tree: (number) => {
      const found = at(number)
      return found && dissect(found.message)
    },
  }
}
