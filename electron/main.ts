import { join } from 'node:path'
import { app, type BrowserWindow, ipcMain, Menu, session } from 'electron'
import { Secret } from '../core/bytes/secret.ts'
import { channelOf } from '../core/contract/contract.ts'
import { systemClock } from '../core/manager/dependencies.ts'
import { culvertHome } from '../core/profile/store.ts'
import { openWindow, reveal } from './app-window.ts'
import { isOwnPage } from './assets.ts'
import { serveContract } from './bridge.ts'
import { Engine } from './engine.ts'
import { Feed } from './feed.ts'
import { restrictPages, restrictSession } from './security.ts'

const folder = import.meta.dirname
const home = culvertHome()
app.setName('Culvert')
// Also what makes an instance single: one for each home.
app.setPath('userData', join(home, 'window'))
restrictPages()

let window: BrowserWindow | undefined
let quitting = false

const engine = new Engine({
  home,
  changed: () => feed.changed(),
  note: (text) => console.error(`culvert: ${text}`),
})
const feed = new Feed({
  read: () => engine.snapshot(),
  send: (snapshot) => window?.webContents.send(channelOf('app', 'changed'), snapshot),
  clock: systemClock,
})

function show(): void {
  if (window !== undefined) return reveal(window)
  const opened = openWindow(folder)
  window = opened
  const follow = (): void => feed.show(opened.isVisible() && !opened.isMinimized())
  for (const event of ['show', 'hide', 'minimize', 'restore'] as const) opened.on(event as 'show', follow)
  opened.on('closed', () => {
    feed.show(false)
    window = undefined
  })
}

function start(): void {
  app.on('second-instance', show)
  app.on('activate', show)
  app.on('window-all-closed', () => app.quit())
  app.on('before-quit', (event) => {
    if (quitting) return
    quitting = true
    event.preventDefault()
    feed.close()
    // Tunnels end in order: the gateway is told, routes go back.
    void engine.close().finally(() => app.exit(0))
  })
  serveContract(
    ipcMain,
    {
      app: { snapshot: () => engine.snapshot() },
      session: {
        connect: async ({ profile, secrets = {} }) => {
          const taken = Object.entries(secrets).map(([name, text]) => [name, Secret.fromText(text)] as const)
          await engine.connect(profile, new Map(taken))
          return undefined
        },
        disconnect: ({ profile }) => engine.disconnect(profile),
      },
    },
    ({ senderFrame }) => senderFrame !== null && senderFrame.parent === null && isOwnPage(senderFrame.url),
  )
  void app.whenReady().then(() => {
    if (process.platform !== 'darwin') Menu.setApplicationMenu(null)
    restrictSession(session.defaultSession, join(folder, '..', 'renderer'))
    show()
    // The engine opens while the window loads.
    void engine.snapshot().catch(() => {})
  })
}

if (app.requestSingleInstanceLock()) start()
else app.exit(0)
