import { join } from 'node:path'
import { app, BrowserWindow, nativeTheme } from 'electron'
import { START_PAGE } from './assets.ts'

/** `--bg` of the window's style sheet: what is seen before the first page is drawn. */
const BACKGROUND = { light: '#F1F4F3', dark: '#0C1211' }

const FULL = { width: 1100, height: 720, minWidth: 880, minHeight: 600 } as const
const COMPACT = { width: 380, height: 640 } as const

/** The full window, hidden until it has something to show. `folder`: where main and preload lie. */
export function openWindow(folder: string): BrowserWindow {
  const window = new BrowserWindow({
    title: 'Culvert',
    ...FULL,
    icon: join(folder, 'icon.png'),
    show: false,
    autoHideMenuBar: true,
    backgroundColor: nativeTheme.shouldUseDarkColors ? BACKGROUND.dark : BACKGROUND.light,
    webPreferences: {
      preload: join(folder, 'preload.cjs'),
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      allowRunningInsecureContent: false,
      webviewTag: false,
      navigateOnDragDrop: false,
      spellcheck: false,
      devTools: !app.isPackaged,
    },
  })
  window.once('ready-to-show', () => window.show())
  window.on('page-title-updated', (event) => event.preventDefault())
  void window.loadURL(START_PAGE)
  return window
}

/** The small window, as a remote control, or the full one; content sizes. */
export function compactWindow(window: BrowserWindow, on: boolean): void {
  if (window.isMaximized()) window.unmaximize()
  const { width, height } = on ? COMPACT : FULL
  const [least, lowest] = on ? [width, height] : [FULL.minWidth, FULL.minHeight]
  window.setMinimumSize(least, lowest)
  window.setContentSize(width, height)
  window.setResizable(!on)
}

/** Brings it before the eyes of whoever started the app a second time. */
export function reveal(window: BrowserWindow): void {
  if (window.isMinimized()) window.restore()
  window.show()
  window.focus()
}
