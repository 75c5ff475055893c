import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { VpnFailure } from '../errors.ts'
import type { NativeAddon } from './addon.ts'

let loaded: NativeAddon | undefined

/**
 * The addon, loaded once. Looks at `CULVERT_NATIVE` (path of the binary) first, then for `dist/native/culvert.node`
 * beside or above this file, so that it is found from the sources and from a bundle alike.
 * Throws a {@link VpnFailure} of kind `nativeMissing`.
 */
export function loadAddon(): NativeAddon {
  loaded ??= load(find())
  return loaded
}

function find(): string {
  const chosen = process.env.CULVERT_NATIVE
  return chosen ? resolve(chosen) : nativePath('culvert.node')
}

/** Where the build put one of the native parts. Throws a {@link VpnFailure} of kind `nativeMissing`. */
export function nativePath(name: string): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    for (const place of ['native', 'dist/native']) {
      const path = join(folder, place, name)
      if (existsSync(path)) return path
    }
    if (folder === dirname(folder)) break
  }
  throw missing(`dist/native/${name} was not found; \`node build/native.mjs\` builds it`)
}

function load(path: string): NativeAddon {
  try {
    return createRequire(import.meta.url)(path) as NativeAddon
  } catch (error) {
    throw missing(`${path} does not load: ${error instanceof Error ? error.message : String(error)}`)
  }
}

const missing = (problem: string): VpnFailure => new VpnFailure({ kind: 'nativeMissing', problem })
