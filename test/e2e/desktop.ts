import { type ChildProcess, spawn } from 'node:child_process'
import { chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { _electron, type ElectronApplication, type Page } from 'playwright-core'

/** `nobody`: an ordinary user that every Linux has. */
const NOBODY = 65_534
const isRoot = process.getuid?.() === 0

/** Who the app runs as, when that is not who runs the tests. */
export const USER = isRoot ? NOBODY : undefined
const root = resolve(import.meta.dirname, '../..')

export interface LaunchOptions {
  /** The folder all state lives in; made when not given. */
  readonly home?: string
  /** The network namespace to live in. Root only. */
  readonly namespace?: string
  /** A program to stand where pkexec is, in this app's view of the files only. Root only. */
  readonly pkexec?: string
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

  get environment(): Record<string, string> {
    const { HOME: _home, DBUS_SESSION_BUS_ADDRESS: _bus, CULVERT_ELECTRON: _electron, ...rest } = process.env
    return {
      ...(rest as Record<string, string>),
      DISPLAY: this.#name,
      HOME: this.home,
      XDG_RUNTIME_DIR: join(this.folder, 'runtime'),
      CULVERT_HOME: this.home,
      LC_ALL: 'C.UTF-8',
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
    const page = await app.firstWindow()
    page.setDefaultTimeout(10_000)
    return { app, page, output: () => written }
  }

  /** Starts the app once more beside a running one; resolves with how it ended. */
  async launchAgain(): Promise<number | null> {
    const child = spawn(this.#program({}), [this.#app], { env: this.environment, stdio: 'ignore' })
    return new Promise((ended) => child.once('exit', ended))
  }

  get #app(): string {
    return isRoot ? join(this.folder, 'app') : root
  }

  #program({ namespace, pkexec }: LaunchOptions): string {
    const electron = process.env.CULVERT_ELECTRON ?? ''
    if (!isRoot) return electron
    const binds = [
      [root, join(this.folder, 'app')],
      [dirname(electron), join(this.folder, 'electron')],
      ...(pkexec === undefined ? [] : [[pkexec, '/usr/bin/pkexec']]),
    ]
    const inside = [
      ...binds.map(([from, to]) => `mount --bind '${from}' '${to}'`),
      `exec setpriv --reuid=${USER} --regid=${USER} --clear-groups --inh-caps=-all '${this.folder}/electron/electron' "$@"`,
    ]
    const script = join(this.folder, `start-${namespace ?? 'here'}`)
    const enter = namespace === undefined ? '' : `ip netns exec ${namespace} `
    const text = [
      '#!/bin/sh',
      'cd /',
      `exec ${enter}unshare --mount --propagation private sh -ec '${inside.join('\n').replaceAll("'", `'\\''`)}' sh "$@"`,
    ]
    writeFileSync(script, `${text.join('\n')}\n`, { mode: 0o755 })
    return script
  }

  async close(): Promise<void> {
    for (const app of this.#running) await app.close().catch(() => {})
    this.#display?.kill()
    rmSync(this.folder, { recursive: true, force: true })
  }
}
