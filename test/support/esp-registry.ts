import { createRegistry } from '../../core/crypto/registry.ts'
import type { CryptoRegistry, IntegrityInfo } from '../../core/crypto/transforms.ts'
import { loadAddon } from '../../core/native/load.ts'

/** Stands for "no ICV" where an old example has none; nothing outside the tests knows it. */
export const NO_ICV = 65_000

const noIcv: IntegrityInfo = {
  name: 'no ICV',
  id: NO_ICV,
  reference: '',
  keyBytes: 0,
  icvBytes: 0,
  compute: () => new Uint8Array(0),
}

const registry = createRegistry(loadAddon())

/** Every transform of this host, and one that protects nothing. */
export const espRegistry: CryptoRegistry = {
  ...registry,
  integrity: new Map([...registry.integrity, [NO_ICV, noIcv]]),
}
