// Builds the window: main and preload into dist/electron with esbuild, the pages into dist/renderer with Vite.
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { root } from './setup.mjs'

const STAMP = 'dist/electron/.inputs.json'
/** What may change the outcome. Whole folders: a file that appears counts as well. */
const INPUTS = [
  'electron',
  'renderer',
  'core',
  'build/app.mjs',
  'build/icons',
  'docs/lessons',
  'tsconfig.json',
  'package-lock.json',
]
const OUTPUTS = ['dist/electron/main.mjs', 'dist/electron/preload.cjs', 'dist/renderer/index.html']

function filesOf(path) {
  const top = join(root, path)
  if (!existsSync(top)) return []
  if (!statSync(top).isDirectory()) return [top]
  return readdirSync(top, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
}

/** Size and time of every input: reading them all would cost more than half of the second a start may take. */
function fingerprint() {
  const lines = INPUTS.flatMap(filesOf)
    .sort()
    .map((file) => {
      const { mtimeMs, size } = statSync(file)
      return `${relative(root, file)} ${mtimeMs} ${size}`
    })
  return lines.join('\n')
}

const isFresh = (wanted) =>
  OUTPUTS.every((path) => existsSync(join(root, path))) &&
  existsSync(join(root, STAMP)) &&
  readFileSync(join(root, STAMP), 'utf8') === wanted

async function buildMain() {
  const { build } = await import('esbuild')
  const common = {
    absWorkingDir: root,
    bundle: true,
    platform: 'node',
    target: 'node20.18',
    external: ['electron', '@napi-rs/keyring'],
    sourcemap: 'linked',
    legalComments: 'none',
    logLevel: 'error',
    // A start reads all of it. Names stay: they are in what goes wrong.
    minifySyntax: true,
    minifyWhitespace: true,
  }
  const output = join(root, 'dist', 'electron')
  rmSync(join(output, 'parts'), { recursive: true, force: true })
  await Promise.all([
    build({
      ...common,
      entryPoints: ['electron/main.ts'],
      outdir: output,
      outExtension: { '.js': '.mjs' },
      format: 'esm',
      // What is imported when it is needed is a file of its own.
      splitting: true,
      chunkNames: 'parts/[name]-[hash]',
      // Some packages are CommonJS and require what Node brings along, which a module cannot by itself.
      banner: {
        js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
      },
    }),
    // A sandboxed preload script is CommonJS and may load nothing but `electron`.
    build({
      ...common,
      entryPoints: ['electron/preload.ts'],
      outfile: 'dist/electron/preload.cjs',
      format: 'cjs',
      sourcemap: false,
    }),
  ])
}

async function buildPages() {
  const [{ build }, { svelte }] = await Promise.all([import('vite'), import('@sveltejs/vite-plugin-svelte')])
  await build({
    configFile: false,
    root: join(root, 'renderer'),
    base: './',
    logLevel: 'error',
    plugins: [svelte({ configFile: false, compilerOptions: { runes: true } })],
    build: {
      outDir: join(root, 'dist', 'renderer'),
      emptyOutDir: true,
      target: 'chrome130',
      // The policy of the pages allows no inline script and no data: addresses.
      modulePreload: false,
      assetsInlineLimit: 0,
    },
  })
}

/** Builds what is not up to date; throws an `Error` of one sentence. Resolves to true when something was built. */
export async function buildApp() {
  const wanted = fingerprint()
  if (isFresh(wanted)) return false
  console.error('culvert: building the window')
  rmSync(join(root, STAMP), { force: true })
  try {
    await Promise.all([buildMain(), buildPages()])
  } catch (error) {
    throw new Error(`the window does not compile: ${error.message}`)
  }
  const output = join(root, 'dist', 'electron')
  mkdirSync(output, { recursive: true })
  const png = (path) => !path.endsWith('.svg')
  cpSync(join(root, 'build', 'icons', 'tray'), join(output, 'tray'), { recursive: true, filter: png })
  cpSync(join(root, 'docs', 'lessons'), join(output, 'lessons'), { recursive: true })
  cpSync(join(root, 'build', 'icons', 'app', '256x256.png'), join(output, 'icon.png'))
  writeFileSync(join(root, STAMP), wanted)
  return true
}

if (process.argv[1] && resolve(process.argv[1]) === import.meta.filename) await buildApp()
