import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { _electron, type Browser, chromium, type ElectronApplication, type Page } from 'playwright-core'
import { removeFolder } from '../support/remove-folder.ts'

/** `nobody`: an ordinary user that every Linux has. */
const NOBODY = 65_534
const isRoot = process.getuid?.() === 0

/** Who the app runs as, when that is not who runs the tests. */
export const USER = isRoot ? NOBODY : undefined
const root = rootOf(import.meta.dirname)

/** The checkout, wherever this file was bundled to. */
function rootOf(folder: string): string {
  return existsSync(join(folder, 'package.json')) ? folder : rootOf(dirname(folder))
}

export interface LaunchOptions {
  /** The folder all state lives in; made when not given. */
  readonly home?: string
  /** The person says yes when the helper asks for permission. Root only. */
  readonly permitted?: boolean
  /** More words on its command line. */
  readonly args?: readonly string[]
}

export interface RunningApp {
  readonly app: ElectronApplication
  readonly page: Page
  /** All it has written to the terminal. */
  readonly output: () => string
}

/** An app nobody holds by the hand: what drives it sees its pages alone. */
export interface PlainApp {
  readonly page: Page
  readonly pid: number
  readonly output: () => string
  /** Lets go of its pages: while they are held, they take themselves for visible. */
  release(): Promise<void>
  /** Ends it, and waits until it has. */
  end(): Promise<void>
}

/**
 * A display, a home, and the real app in it as an ordinary user with the sandbox on. For that, root gives the app a view
 * of the files of its own: an ordinary user may not be let through to the checkout or to Electron.
 */
export class Desktop {
  readonly folder = mkdtempSync(join(tmpdir(), 'culvert-desktop-'))
  readonly home = join(this.folder, 'home')
  #display: ChildProcess | undefined
  #name = ''
  #running: ElectronApplication[] = []
  #services: ChildProcess[] = []
  #browsers: Browser[] = []
  #bus = ''
  #keyring: ChildProcess | undefined

  static async open(): Promise<Desktop> {
    const desktop = new Desktop()
    await desktop.#start()
    return desktop
  }

