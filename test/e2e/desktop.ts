import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { _electron, type Browser, chromium, type ElectronApplication, type Page } from 'playwright-core'

/** `nobody`: an ordinary user that every Linux has. */
const NOBODY = 65_534
const isRoot = process.getuid?.() === 0

/** Who the app runs as, when that is not who runs the tests. */
export const USER = isRoot ? NOBODY : undefined
const root = resolve(import.meta.dirname, '../..')

export interface LaunchOptions {
  /** The folder all state lives in; made when not given. */
  readonly home?: string
  /** The person says yes when the helper asks for permission. Root only. */
  readonly permitted?: boolean
}

export interface RunningApp {
  readonly app: ElectronApplication
  readonly page: Page
  /** All it has written to the terminal. */
  readonly output: () => string
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

  /** A session bus with a real keyring on it, unlocked, as every desktop has; the app finds it from now on. */
  async openKeyring(): Promise<void> {
    const bus = `unix:path=${join(this.folder, 'runtime', 'bus')}`
    const dbus = this.#asUser(
      'dbus-daemon',
      ['--session', '--nofork', '--nopidfile', '--address', bus],
      'ignore',
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
    daemon.stdin?.end('of the desktop')
  }

  /** What a program of the user says, run on this desktop. */
  ask(program: string, args: readonly string[]): string {
    const [command, all] = asUser(program, args)
    return execFileSync(command, all, { encoding: 'utf8', env: this.environment })
  }

  #asUser(program: string, args: readonly string[], stdin: 'ignore' | 'pipe'): ChildProcess {
    const [command, all] = asUser(program, args)
    return spawn(command, all, { env: this.environment, stdio: [stdin, 'ignore', 'ignore'] })
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

  async launch(options: LaunchOptions = {}): Promise<RunningApp> {
    let written = ''
    const app = await _electron.launch({
      executablePath: this.#program(options),
      args: [this.#app],
      env: { ...this.environment, CULVERT_HOME: options.home ?? this.home },
      timeout: 30_000,
    })
    this.#running.push(app)
    const child = app.process()
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (written += chunk))
    const page = await app.firstWindow().catch((problem) => {
      throw new Error(`no window: ${written}`, { cause: problem })
    })
    page.setDefaultTimeout(10_000)
    return { app, page, output: () => written }
  }

  /**
   * A packaged app that lies in `folder`, driven through its pages alone: its switches let nobody into main.
   */
  async launchPackaged(folder: string): Promise<{ readonly page: Page; readonly output: () => string }> {
    const program = isRoot ? this.#script([[folder, join(this.folder, 'electron')]], [], 'culvert') : ''
    const child = spawn(program || join(folder, 'culvert'), ['--remote-debugging-port=0'], {
      env: this.environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#services.push(child)
    let written = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (written += chunk))
    const address = await new Promise<string>((found, fail) => {
      child.once('exit', () => fail(new Error(`it ended: ${written}`)))
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
    page.setDefaultTimeout(10_000)
    return { page, output: () => written }
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
    for (const service of this.#services) service.kill()
    this.#display?.kill()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** A command line that runs `program` as the user the app runs as. */
function asUser(program: string, args: readonly string[]): [string, readonly string[]] {
  if (USER === undefined) return [program, args]
  return [
    'setpriv',
    [`--reuid=${USER}`, `--regid=${USER}`, '--clear-groups', '--inh-caps=-all', program, ...args],
  ]
}
