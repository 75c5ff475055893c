import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Metafile } from 'esbuild'
import { expect, test } from 'vitest'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** Ours: what the window needs to show itself is not much; everything else of main is twenty times as much. */
const MOST_OCTETS = 120_000

/** All that is read before a module runs. */
function readAtOnce(
  outputs: Metafile['outputs'],
  path: string,
  seen = new Set<string>(),
): ReadonlySet<string> {
  if (seen.has(path)) return seen
  seen.add(path)
  for (const { path: other, kind, external } of outputs[path]?.imports ?? [])
    if (kind === 'import-statement' && external !== true) readAtOnce(outputs, other, seen)
  return seen
}

test('a start reads what the window needs, and everything else when that is asked for', async () => {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: ['electron/main.ts'],
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    external: ['electron', '@napi-rs/keyring'],
    minifySyntax: true,
    minifyWhitespace: true,
    outdir: 'dist/unwritten',
    write: false,
    metafile: true,
    logLevel: 'silent',
  })
  const main = Object.keys(metafile.outputs).find((path) => path.endsWith('/main.js')) ?? ''
  const files = [...readAtOnce(metafile.outputs, main)]
  const octets = files.reduce((sum, path) => sum + (metafile.outputs[path]?.bytes ?? 0), 0)
  const inputs = files.flatMap((path) => Object.keys(metafile.outputs[path]?.inputs ?? {}))
  expect(inputs.filter((path) => /node-forge|core\/(ike|cert|wire|profile\/schema)\b/.test(path))).toEqual([])
  expect(octets).toBeLessThan(MOST_OCTETS)
}, 60_000)
