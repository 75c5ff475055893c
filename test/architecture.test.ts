import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** What each folder may import from the others, and why. Imports flow one way: a row names only rows above it. */
const TABLE = [
  { part: 'errors', uses: [], because: 'a fault is a plain value that every part may name' },
  { part: 'contract', uses: ['errors'], because: 'it is all the window knows, so it may drag nothing along' },
  { part: 'bytes', uses: [], because: 'octets know no protocol' },
  { part: 'native', uses: ['bytes'], because: 'the addon is called with octets and numbers only' },
  { part: 'iana', uses: ['bytes'], because: 'registries are rows, read beside the IANA pages' },
  { part: 'wire', uses: ['bytes', 'iana'], because: 'a codec has no keys and no state' },
  {
    part: 'crypto',
    uses: ['bytes', 'native', 'iana', 'wire'],
    because: 'transforms are named as on the wire; some are computed by the addon',
  },
  { part: 'cert', uses: ['bytes', 'iana', 'wire', 'crypto'], because: 'chains are judged without a network' },
  {
    part: 'eap',
    uses: ['bytes', 'iana', 'wire', 'crypto', 'cert'],
    because: 'a method sees messages, not IKE',
  },
  {
    part: 'net',
    uses: ['bytes', 'native', 'iana', 'wire'],
    because: 'the edge of the system is told a plan; it knows neither IKE nor keys',
  },
  {
    part: 'esp',
    uses: ['bytes', 'native', 'iana', 'wire', 'crypto', 'net'],
    because: 'the data path is handed keys and selectors and does not know who negotiated them',
  },
  {
    part: 'ipsec',
    uses: ['bytes', 'native', 'iana', 'wire', 'crypto', 'net', 'esp'],
    because: 'it puts ESP and AH around whole IP packets, whoever negotiated the keys',
  },
  {
    part: 'ike',
    uses: ['bytes', 'native', 'iana', 'wire', 'crypto', 'cert', 'eap', 'net', 'esp', 'ipsec'],
    because: 'sessions rest on everything that can be computed; the driver joins them to sockets',
  },
  {
    part: 'inspect',
    uses: ['bytes', 'native', 'iana', 'wire', 'crypto', 'cert', 'eap', 'esp', 'ike'],
    because: 'it explains messages and changes nothing',
  },
  {
    part: 'capture',
    uses: ['bytes', 'native', 'inspect'],
    because: 'files of packets are read and written at the edge, and explained elsewhere',
  },
  { part: 'secrets', uses: ['bytes'], because: 'a keychain keeps octets under a name' },
  {
    part: 'profile',
    uses: ['bytes', 'iana', 'wire', 'crypto', 'cert', 'eap', 'net', 'esp', 'ike', 'secrets'],
    because: 'a profile is turned into the configuration of a session',
  },
  {
    part: 'probe',
    uses: ['bytes', 'native', 'iana', 'wire', 'crypto', 'net', 'ike'],
    because: 'it asks a gateway the first question of each IKE and goes no further',
  },
  {
    part: 'gateway',
    uses: [
      'bytes',
      'native',
      'iana',
      'wire',
      'crypto',
      'cert',
      'eap',
      'net',
      'esp',
      'ike',
      'profile',
      'secrets',
    ],
    because: 'the built-in gateway is the same sessions, answering',
  },
  {
    part: 'manager',
    uses: [
      ...['bytes', 'native', 'iana', 'wire', 'crypto', 'cert', 'eap', 'net', 'esp', 'ike'],
      ...['inspect', 'capture', 'secrets', 'profile', 'gateway'],
    ],
    because: 'it owns the running tunnels and joins all parts',
  },
  {
    part: 'cli',
    uses: [
      ...['bytes', 'native', 'iana', 'wire', 'crypto', 'cert', 'eap', 'net', 'esp', 'ike'],
      ...['inspect', 'capture', 'secrets', 'profile', 'probe', 'gateway', 'manager'],
    ],
    because: 'it is a face of the manager, like the window',
  },
] as const

/** These are known to every part of core. */
const COMMON = ['errors', 'contract']

/** Where sockets, files, processes and clocks may not appear: a bug there is replayed from its events. */
const PURE = [
  'core/bytes',
  'core/iana',
  'core/wire',
  'core/ike/v1',
  'core/ike/v2',
  'core/eap',
  'core/inspect',
]
const IMPURE_MODULES =
  /^(node:)?(dgram|net|fs|fs\/promises|child_process|dns|dns\/promises|timers|timers\/promises|http|https|tls)$/
