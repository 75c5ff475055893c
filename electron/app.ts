import { join } from 'node:path'
import {
  app,
  type BrowserWindow,
  clipboard,
  dialog,
  ipcMain,
  Notification,
  nativeTheme,
  powerMonitor,
} from 'electron'
import { adviceFor } from '../core/advice.ts'
import { channelOf, type Handlers } from '../core/contract/contract.ts'
import { MOST_FILES } from '../core/contract/limits.ts'
import type { Place, Settings } from '../core/contract/settings.ts'
import { isAlive } from '../core/contract/snapshot.ts'
import { VpnFailure } from '../core/errors.ts'
import { systemClock } from '../core/manager/dependencies.ts'
import { faultOf } from '../core/manager/fault.ts'
import { kernelNotice, NetworkWatch, ownAddresses } from '../core/manager/network-watch.ts'
import { compactWindow, openWindow, reveal } from './app-window.ts'
import { isOwnPage } from './assets.ts'
import { setAutostart } from './autostart.ts'
import { type Areas, outcomeOf, serveContract } from './bridge.ts'
import { Busy } from './busy.ts'
import { Desks } from './desks.ts'
import { Engine } from './engine.ts'
import { Feed } from './feed.ts'
import { FirstLook } from './first-look.ts'
import { isCapture } from './is-capture.ts'
import { type Later, later, resolvable } from './later.ts'
import { Notices } from './notices.ts'
import { type SettingsChange, SettingsFile } from './settings.ts'
import type { Stores } from './stores.ts'
import { TrayGlyph } from './tray.ts'
import { WindowState } from './window-state.ts'
import { BLOCKED_DETAIL, blockedQuestion, QUIT_DETAIL, quitQuestion, WORDS } from './words.ts'

/** Ours: how soon the tray and notifications follow a change; many changes of one moment are one. */
const FOLLOW_MS = 150
/** Ours: so long traffic is watched, when somebody wants to quit, to know whether it flows. */
const WATCH_MS = 1_000

/** Ours: so long a secret on its way to the keychain holds back who quits. */
const KEYCHAIN_MS = 1_000

/** The running app: joins the engine to the window, the tray, and the desktop. */
export class App {
  readonly #folder: string
  readonly #settings: SettingsFile
  readonly #state: WindowState
  readonly #stores: Later<Stores>
  readonly #engine: Engine
  readonly #feed: Feed
  readonly #desks: Desks
  readonly #firstLook: FirstLook
  readonly #notices = new Notices()
  readonly #busy = new Busy()
  readonly #network: NetworkWatch
  #window: BrowserWindow | undefined
  #tray: TrayGlyph | undefined
  #following: NodeJS.Timeout | undefined
  /** This process carries a tunnel. */
  #alive = false
  /** A kill switch holds traffic back, and no tunnel runs that could end that. */
  #blocked = false
  #quitting: 'no' | 'asking' | 'yes' = 'no'
  /** What to show once the page listens. */
  #pending: (() => void)[] = []
  #listening = false
  /** The page was given a first look, which it asks again after once that is drawn. */
  #looked = false
  readonly #begun = resolvable()

