import { adviceFor } from '../advice.ts'
import type { TunnelPhase } from '../contract/snapshot.ts'
import type { Connection, ConnectionView } from '../ike/config.ts'
import type { OsEdge, TunnelPlan } from '../net/plan.ts'
import { faultOf } from './fault.ts'
import type { Kept } from './on-demand.ts'

/** One attempt: a connection and what it brought to the operating system. Leftovers of an old one are ignored. */
export interface Attempt {
  connection: Connection | undefined
  edge: OsEdge | undefined
  device: string | undefined
  fd: number | undefined
  plan: TunnelPlan | undefined
  /** Settles when the machine is at its plan, or has failed to get there. */
  bringUp: Promise<void> | undefined
  /** Stops to look for packets that open the tunnel. */
  stopWatching: (() => void) | undefined
  /** Those that came so far. */
  kept: Kept | undefined
  /** The device is in the hands of the datapath. */
  attached: boolean
  over: boolean
}

export const newAttempt = (): Attempt => ({
  connection: undefined,
  edge: undefined,
  device: undefined,
  fd: undefined,
  plan: undefined,
  bringUp: undefined,
  stopWatching: undefined,
  kept: undefined,
  attached: false,
  over: false,
})

/** Gives back what an attempt took. A refusal is told, and does not keep the rest from being undone. */
export async function release(
  attempt: Attempt,
  closeFd: (fd: number) => void,
  note: (text: string) => void,
): Promise<void> {
  const { edge, device, fd } = attempt
  attempt.stopWatching?.()
  attempt.stopWatching = undefined
  attempt.fd = undefined
  attempt.device = undefined
  if (edge !== undefined && device !== undefined) {
    await edge.restore(device).catch((thrown: unknown) => {
      note(`putting the network back failed: ${adviceFor(faultOf(thrown)).detail}`)
    })
  }
  if (fd !== undefined) closeFd(fd)
}

/** The connection knows better how far it is: phase 2 may still be missing, or be missing again. */
export function phaseShown(phase: TunnelPhase, state: ConnectionView['state'] | undefined): TunnelPhase {
  if (phase === 'phase1' && state !== 'phase1') return 'phase2'
  return phase === 'connected' && state === 'phase2' ? 'phase2' : phase
}

/** `192.0.2.1` of `192.0.2.1:4500` or `[2001:db8::1]:4500` without its brackets. */
export const addressIn = (endpoint: string | undefined): string | undefined =>
  /^\[?([^\]]+?)\]?:\d+$/.exec(endpoint ?? '')?.[1]
