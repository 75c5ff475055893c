import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { app, type BrowserWindow, dialog } from 'electron'
import { KEYS_DETAIL, KEYS_QUESTION, WORDS } from './words.ts'

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

/** A capture and tables of keys the person chose; none when they did not. */
export async function chooseCapture(window: BrowserWindow): Promise<readonly string[]> {
  const { canceled, filePaths } = await dialog.showOpenDialog(window, {
    title: WORDS.openCapture,
    properties: ['openFile', 'multiSelections'],
    filters: [
      { name: WORDS.captures, extensions: ['pcap', 'pcapng', 'cap', 'gz'] },
      { name: WORDS.allFiles, extensions: ['*'] },
    ],
  })
  return canceled ? [] : filePaths
}

/** A folder the person chose. */
export async function chooseFolder(window: BrowserWindow, title: string): Promise<string | undefined> {
  const { canceled, filePaths } = await dialog.showOpenDialog(window, {
    title,
    properties: ['openDirectory', 'createDirectory'],
  })
  return canceled ? undefined : filePaths[0]
}

/** Whether the keys go along with the messages; `undefined`: nothing is to be saved. */
export async function askForKeys(window: BrowserWindow): Promise<boolean | undefined> {
  const { response } = await dialog.showMessageBox(window, {
    type: 'warning',
    message: KEYS_QUESTION,
    detail: KEYS_DETAIL,
    buttons: [WORDS.cancel, WORDS.messagesOnly, WORDS.messagesAndKeys],
    defaultId: 1,
    cancelId: 0,
  })
  return response === 0 ? undefined : response === 2
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
