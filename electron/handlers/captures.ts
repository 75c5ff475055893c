import type { BrowserWindow } from 'electron'
import { messageTree } from '../../core/capture/explain.ts'
import { findMessages } from '../../core/capture/find.ts'
import type { Handlers } from '../../core/contract/contract.ts'
import type { CaptureDesk } from '../capture-desk.ts'
import { chooseCapture } from '../dialogs.ts'
import { captureFiles, readLessons } from '../lessons.ts'

/** Messages that cross to the page at once. */
const MOST_MESSAGES = 2_000

/** Captures. `window`: the one its dialog belongs to. */
export const captureHandlers = (desk: CaptureDesk, window: () => BrowserWindow): Handlers['captures'] => ({
  choose: async () => {
    const paths = await chooseCapture(window())
    return paths.length === 0 ? undefined : desk.open(paths)
  },
  // What the page gave as files, the preload script has made paths of.
  open: ({ files }) => desk.open(files as readonly unknown[] as readonly string[]),
  lines: ({ token, after }) => desk.source(token).lines(after, MOST_MESSAGES),
  tree: ({ token, number }) => messageTree(desk.source(token), number),
  find: ({ token, wanted, after }) => findMessages(desk.source(token), wanted, after),
  close: () => {
    desk.close()
    return undefined
  },
})

/** Lessons. `folder`: where their pages and captures lie. */
export const lessonHandlers = (desk: CaptureDesk, folder: string): Handlers['lessons'] => ({
  all: () => readLessons(folder),
  open: ({ name }) => desk.open(captureFiles(folder, name)),
})
