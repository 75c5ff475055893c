import { join } from 'node:path'
import { app, BrowserWindow, nativeTheme, screen } from 'electron'
import { START_PAGE } from './assets.ts'
import { visible, type WindowState } from './window-state.ts'

/** `--bg` of the window's style sheet: what is seen before the first page is drawn. */
const BACKGROUND = { light: '#F1F4F3', dark: '#0C1211' }

const FULL = { width: 1100, height: 720, minWidth: 880, minHeight: 600 } as const
const COMPACT = { width: 380, height: 640 } as const

/** The full window where it was last, hidden until it has something to show. `folder`: where main and preload lie. */
export function openWindow(folder: string, state: WindowState): BrowserWindow {
  const place = lastPlace(state)
  const window = new BrowserWindow({
    title: 'Culvert',
    ...FULL,
    ...place?.bounds,
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
  if (place?.maximized) window.maximize()
  window.once('ready-to-show', () => window.show())
  const moved = (): void => {
    // The small window has one size, and gives way to the full one where that was.
    if (window.isResizable()) state.moved(window)
  }
  for (const event of ['resize', 'move', 'maximize', 'unmaximize'] as const)
    window.on(event as 'resize', moved)
  window.on('page-title-updated', (event) => event.preventDefault())
  void window.loadURL(START_PAGE)
  return window
}

const lastPlace = ({ place }: WindowState) => {
  const screens = screen.getAllDisplays().map(({ workArea }) => workArea)
  return place && visible(place, screens, { width: FULL.minWidth, height: FULL.minHeight })
}

/** The small window, as a remote control, or the full one as large as it was; content sizes. */
export function compactWindow(window: BrowserWindow, on: boolean, state: WindowState): void {
  if (on) window.setResizable(false)
  if (window.isMaximized()) window.unmaximize()
  const { width, height } = on ? COMPACT : FULL
  const [least, lowest] = on ? [width, height] : [FULL.minWidth, FULL.minHeight]
  window.setMinimumSize(least, lowest)
  const place = on ? undefined : lastPlace(state)
  if (place === undefined) window.setContentSize(width, height)
  else window.setBounds({ width: place.bounds.width, height: place.bounds.height })
  window.setResizable(!on)
}

/** Brings it before the eyes of whoever started the app a second time. */
export function reveal(window: BrowserWindow): void {
  if (window.isMinimized()) window.restore()
  window.show()
  window.focus()
}
