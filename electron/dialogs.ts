import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { app, type BrowserWindow, dialog } from 'electron'
import { WORDS } from './words.ts'

/** Endings of files administrators send; what a file is, its content says. */
const ENDINGS = [
  ...['json', 'mobileconfig', 'sswan', 'conf', 'secrets', 'pcf', 'vpn', 'xml', 'onc', 'nmconnection'],
  ...['p12', 'pfx', 'pem', 'crt', 'cer', 'key', 'zip', 'pbk', 'ps1', 'age', 'culvert'],
]

/** Files the person chose; none when they did not. */
export async function chooseFiles(window: BrowserWindow): Promise<readonly string[]> {
  const { canceled, filePaths } = await dialog.showOpenDialog(window, {
    title: WORDS.chooseFiles,
    properties: ['openFile', 'multiSelections'],
    filters: [
      { name: WORDS.profileFiles, extensions: ENDINGS },
      { name: WORDS.allFiles, extensions: ['*'] },
    ],
  })
  return canceled ? [] : filePaths
}

/** Writes `text` where the person says; whether they said where. */
export async function saveText(
  window: BrowserWindow,
  title: string,
  name: string,
  text: string,
): Promise<boolean> {
  const { canceled, filePath } = await dialog.showSaveDialog(window, {
    title,
    defaultPath: join(app.getPath('home'), name),
  })
  if (canceled || !filePath) return false
  // A file that was private stays so.
  const mode = await stat(filePath).then(
    (found) => found.mode & 0o777,
    () => 0o600,
  )
  await writeFile(filePath, text, { mode })
  return true
}
