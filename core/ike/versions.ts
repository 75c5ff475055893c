import type { Millis } from '../bytes/brands.ts'
import type { Random } from '../bytes/random.ts'
import type { CryptoRegistry } from '../crypto/transforms.ts'
import type { ConnectionConfig, ConnectionView } from './config.ts'
import type { ExposedKeys } from './exposed-keys.ts'
import { Fallback } from './fallback.ts'
import type { State } from './session.ts'
import { Idle as IdleV1 } from './v1/initiator.ts'
import { Negotiation as NegotiationV1 } from './v1/negotiation.ts'
import { exposedKeys as exposedKeysV1, viewOf as viewOfV1 } from './v1/view.ts'
import { Idle } from './v2/initiator.ts'
import { Negotiation } from './v2/negotiation.ts'
import { exposedKeys, viewOf } from './v2/view.ts'
import type { Counters } from './view.ts'

/** A negotiation of either version that has not begun. */
export interface Initiator {
  readonly state: State
  /** What a person sees of it. `toUnixMs` turns the monotonic clock into wall time. */
  view(counters: Counters, toUnixMs: (at: Millis) => number): ConnectionView
  /** Those of its IKE SA, where it stands; the caller closes them. */
  keys(): Omit<ExposedKeys, 'esp'>
}

/** The initiator of the version that `config` names. */
export function initiator(config: ConnectionConfig, registry: CryptoRegistry, random: Random): Initiator {
  if (config.version === 'auto') {
    const both = new Fallback(config, registry, random)
    return {
      state: both,
      view: (counters, toUnixMs) => both.view(counters, toUnixMs),
      keys: () => both.keys(),
    }
  }
  if (config.version === 1) {
    const n = new NegotiationV1(config, registry, random)
    return {
      state: new IdleV1(n),
      view: (counters, toUnixMs) => viewOfV1(n, counters, toUnixMs),
      keys: () => exposedKeysV1(n),
    }
  }
  const n = new Negotiation(config, registry, random)
  return {
    state: new Idle(n),
    view: (counters, toUnixMs) => viewOf(n, counters, toUnixMs),
    keys: () => exposedKeys(n),
  }
}