const IMPURE_CALLS =
  /\b(Date\.now|performance\.now|process\.hrtime|Math\.random|setTimeout|setInterval|setImmediate)\b\s*[.(]/

const MOST_LINES = 600

/** Every tracked-looking file below a folder, as a path from the root. */
function filesBelow(folder: string, ending: RegExp): string[] {
  const top = join(root, folder)
  if (!existsSync(top)) return []
  return readdirSync(top, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && ending.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((path) => !/(^|\/)(node_modules|dist)\//.test(path))
    .sort()
}

const textOf = (path: string): string => readFileSync(join(root, path), 'utf8')

/** All module names a file imports, re-exports or loads with import(). */
function importsOf(path: string): string[] {
  return ts.preProcessFile(textOf(path), true, true).importedFiles.map((file) => file.fileName)
}

/** `core/wire/ikev2/payload.ts` → `wire`; a file directly in core stands for itself, `advice` beside `errors`. */
function partOf(path: string): string {
  const [, second = ''] = path.split('/')
  if (!second.endsWith('.ts')) return second
  return second === 'advice.ts' ? 'errors' : second.replace(/\.ts$/, '')
}

/** The file of this project that an import leads to, or undefined for a package. */
function targetOf(from: string, specifier: string): string | undefined {
  return specifier.startsWith('.') ? relative(root, join(root, dirname(from), specifier)) : undefined
}

const coreFiles = filesBelow('core', /\.ts$/)

describe('imports flow one way', () => {
  test('the table itself names only rows above', () => {
    const seen: string[] = []
    for (const row of TABLE) {
      expect(seen, row.part).toEqual(expect.arrayContaining([...row.uses]))
      expect(row.because.length, row.part).toBeGreaterThan(10)
      seen.push(row.part)
    }
  })

  test('every folder of core has a row', () => {
    const known = new Set<string>(TABLE.map((row) => row.part))
    expect([...new Set(coreFiles.map(partOf))].filter((part) => !known.has(part))).toEqual([])
  })

  for (const row of TABLE) {
    test(`core/${row.part}: ${row.because}`, () => {
      const allowed = new Set<string>([row.part, ...row.uses, ...(COMMON.includes(row.part) ? [] : COMMON)])
      const wrong = coreFiles
        .filter((path) => partOf(path) === row.part)
        .flatMap((path) => importsOf(path).map((specifier) => ({ path, target: targetOf(path, specifier) })))
        .filter(({ target }) => target !== undefined)
        .filter(({ target }) => !target?.startsWith('core/') || !allowed.has(partOf(target)))
      expect(wrong).toEqual([])
    })
  }

  test('core never imports Electron, so that the CLI, the tests and Electron host the same engine', () => {
    const wrong = coreFiles.filter((path) => importsOf(path).some((name) => /^electron(\/|$)/.test(name)))
    expect(wrong).toEqual([])
  })

  test('the window knows core/contract and nothing else, because it runs in a sandbox without Node', () => {
    const wrong = filesBelow('renderer', /\.(ts|svelte)$/).flatMap((path) =>
      importsOf(path)
        .map((specifier) => ({ path, specifier, target: targetOf(path, specifier) }))
        .filter(
          ({ specifier, target }) =>
            /^(node:|electron)/.test(specifier) ||
            (target !== undefined && !/^(renderer|core\/contract)\//.test(target)),
        ),
    )
    expect(wrong).toEqual([])
  })
})

describe('the app is the outermost layer', () => {
  const targets = (folder: string) =>
    filesBelow(folder, /\.ts$/).flatMap((path) =>
      importsOf(path).map((specifier) => ({ path, specifier, target: targetOf(path, specifier) })),
    )

  test('electron joins core to windows: it imports neither pages nor the command line', () => {
    const wrong = targets('electron').filter(
      ({ target }) =>
        target !== undefined && (!/^(electron|core)\//.test(target) || /^core\/cli\//.test(target)),
    )
    expect(wrong).toEqual([])
  })

  test('the preload script knows the contract alone, because it runs inside the sandbox', () => {
    const wrong = targets('electron').filter(
      ({ path, specifier, target }) =>
        path === 'electron/preload.ts' && specifier !== 'electron' && !target?.startsWith('core/contract/'),
    )
    expect(wrong).toEqual([])
  })
})

describe('protocol code can be replayed', () => {
  const pure = coreFiles.filter((path) => PURE.some((folder) => path.startsWith(`${folder}/`)))

  test('it opens no socket, file or process', () => {
    const wrong = pure.filter((path) => importsOf(path).some((name) => IMPURE_MODULES.test(name)))
    expect(wrong).toEqual([])
  })

  test('it asks no clock and no dice: time and randomness are handed in', () => {
    expect(pure.filter((path) => IMPURE_CALLS.test(textOf(path)))).toEqual([])
  })
})

test('no file grows past what one reason can fill', () => {
  const long = ['core', 'electron', 'renderer', 'build', 'test']
    .flatMap((folder) => filesBelow(folder, /\.(ts|mjs|svelte|cc|h)$/))
    .filter((path) => textOf(path).split('\n').length > MOST_LINES)
  expect(long).toEqual([])
})
