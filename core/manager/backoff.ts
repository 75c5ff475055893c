import type { Random } from '../bytes/random.ts'
import type { VpnErrorKind } from '../errors.ts'

/** Faults of the moment, which may be gone at the next try; all others need a person. */
const PASSING: ReadonlySet<VpnErrorKind> = new Set([
  'unreachable',
  'noAnswer',
  'closedByGateway',
  'nameNotResolved',
])

export const isPassing = (kind: VpnErrorKind): boolean => PASSING.has(kind)

const CHOICE = { firstMs: 1_000, mostMs: 60_000, jitter: 0.2 } as const

/** Milliseconds before try number `tries` (from 0): 1 s, 2 s, 4 s … 60 s, each up to a fifth more or less. */
export function backoffMs(tries: number, random: Random): number {
  const base = Math.min(CHOICE.firstMs * 2 ** Math.min(tries, 16), CHOICE.mostMs)
  const [high = 0, low = 0] = random.bytes(2)
  // Many clients lose the same gateway at once; the jitter keeps them from coming back at once.
  const spread = (high * 256 + low) / 65_535
  return Math.round(base * (1 - CHOICE.jitter + 2 * CHOICE.jitter * spread))
}