  /** `folder`: where main and preload lie. `home`: where all state lives. */
  constructor(folder: string, home: string) {
    this.#folder = folder
    this.#settings = new SettingsFile(home)
    this.#state = new WindowState(home)
    this.#firstLook = new FirstLook(home)
    this.#stores = later(async () => (await import('./stores.ts')).openStores(home))
    this.#engine = new Engine({
      home,
      stores: this.#stores,
      changed: () => {
        this.#feed.changed()
        this.#followSoon()
      },
      note: (text) => console.error(`culvert: ${text}`),
    })
    this.#feed = new Feed({
      read: async () => {
        // It tells by itself when it is there.
        if (!this.#engine.begun) throw new VpnFailure({ kind: 'cancelled' })
        void this.#count()
        return this.#engine.snapshot()
      },
      send: (snapshot) => this.#send('app', 'changed', snapshot),
      clock: systemClock,
    })
    this.#desks = new Desks({
      folder,
      stores: this.#stores,
      engine: this.#engine,
      window: () => this.#dialogWindow(),
      send: (...push) => this.#send(...push),
    })
    this.#network = new NetworkWatch({
      addresses: ownAddresses,
      changed: (addresses) => void this.#engine.networkChanged(addresses),
      notice: kernelNotice,
      clock: systemClock,
    })
  }

  /** Before Electron is ready. */
  listen(): void {
    app.on('activate', () => this.open())
    app.on('window-all-closed', () => {
      if (this.#tray === undefined || !this.#settings.now.keepInTray) this.quit()
    })
    app.on('before-quit', (event) => {
      if (this.#quitting === 'yes') return
      event.preventDefault()
      this.quit()
    })
    app.on('open-file', (event, path) => {
      event.preventDefault()
      this.openFiles([path])
    })
    serveContract(
      ipcMain,
      this.#areas(),
      ({ senderFrame }) => senderFrame !== null && senderFrame.parent === null && isOwnPage(senderFrame.url),
    )
  }

  /** Once it is. `hidden`: only the tray shows itself. */
  start(hidden: boolean): void {
    nativeTheme.themeSource = this.#settings.now.theme
    // Everything else of a start is later than the window, which somebody waits for.
    if (!hidden) this.open()
    this.#openTray()
    powerMonitor.on('suspend', () => void this.#engine.suspended())
    powerMonitor.on('resume', () => void this.#engine.resumed())
    if (!hidden) return
    if (this.#tray === undefined) this.open()
    else this.#begin()
  }

  open(): void {
    if (this.#window !== undefined) return reveal(this.#window)
    const window = openWindow(this.#folder, this.#state)
    this.#window = window
    this.#listening = false
    const follow = (): void => this.#feed.show(window.isVisible() && !window.isMinimized())
    window.once('ready-to-show', () => this.#followSoon())
    for (const event of ['show', 'hide', 'minimize', 'restore'] as const) window.on(event as 'show', follow)
    window.on('close', (event) => {
      if (this.#quitting === 'yes') return
      if (this.#tray !== undefined && this.#settings.now.keepInTray) {
        event.preventDefault()
        window.hide()
      } else if (this.#alive || this.#blocked) {
        event.preventDefault()
        this.quit()
      }
    })
    window.on('closed', () => {
      this.#begin()
      this.#feed.show(false)
      this.#window = undefined
    })
  }

  /** Files the system opened with Culvert. */
  openFiles(paths: readonly string[]): void {
    if (paths.length === 0) return
    this.open()
    this.#whenListening(async () => {
      const kinds = await Promise.all(paths.map(isCapture))
      if (kinds.includes(true)) {
        this.#send(
          'captures',
          'opened',
          await outcomeOf(async () => (await this.#desks.captures()).open(paths)),
        )
        return
      }
      try {
        const { readNamed } = await import('../core/manager/named-files.ts')
        const files = (await Promise.all(paths.slice(0, MOST_FILES).map(readNamed))).flat()
        this.#send('files', 'opened', await (await this.#desks.import()).read(files))
      } catch (thrown) {
        const error = faultOf(thrown)
        this.#send('files', 'failed', { kind: error.kind, ...adviceFor(error, 'window') })
      }
    })
  }

  /** Asks while traffic flows, ends the tunnels in order, and goes. */
  quit(): void {
    if (this.#quitting !== 'no') return
    this.#quitting = 'asking'
    void this.#mayQuit().then((may) => {
      if (!may) {
        this.#quitting = 'no'
        return
      }
      this.#quitting = 'yes'
      clearTimeout(this.#following)
      this.#network.need(false)
      this.#feed.close()
      this.#tray?.close()
      // Tunnels end in order: the gateway is told, routes go back.
      void Promise.all([this.#engine.close(), this.#desks.close(), this.#state.flush()]).finally(() =>
        this.#leave(),
      )
    })
  }

  async #leave(): Promise<void> {
    // Electron would wait until somebody unlocks the keychain, and nothing else ends that.
    const stores = await this.#stores.loaded()
    if ((await stores?.keychain.settled(KEYCHAIN_MS)) === false) process.kill(process.pid, 'SIGKILL')
    app.exit(0)
  }

  async #mayQuit(): Promise<boolean> {
    if (!(await this.#mayLeaveBlocked())) return false
    const names = await this.#flowing()
    if (names.length === 0) return true
    this.open()
    const window = this.#window
    if (window === undefined) return true
    const { response } = await dialog.showMessageBox(window, {
      type: 'question',
      message: quitQuestion(names),
      detail: QUIT_DETAIL,
      buttons: [WORDS.stay, WORDS.quitAndDisconnect],
      defaultId: 0,
      cancelId: 0,
    })
    return response === 1
  }

  /** What a kill switch holds back once nothing runs here any more: nobody should wonder later where the network is. */
  async #mayLeaveBlocked(): Promise<boolean> {
    const { tunnels = [] } = (await this.#engine.own()) ?? {}
    const blocked = tunnels.filter(({ state }) => state === 'blocked')
    if (blocked.length === 0) return true
    this.open()
    const window = this.#window
    if (window === undefined) return true
    const { response } = await dialog.showMessageBox(window, {
      type: 'question',
      message: blockedQuestion(blocked.map(({ name }) => name)),
      detail: BLOCKED_DETAIL,
      buttons: [WORDS.stayHere, WORDS.letOutAndQuit, WORDS.quitBlocked],
      defaultId: 0,
      cancelId: 0,
    })
    if (response !== 1) return response === 2
    try {
      for (const { profile } of blocked) await this.#engine.letOut(profile)
      return true
    } catch {
      // The window says what could not be done.
      this.#followSoon()
      return false
    }
  }

  /** Names of the connections this process carries through which traffic flows, where the person wants to be asked. */
  async #flowing(): Promise<readonly string[]> {
    if (!this.#settings.now.confirmWhileBusy || !this.#alive) return []
    const busy = (): readonly string[] => this.#busy.busy(Date.now()).map((id) => this.#names.get(id) ?? id)
    // While the window is seen its counters were looked at all the time; else two looks of now tell.
    if (this.#window?.isVisible() !== true) this.#busy.forget()
    await this.#count()
    if (busy().length === 0) {
      await new Promise((later) => setTimeout(later, WATCH_MS))
      await this.#count()
    }
    return busy()
  }

  #names = new Map<string, string>()

  #followSoon(): void {
    if (this.#following !== undefined || this.#quitting === 'yes') return
    this.#following = setTimeout(() => {
      this.#following = undefined
      void this.#follow()
    }, FOLLOW_MS)
  }

  /** What else than the window follows the tunnels: the tray, notifications, the watch over the network. */
  async #follow(): Promise<void> {
    const snapshot = await this.#engine.snapshot().catch(() => undefined)
    if (snapshot === undefined || this.#quitting === 'yes') return
    this.#tray?.show(snapshot)
    this.#notify(snapshot)
    this.#names = new Map(snapshot.tunnels.map(({ profile, name }) => [profile, name]))
    const own = await this.#engine.own()
    if (own !== undefined) void this.#firstLook.keep(own.profiles)
    this.#alive = own?.tunnels.some(isAlive) ?? false
    this.#blocked = own?.tunnels.some(({ state }) => state === 'blocked') ?? false
    this.#network.need(this.#alive)
  }

  async #count(): Promise<void> {
    const own = await this.#engine.own()
    if (own !== undefined) this.#busy.look(own, Date.now())
  }

  #notify(snapshot: Parameters<Notices['next']>[0]): void {
    const seen = this.#window?.isFocused() ?? false
    for (const { title, body, profile } of this.#notices.next(snapshot, seen)) {
      if (!this.#settings.now.notifications || !Notification.isSupported()) continue
      const notification = new Notification({ title, body })
      notification.on('click', () => this.#show({ view: 'status', profile }))
      notification.show()
    }
  }

  #openTray(): void {
    try {
      this.#tray = new TrayGlyph(join(this.#folder, 'tray'), {
        connect: (profile) => {
          this.#show({ view: 'status', profile })
          void this.#engine.connect(profile, new Map()).catch(() => this.#followSoon())
        },
        disconnect: (profile) => void this.#engine.disconnect(profile).catch(() => 0),
        retry: (profile) => void this.#engine.retry(profile).catch(() => false),
        letOut: (profile) => {
          this.#show({ view: 'status', profile })
          void this.#engine.letOut(profile).catch(() => this.#followSoon())
        },
        open: () => this.open(),
        settings: () => this.#show({ view: 'settings' }),
        quit: () => this.quit(),
      })
    } catch (thrown) {
      console.error(`culvert: no tray here: ${String(thrown)}`)
    }
  }

  #show(place: Place): void {
    this.open()
    this.#whenListening(() => this.#send('app', 'show', place))
  }

  #whenListening(work: () => void): void {
    if (this.#listening) work()
    else this.#pending.push(work)
  }

  #send(area: string, name: string, value: unknown): void {
    this.#window?.webContents.send(channelOf(area, name), value)
  }

  #dialogWindow(): BrowserWindow {
    if (this.#window === undefined) throw new VpnFailure({ kind: 'cancelled' })
    return this.#window
  }

  /** The window is painted, or there is none: from now on what takes longer may be loaded. */
  #begin(): void {
    this.#begun.resolve()
    this.#followSoon()
  }

  #areas(): Areas {
    const areas = Object.entries(this.#desks.areas()).map(([area, open]) => [
      area,
      // While a first look is being drawn nothing is loaded, which would hold up the drawing.
      () => this.#begun.promise.then(() => open()),
    ])
    return { ...Object.fromEntries(areas), app: () => this.#appHandlers() }
  }

  #appHandlers(): Handlers['app'] {
    return {
      snapshot: () => {
        // The page subscribes before it asks: from now on it hears everything.
        this.#listening = true
        for (const work of this.#pending.splice(0)) work()
        const first = this.#engine.begun || this.#looked ? undefined : this.#firstLook.read()
        this.#looked = true
        if (first !== undefined) return first
        this.#begin()
        return this.#engine.snapshot()
      },
      settings: () => this.#settings.now,
      change: (part) => this.#change(part),
      compact: ({ on }) => {
        compactWindow(this.#dialogWindow(), on, this.#state)
        return undefined
      },
      copy: ({ text }) => {
        clipboard.writeText(text)
        return undefined
      },
    }
  }

  async #change(part: SettingsChange): Promise<Settings> {
    const before = this.#settings.now
    const now = await this.#settings.change(part)
    nativeTheme.themeSource = now.theme
    if (now.startAtLogin !== before.startAtLogin || now.startHidden !== before.startHidden) {
      await setAutostart(now.startAtLogin, now.startHidden)
    }
    this.#send('app', 'settingsChanged', now)
    return now
  }
}
