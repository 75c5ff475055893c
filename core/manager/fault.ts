import { type VpnError, VpnFailure } from '../errors.ts'

/** Whatever was thrown, as a fault. */
export function faultOf(thrown: unknown): VpnError {
  if (thrown instanceof VpnFailure) return thrown.error
  return { kind: 'internal', problem: thrown instanceof Error ? thrown.message : String(thrown) }
}