  async #start(): Promise<void> {
    for (const name of ['', 'app', 'electron', 'home', 'runtime']) {
      const path = join(this.folder, name)
      mkdirSync(path, { recursive: true, mode: 0o700 })
      this.give(path)
    }
    const display = spawn(
      'Xvfb',
      ['-displayfd', '3', '-screen', '0', '1280x900x24', '-nolisten', 'tcp', '-ac'],
      {
        stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
      },
    )
    this.#display = display
    this.#name = await new Promise((found, fail) => {
      display.once('error', fail)
      display.once('exit', () => fail(new Error('Xvfb ended')))
      let written = ''
      display.stdio[3]?.on('data', (chunk: Buffer) => {
        written += chunk
        if (written.includes('\n')) found(`:${written.trim()}`)
      })
    })
  }

  /** Hands a file or folder over to the user the app runs as. */
  give(path: string): void {
    if (USER !== undefined) chownSync(path, USER, USER)
  }

  /**
   * A session bus with a real keyring on it, unlocked, as every desktop has; the app finds it from now on. `canAsk`: when
   * it is locked it can put up a window that asks for its password.
   */
  async openKeyring({ canAsk = true } = {}): Promise<void> {
    const bus = `unix:path=${join(this.folder, 'runtime', 'bus')}`
    const dbus = this.#asUser(
      'dbus-daemon',
      ['--session', '--nofork', '--nopidfile', '--address', bus],
      'ignore',
      canAsk ? {} : { DISPLAY: undefined },
    )
    this.#services.push(dbus)
    for (let tries = 0; tries < 100 && !existsSync(join(this.folder, 'runtime', 'bus')); tries += 1) {
      await new Promise((soon) => setTimeout(soon, 50))
    }
    this.#bus = bus
    const daemon = this.#asUser(
      'gnome-keyring-daemon',
      ['--unlock', '--components=secrets', '--foreground'],
      'pipe',
    )
    this.#services.push(daemon)
    this.#keyring = daemon
    daemon.stdin?.end('of the desktop')
    await this.#keyringOwned()
  }

  /** Who asks for it earlier starts another one. */
  async #keyringOwned(): Promise<void> {
    const question = [
      ...['--session', '--dest=org.freedesktop.DBus', '--print-reply', '/org/freedesktop/DBus'],
      ...['org.freedesktop.DBus.NameHasOwner', 'string:org.freedesktop.secrets'],
    ]
    for (let tries = 0; tries < 100; tries += 1) {
      if (this.ask('dbus-send', question).includes('boolean true')) return
      await new Promise((soon) => setTimeout(soon, 50))
    }
    throw new Error('the keyring did not start')
  }

  /** The keyring as after a login without a password: what was saved is there, and locked. */
  async lockKeyring(): Promise<void> {
    const before = this.#keyring
    if (before === undefined) throw new Error('there is no keyring')
    const ended = new Promise((resolve) => before.once('exit', resolve))
    before.kill()
    await ended
    const daemon = this.#asUser('gnome-keyring-daemon', ['--components=secrets', '--foreground'], 'ignore')
    this.#services.push(daemon)
    this.#keyring = daemon
    await this.#keyringOwned()
  }

  /** The keyring does not answer any more, or goes on where it was. */
  freezeKeyring(frozen: boolean): void {
    this.#keyring?.kill(frozen ? 'SIGSTOP' : 'SIGCONT')
  }

  /** What a program of the user says, run on this desktop. */
  ask(program: string, args: readonly string[], input = ''): string {
    const [command, all] = asUser(program, args)
    return execFileSync(command, all, { encoding: 'utf8', env: this.environment, input, timeout: 20_000 })
  }

  #asUser(
    program: string,
    args: readonly string[],
    stdin: 'ignore' | 'pipe',
    other: NodeJS.ProcessEnv = {},
  ): ChildProcess {
    const [command, all] = asUser(program, args)
    return spawn(command, all, { env: { ...this.environment, ...other }, stdio: [stdin, 'ignore', 'ignore'] })
  }

  get environment(): Record<string, string> {
    const { HOME: _home, DBUS_SESSION_BUS_ADDRESS: _bus, CULVERT_ELECTRON: _electron, ...rest } = process.env
    return {
      ...(rest as Record<string, string>),
      DISPLAY: this.#name,
      HOME: this.home,
      XDG_RUNTIME_DIR: join(this.folder, 'runtime'),
      CULVERT_HOME: this.home,
      LC_ALL: 'C.UTF-8',
      ...(this.#bus === '' ? {} : { DBUS_SESSION_BUS_ADDRESS: this.#bus }),
    }
  }

  /** The app without waiting for a window, which it may not open. */
  async start(options: LaunchOptions = {}): Promise<ElectronApplication> {
    const app = await _electron.launch({
      executablePath: this.#program(options),
      args: [this.#app, ...(options.args ?? [])],
      env: { ...this.environment, CULVERT_HOME: options.home ?? this.home },
      timeout: 60_000,
    })
    this.#running.push(app)
    return app
  }

  async launch(options: LaunchOptions = {}): Promise<RunningApp> {
    let written = ''
    const app = await this.start(options)
    const child = app.process()
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (written += chunk))
    const page = await app.firstWindow().catch((problem) => {
      throw new Error(`no window: ${written}`, { cause: problem })
    })
    page.setDefaultTimeout(30_000)
    return { app, page, output: () => written }
  }

  /**
   * A packaged app that lies in `folder`, driven through its pages alone: its switches let nobody into main.
   */
  launchPackaged(folder: string): Promise<PlainApp> {
    const script = isRoot ? this.#script([[folder, join(this.folder, 'electron')]], [], 'culvert') : undefined
    return this.#plain(script ?? join(folder, 'culvert'), [], this.home)
  }

  /** The app as a person starts it, driven through its pages alone. `app`: another one than ours. */
  launchPlain({ home = this.home, app = this.#app }: { home?: string; app?: string }): Promise<PlainApp> {
    return this.#plain(this.#program({}), [app], home)
  }

  async #plain(program: string, args: readonly string[], home: string): Promise<PlainApp> {
    const child = spawn(program, ['--remote-debugging-port=0', ...args], {
      env: { ...this.environment, CULVERT_HOME: home },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#services.push(child)
    let written = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (written += chunk))
    const ended = new Promise<void>((done) => child.once('exit', () => done()))
    const address = await new Promise<string>((found, fail) => {
      void ended.then(() => fail(new Error(`it ended: ${written}`)))
      child.stderr.on('data', () => {
        const [, url] = /DevTools listening on (ws:\S+)/.exec(written) ?? []
        if (url !== undefined) found(url)
      })
    })
    const browser = await chromium.connectOverCDP(address)
    this.#browsers.push(browser)
    const [context] = browser.contexts()
    const page = context?.pages()[0] ?? (await context?.waitForEvent('page'))
    if (page === undefined) throw new Error(`no window: ${written}`)
    page.setDefaultTimeout(30_000)
    const release = (): Promise<void> => browser.close().catch(() => {})
    const end = async (): Promise<void> => {
      await release()
      child.kill()
      await ended
    }
    return { page, pid: child.pid ?? 0, output: () => written, release, end }
  }

  /** Starts the app once more beside a running one, with files to open; resolves with how it ended. */
  async launchAgain(...files: readonly string[]): Promise<number | null> {
    const child = spawn(this.#program({}), [this.#app, ...files], { env: this.environment, stdio: 'ignore' })
    return new Promise((ended) => child.once('exit', ended))
  }

  get #app(): string {
    return isRoot ? join(this.folder, 'app') : root
  }

  #program({ permitted }: LaunchOptions): string {
    const electron = process.env.CULVERT_ELECTRON ?? ''
    if (!isRoot) return electron
    const binds: readonly (readonly [string, string])[] = [
      [root, join(this.folder, 'app')],
      [dirname(electron), join(this.folder, 'electron')],
    ]
    return this.#script(binds, permitted === true ? [this.#yes()] : [], 'electron')
  }

  /** A script that runs `name` as the user, with a view of the files of its own; `yes`: laid over /usr/bin. */
  #script(binds: readonly (readonly [string, string])[], yes: readonly string[], name: string): string {
    const inside = [
      ...binds.map(([from, to]) => `mount --bind '${from}' '${to}'`),
      ...yes.map((folder) => `mount -t overlay overlay -o 'lowerdir=${folder}:/usr/bin' /usr/bin`),
      `exec setpriv --reuid=${USER} --regid=${USER} --clear-groups --inh-caps=-all '${this.folder}/electron/${name}' "$@"`,
    ]
    const script = join(this.folder, 'start')
    const text = [
      '#!/bin/sh',
      'cd /',
      // The driver of tests switches the sandbox off when it is root; the app it starts is not.
      'for argument; do shift; test "$argument" = --no-sandbox || set -- "$@" "$argument"; done',
      `exec unshare --mount --propagation private sh -ec '${inside.join('\n').replaceAll("'", `'\\''`)}' sh "$@"`,
    ]
    writeFileSync(script, `${text.join('\n')}\n`, { mode: 0o755 })
    return script
  }

  /** A folder with the pkexec that says yes. */
  #yes(): string {
    const folder = join(this.folder, 'yes')
    mkdirSync(folder, { recursive: true, mode: 0o755 })
    const program = join(folder, 'pkexec')
    execFileSync('g++', ['-O1', '-o', program, join(root, 'test/e2e/pkexec-yes.cc')])
    chmodSync(program, 0o4755)
    return folder
  }

  /** Closes all windows as a person would, and waits for the apps to end. */
  async quit(): Promise<void> {
    for (const app of this.#running.splice(0)) {
      const ended = new Promise((resolve) => app.process().once('exit', resolve))
      await app.evaluate(({ BrowserWindow }) => {
        for (const window of BrowserWindow.getAllWindows()) window.close()
      })
      await ended
    }
  }

  async close(): Promise<void> {
    for (const app of this.#running) await app.close().catch(() => {})
    for (const browser of this.#browsers) await browser.close().catch(() => {})
    this.freezeKeyring(false)
    await Promise.all([...this.#services, ...(this.#display === undefined ? [] : [this.#display])].map(ended))
    removeFolder(this.folder)
  }
}

/** Ends a process we started, and waits until it has: while it lives, it writes into the folder. */
async function ended(process: ChildProcess): Promise<void> {
  if (process.pid === undefined || process.exitCode !== null || process.signalCode !== null) return
  const end = new Promise((resolve) => process.once('exit', resolve))
  process.kill()
  const patience = setTimeout(() => process.kill('SIGKILL'), 10_000)
  await end
  clearTimeout(patience)
}

/** A command line that runs `program` as the user the app runs as. */
function asUser(program: string, args: readonly string[]): [string, readonly string[]] {
  if (USER === undefined) return [program, args]
  return [
    'setpriv',
    [`--reuid=${USER}`, `--regid=${USER}`, '--clear-groups', '--inh-caps=-all', program, ...args],
  ]
}
