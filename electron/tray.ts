import { join } from 'node:path'
import { Menu, nativeImage, nativeTheme, Tray } from 'electron'
import type { AppSnapshot } from '../core/contract/snapshot.ts'
import { type TrayActions, type TrayIcon, trayIcon, trayMenu, trayTip } from './tray-menu.ts'

/** The glyph beside the clock. `folder`: where its pictures lie. */
export class TrayGlyph {
  readonly #folder: string
  readonly #actions: TrayActions
  readonly #tray: Tray
  #shown = ''

  /** Throws where the desktop has no place for one. */
  constructor(folder: string, actions: TrayActions) {
    this.#folder = folder
    this.#actions = actions
    this.#tray = new Tray(this.#picture('idle'))
    this.#tray.on('click', actions.open)
  }

  show(snapshot: AppSnapshot): void {
    // The menu of many desktops flickers when it is set again: only what changed in it counts.
    const { profiles, tunnels } = snapshot
    const shown = JSON.stringify([
      profiles.slice(0, 60).map(({ id, name }) => [id, name]),
      tunnels.map(({ profile, state, retryAtMs, held = [] }) => [
        profile,
        state,
        retryAtMs !== undefined,
        held.length,
      ]),
      nativeTheme.shouldUseDarkColors,
    ])
    if (shown === this.#shown) return
    this.#shown = shown
    this.#tray.setImage(this.#picture(trayIcon(snapshot)))
    this.#tray.setToolTip(trayTip(snapshot))
    this.#tray.setContextMenu(Menu.buildFromTemplate(trayMenu(snapshot, this.#actions)))
  }

  close(): void {
    this.#tray.destroy()
  }

  #picture(icon: TrayIcon): Electron.NativeImage {
    if (process.platform === 'darwin') {
      const image = nativeImage.createFromPath(join(this.#folder, `${icon}-black.png`))
      image.setTemplateImage(true)
      return image
    }
    // Panels follow the theme of the desktop far more often than not.
    const ink = nativeTheme.shouldUseDarkColors ? 'white' : 'black'
    return nativeImage.createFromPath(join(this.#folder, `${icon}-${ink}.png`))
  }
}
