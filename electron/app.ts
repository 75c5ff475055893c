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
import { Secret } from '../core/bytes/secret.ts'
import { channelOf, type Handlers } from '../core/contract/contract.ts'
import { MOST_FILES } from '../core/contract/limits.ts'
import type { Place, Settings } from '../core/contract/settings.ts'
import { isAlive } from '../core/contract/snapshot.ts'
import { VpnFailure } from '../core/errors.ts'
import { systemClock } from '../core/manager/dependencies.ts'
import { faultOf } from '../core/manager/fault.ts'
import { History } from '../core/manager/history.ts'
import { readNamed } from '../core/manager/named-files.ts'
import { NetworkWatch, ownAddresses } from '../core/manager/network-watch.ts'
import { resolveHost } from '../core/net/resolve.ts'
import { demoProfile } from '../core/profile/demo.ts'
import { secretNames } from '../core/profile/schema.ts'
import { ProfileStore } from '../core/profile/store.ts'
import { KeyringSecrets } from '../core/secrets/keyring.ts'
import { MemorySecrets } from '../core/secrets/memory.ts'
import { compactWindow, openWindow, reveal } from './app-window.ts'
import { isOwnPage } from './assets.ts'
import { setAutostart } from './autostart.ts'
import { serveContract } from './bridge.ts'
import { Busy } from './busy.ts'
import { CheckDesk } from './check-desk.ts'
import { CredentialDesk, readRevocations, readTrust } from './credential-desk.ts'
import { chooseFiles, saveText } from './dialogs.ts'
import { Engine } from './engine.ts'
import { Feed } from './feed.ts'
import { ImportDesk } from './import-desk.ts'
import { Notices } from './notices.ts'
import { ProfileDesk } from './profile-desk.ts'
import { type SettingsChange, SettingsFile } from './settings.ts'
import { TrayGlyph } from './tray.ts'
import { QUIT_DETAIL, quitQuestion, WORDS } from './words.ts'

/** Ours: how soon the tray and notifications follow a change; many changes of one moment are one. */
const FOLLOW_MS = 150
/** Ours: how often counters are looked at to know whether traffic flows, while a tunnel lives. */
const COUNT_MS = 2_000

/** The running app: joins the engine to the window, the tray, and the desktop. */
export class App {
  readonly #folder: string
  readonly #settings: SettingsFile
  readonly #profiles: ProfileStore
  readonly #keychain = new KeyringSecrets()
  readonly #given = new MemorySecrets()
  readonly #history: History
  readonly #engine: Engine
  readonly #feed: Feed
  readonly #desk: ProfileDesk
  readonly #import: ImportDesk
  readonly #credentials = new CredentialDesk()
  readonly #checks: CheckDesk
  readonly #notices = new Notices()
  readonly #busy = new Busy()
  readonly #network: NetworkWatch
  #window: BrowserWindow | undefined
  #tray: TrayGlyph | undefined
  #following: NodeJS.Timeout | undefined
  #counting: NodeJS.Timeout | undefined
  #quitting: 'no' | 'asking' | 'yes' = 'no'
  /** What to show once the page listens. */
  #pending: (() => void)[] = []
  #listening = false

