import { type BrowserWindow, clipboard } from 'electron'
import type { Handlers } from '../../core/contract/contract.ts'
import { readNamed } from '../../core/manager/named-files.ts'
import type { CheckDesk } from '../check-desk.ts'
import { chooseFiles, saveText } from '../dialogs.ts'
import type { ImportDesk } from '../import-desk.ts'
import { WORDS } from '../words.ts'

/** Import. `window`: the one its dialog belongs to. */
export const fileHandlers = (desk: ImportDesk, window: () => BrowserWindow): Handlers['files'] => ({
  choose: async () => {
    const paths = await chooseFiles(window())
    return paths.length === 0 ? undefined : desk.read((await Promise.all(paths.map(readNamed))).flat())
  },
  read: ({ files }) => desk.read(files),
  again: ({ token, answers }) => desk.again(token, new Map(Object.entries(answers))),
  keep: ({ token, how }) => desk.keep(token, how),
  forget: ({ token }) => {
    desk.forget(token)
    return undefined
  },
  stop: () => {
    desk.stop()
    return undefined
  },
})

/** Checks and the report made of them. `window`: the one its dialog belongs to. */
export const checkHandlers = (desk: CheckDesk, window: () => BrowserWindow): Handlers['checks'] => ({
  run: ({ profile }) => desk.run(profile),
  cancel: () => {
    desk.cancel()
    return undefined
  },
  report: ({ profile, hide }) => desk.report(profile, hide),
  stopReport: () => {
    desk.stopReport()
    return undefined
  },
  copyReport: () => {
    clipboard.writeText(desk.shown)
    return undefined
  },
  saveReport: () => saveText(window(), WORDS.saveReport, 'culvert-report.txt', desk.shown),
})
