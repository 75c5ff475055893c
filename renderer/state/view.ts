import type { ErrorSnapshot, TunnelSnapshot } from '../../core/contract/snapshot.ts'
import type { ViewState } from '../text/en.ts'

/** How a connection is drawn. `refusal`: why a call about it came to nothing. */
export function viewOf(
  tunnel: TunnelSnapshot | undefined,
  refusal: ErrorSnapshot | undefined,
  asked = false,
): ViewState {
  const error = tunnel?.error ?? refusal
  if (asked && tunnel?.state !== 'connected') return 'asking'
  if (tunnel?.state === 'reconnecting' && (tunnel.held?.length ?? 0) > 0) return 'blocked'
  if (tunnel !== undefined && tunnel.state !== 'idle' && tunnel.state !== 'failed') return tunnel.state
  if (error === undefined) return 'idle'
  return error.kind === 'secretMissing' ? 'asking' : 'error'
}

/**
 * Whether another try is under way while traffic waits: a try may take half a minute, and who cannot wait that long can
 * let it out meanwhile. On the first try nothing has gone wrong yet.
 */
export const triesWhileBlocked = (tunnel: TunnelSnapshot | undefined): boolean =>
  (tunnel?.state === 'phase1' || tunnel?.state === 'phase2') &&
  tunnel.error !== undefined &&
  (tunnel.held?.length ?? 0) > 0

/** How far the wall has grown from here to the gateway, 0 to 1: by the step reached, never by time. */
export function grown(tunnel: TunnelSnapshot | undefined): number {
  if (tunnel?.gateway.address === undefined) return 0.15
  return tunnel.phase1 === undefined ? 0.4 : 0.71
}
