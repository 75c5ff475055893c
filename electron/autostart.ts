import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { app } from 'electron'

/** What tells the app that it was started at login, to be in the tray only. */
export const HIDDEN = '--hidden'

/** Whether and how the system starts the app at login. */
export async function setAutostart(on: boolean, hidden: boolean): Promise<void> {
  const args = hidden ? [HIDDEN] : []
  if (process.platform !== 'linux') {
    app.setLoginItemSettings({ openAtLogin: on, args })
    return
  }
  const file = autostartFile(process.env, homedir())
  if (!on) return rm(file, { force: true })
  // From a checkout, Electron is told which app to run.
  const program = process.env.APPIMAGE ?? process.execPath
  const command = app.isPackaged ? [program, ...args] : [program, app.getAppPath(), ...args]
  await mkdir(join(file, '..'), { recursive: true })
  // A desktop that reads it meanwhile sees the old one or the new one, and a full disk leaves the old one.
  await writeFile(`${file}.new`, desktopEntry(command))
  await rename(`${file}.new`, file)
}

/** Where desktops look for what starts at login. Desktop Application Autostart Specification 0.5 */
export function autostartFile(env: NodeJS.ProcessEnv, home: string): string {
  const base = env.XDG_CONFIG_HOME?.startsWith('/') ? env.XDG_CONFIG_HOME : join(home, '.config')
  return join(base, 'autostart', 'culvert.desktop')
}

/** An entry that runs `command`. Desktop Entry Specification 1.5, the Exec key */
export function desktopEntry(command: readonly string[]): string {
  const exec = command.map((word) => `"${word.replace(/["`$\\]/g, '\\$&')}"`).join(' ')
  return [
    '[Desktop Entry]',
    'Type=Application',
    'Name=Culvert',
    // A backslash in a string of an entry is written twice, and a percent sign stands for a field.
    `Exec=${exec.replaceAll('\\', '\\\\').replaceAll('%', '%%')}`,
    'X-GNOME-Autostart-enabled=true',
    '',
  ].join('\n')
}
