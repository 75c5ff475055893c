import type { CryptoRegistry } from '../../core/crypto/transforms.ts'
import type { NativeAddon } from '../../core/native/addon.ts'
import type { VectorResult } from './result.ts'
import { runRfc } from './rfc.ts'
import { runSignatures } from './signatures.ts'
import { runWycheproof } from './wycheproof.ts'

/** Every vector in `data` that concerns a transform of the registry; plain code, so that any runtime can do it. */
export function runVectors(data: string, registry: CryptoRegistry, addon: NativeAddon): VectorResult[] {
  return [...runRfc(data, registry, addon), ...runWycheproof(data, registry, addon), ...runSignatures(data)]
}