  /** `folder`: where main and preload lie. `home`: where all state lives. */
  constructor(folder: string, home: string) {
    this.#folder = folder
    this.#settings = new SettingsFile(home)
    this.#profiles = new ProfileStore(home, [demoProfile()])
    this.#history = new History(home)
    this.#engine = new Engine({
      home,
      profiles: this.#profiles,
      keychain: this.#keychain,
      given: this.#given,
      history: this.#history,
      changed: () => {
        this.#feed.changed()
        this.#followSoon()
      },
      note: (text) => console.error(`culvert: ${text}`),
    })
    this.#feed = new Feed({
      read: () => this.#engine.snapshot(),
      send: (snapshot) => this.#send('app', 'changed', snapshot),
      clock: systemClock,
    })
    const changed = (): Promise<void> => this.#engine.refresh()
    this.#desk = new ProfileDesk({
      profiles: this.#profiles,
      keychain: this.#keychain,
      given: this.#given,
      history: this.#history,
      changed,
      busy: async (profile) =>
        (await this.#engine.snapshot()).tunnels.some(
          (one) => one.profile === profile && one.state !== 'idle' && one.state !== 'failed',
        ),
    })
    this.#import = new ImportDesk({ profiles: this.#profiles, keychain: this.#keychain, changed })
    this.#checks = new CheckDesk({
      profiles: this.#profiles,
      keychain: this.#keychain,
      history: this.#history,
      resolve: resolveHost,
      find: (profile) => this.#profiles.find(profile),
      snapshot: () => this.#engine.snapshot(),
      messages: (profile, after) => this.#engine.messages(profile, after),
      progress: (progress) => this.#send('checks', 'progress', progress),
      now: () => Date.now(),
    })
    this.#network = new NetworkWatch({
      addresses: ownAddresses,
      changed: (addresses) => void this.#engine.networkChanged(addresses),
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
      this.#handlers(),
      ({ senderFrame }) => senderFrame !== null && senderFrame.parent === null && isOwnPage(senderFrame.url),
    )
  }

  /** Once it is. `hidden`: only the tray shows itself. */
  start(hidden: boolean): void {
    nativeTheme.themeSource = this.#settings.now.theme
    this.#openTray()
    powerMonitor.on('resume', () => void this.#engine.resumed())
    if (!hidden || this.#tray === undefined) this.open()
    // The engine opens while the window loads.
    this.#followSoon()
  }

  open(): void {
    if (this.#window !== undefined) return reveal(this.#window)
    const window = openWindow(this.#folder)
    this.#window = window
    this.#listening = false
    const follow = (): void => this.#feed.show(window.isVisible() && !window.isMinimized())
    for (const event of ['show', 'hide', 'minimize', 'restore'] as const) window.on(event as 'show', follow)
    window.on('close', (event) => {
      if (this.#quitting === 'yes') return
      if (this.#tray !== undefined && this.#settings.now.keepInTray) {
        event.preventDefault()
        window.hide()
      } else if (this.#flowing().length > 0) {
        event.preventDefault()
        this.quit()
      }
    })
    window.on('closed', () => {
      this.#feed.show(false)
      this.#window = undefined
    })
  }

  /** Files the system opened with Culvert. */
  openFiles(paths: readonly string[]): void {
    if (paths.length === 0) return
    this.open()
    this.#whenListening(async () => {
      try {
        const files = (await Promise.all(paths.slice(0, MOST_FILES).map(readNamed))).flat()
        this.#send('files', 'opened', await this.#import.read(files))
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
      clearInterval(this.#counting)
      this.#network.need(false)
      this.#feed.close()
      this.#tray?.close()
      this.#import.forget()
      this.#credentials.close()
      // Tunnels end in order: the gateway is told, routes go back.
      void this.#engine.close().finally(() => app.exit(0))
    })
  }

  async #mayQuit(): Promise<boolean> {
    const names = this.#flowing()
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

  /** Names of the connections this process carries through which traffic flows, where the person wants to be asked. */
  #flowing(): readonly string[] {
    if (!this.#settings.now.confirmWhileBusy) return []
    return this.#busy.busy(Date.now()).map((id) => this.#names.get(id) ?? id)
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
    const alive = own?.tunnels.some(isAlive) ?? false
    this.#network.need(alive)
    this.#count(alive)
  }

  #count(alive: boolean): void {
    if (alive === (this.#counting !== undefined)) return
    clearInterval(this.#counting)
    this.#counting = undefined
    const look = (): void =>
      void this.#engine.own().then((own) => {
        if (own !== undefined) this.#busy.look(own, Date.now())
      })
    look()
    if (alive) this.#counting = setInterval(look, COUNT_MS)
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

  #handlers(): Handlers {
    const engine = this.#engine
    return {
      app: {
        snapshot: () => {
          // The page subscribes before it asks: from now on it hears everything.
          this.#listening = true
          for (const work of this.#pending.splice(0)) work()
          return engine.snapshot()
        },
        settings: () => this.#settings.now,
        change: (part) => this.#change(part),
        compact: ({ on }) => {
          compactWindow(this.#dialogWindow(), on)
          return undefined
        },
      },
      session: {
        connect: async ({ profile, secrets, key, ask }) => {
          const given = this.#taken(secrets, key)
          const known = await this.#known(profile)
          if (key !== undefined) this.#credentials.forget(key)
          await engine.connect(profile, new Map([...known, ...given]), ask)
          return undefined
        },
        disconnect: ({ profile }) => engine.disconnect(profile),
        retry: ({ profile }) => engine.retry(profile),
        letOut: async ({ profile }) => (await engine.letOut(profile)).length > 0,
        tryOut: ({ profile }) => engine.tryOut(profile),
        messages: async ({ profile, after }) => (await engine.messages(profile, after)).slice(0, 500),
        tree: ({ profile, number }) => engine.tree(profile, number),
        find: ({ profile, wanted }) => engine.find(profile, wanted),
      },
      prompts: {
        answer: ({ id, values, key, save }) => {
          const answer = { values: this.#taken(values, key), save: save ?? false }
          if (key !== undefined) this.#credentials.forget(key)
          return engine.answerPrompt(id, answer)
        },
        cancel: ({ id }) => engine.answerPrompt(id, undefined),
      },
      profiles: {
        blank: () => this.#desk.blank(),
        demo: () => this.#desk.demo(),
        read: ({ profile }) => this.#desk.read(profile),
        check: ({ document }) => this.#desk.check(document),
        save: async ({ document, secrets, key, fresh }) => {
          const outcome = await this.#desk.save(document, this.#taken(secrets, key), fresh ?? false)
          // While something keeps the profile from being saved, its key waits on.
          if (key !== undefined && outcome.issues.length === 0) this.#credentials.forget(key)
          return outcome
        },
        remove: async ({ profile }) => {
          await this.#desk.remove(profile)
          return undefined
        },
        export: async ({ profile }) => {
          const document = await this.#desk.read(profile)
          const text = `${JSON.stringify(document, undefined, 2)}\n`
          return saveText(this.#dialogWindow(), WORDS.saveProfile, `${document.id}.culvert.json`, text)
        },
        secrets: ({ profile }) => this.#desk.secrets(profile),
        forget: ({ profile, name }) => this.#desk.forget(profile, name),
        history: ({ profile }) => this.#desk.history(profile),
      },
      credentials: {
        read: async ({ profile, ...question }) =>
          this.#credentials.read({
            ...question,
            profile: profile === undefined ? undefined : await this.#profiles.find(profile),
          }),
        forget: ({ key }) => {
          this.#credentials.forget(key)
          return undefined
        },
        authorities: ({ files, passphrase }) => readTrust(files, passphrase),
        revocations: ({ files }) => readRevocations(files),
      },
      files: {
        choose: async () => {
          const paths = await chooseFiles(this.#dialogWindow())
          return paths.length === 0
            ? undefined
            : this.#import.read((await Promise.all(paths.map(readNamed))).flat())
        },
        read: ({ files }) => this.#import.read(files),
        again: ({ token, answers }) => this.#import.again(token, new Map(Object.entries(answers))),
        keep: ({ token, how }) => this.#import.keep(token, how),
        forget: ({ token }) => {
          this.#import.forget(token)
          return undefined
        },
      },
      checks: {
        run: ({ profile }) => this.#checks.run(profile),
        cancel: () => {
          this.#checks.cancel()
          return undefined
        },
        report: ({ profile, hide }) => this.#checks.report(profile, hide),
        copyReport: () => {
          clipboard.writeText(this.#checks.shown)
          return undefined
        },
        saveReport: () =>
          saveText(this.#dialogWindow(), WORDS.saveReport, 'culvert-report.txt', this.#checks.shown),
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

  /** Secrets kept in memory here: another Culvert that carries the tunnel does not have them. */
  async #known(profile: string): Promise<ReadonlyMap<string, Secret>> {
    if ((await this.#engine.own()) !== undefined) return new Map()
    const found = await this.#profiles.find(profile).catch(() => undefined)
    const known = new Map<string, Secret>()
    for (const name of found === undefined ? [] : secretNames(found)) {
      const secret = await this.#given.get(found?.id ?? '', name)
      if (secret !== undefined) known.set(name, secret)
    }
    return known
  }

  /** Texts that came from the page, out of reach from now on, and a key it named. */
  #taken(
    secrets: Readonly<Record<string, string>> = {},
    key: number | undefined,
  ): ReadonlyMap<string, Secret> {
    const held = key === undefined ? [] : [['key', this.#credentials.lend(key)] as const]
    return new Map([
      ...Object.entries(secrets).map(([name, text]) => [name, Secret.fromText(text)] as const),
      ...held,
    ])
  }
}
