import { join } from 'node:path'
import { app, Menu, session } from 'electron'
import { culvertHome } from '../core/profile/home.ts'
import { App } from './app.ts'
import { HIDDEN } from './autostart.ts'
import { filesIn } from './open-files.ts'
import { restrictPages, restrictSession } from './security.ts'

const folder = import.meta.dirname
const home = culvertHome()
app.setName('Culvert')
// Also what makes an instance single: one for each home.
app.setPath('userData', join(home, 'window'))
// Pages keep no passwords: Chromium need not knock at the keychain, nor wait for somebody to open it.
app.commandLine.appendSwitch('password-store', 'basic')
restrictPages()

function start(): void {
  const culvert = new App(folder, home)
  culvert.listen()
  app.on('second-instance', (_event, argv, from) => {
    culvert.open()
    culvert.openFiles(filesIn(argv, from, app.isPackaged))
  })
  void app.whenReady().then(() => {
    if (process.platform !== 'darwin') Menu.setApplicationMenu(null)
    restrictSession(session.defaultSession, join(folder, '..', 'renderer'))
    culvert.start(process.argv.includes(HIDDEN))
    culvert.openFiles(filesIn(process.argv, process.cwd(), app.isPackaged))
  })
}

if (app.requestSingleInstanceLock()) start()
else app.exit(0)
