import type { MessageLine } from '../contract/message.ts'
import type { Tree } from '../inspect/tree.ts'

/** Messages that can be listed and taken apart: those of a connection, or of a capture. */
export interface MessageSource {
  /** Those with a number above `after`, oldest first. */
  lines(after?: number, most?: number): readonly MessageLine[]
  line(number: number): MessageLine | undefined
  /** Taken apart, with what was inside its encryption; `undefined` when it is not kept any more. */
  tree(number: number): Tree | undefined
}
