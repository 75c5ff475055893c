import type { VpnError } from '../../errors.ts'
import type { IkeEvent, State, Step } from '../session.ts'
import type { Negotiation } from './negotiation.ts'

/** The end of the line: events change nothing. */
export class Closed implements State {
  readonly name = 'Closed'
  handle(): Step {
    return { next: this, actions: [] }
  }
}

/** On to `next`, with everything that was to be done. */
export const step = (next: State, n: Negotiation): Step => ({ next, actions: n.take() })

/** The end, with the reason. */
export function finish(n: Negotiation, error: VpnError | undefined): Step {
  n.finish(error)
  return step(new Closed(), n)
}

/** Whether {@link common} ends it all over this event. */
export const isEnd = (event: IkeEvent): boolean =>
  event.type === 'failed' ||
  event.type === 'pathLost' ||
  (event.type === 'command' && event.command.type === 'disconnect')

/** The TCP connection was lost before there was anything to go on with. */
const lostPath = ({ config }: Negotiation, problem: string): VpnError => ({
  kind: 'unreachable',
  host: config.gatewayHost,
  tries: 1,
  hint: `the TCP connection was lost: ${problem}`,
})

/** What every state of a negotiation that does not stand yet does with an event that is not its own. */
export function common(n: Negotiation, event: IkeEvent, self: State): Step {
  if (event.type === 'failed') return finish(n, event.error)
  if (event.type === 'pathLost') return finish(n, lostPath(n, event.problem))
  if (event.type === 'command' && event.command.type === 'disconnect') return finish(n, { kind: 'cancelled' })
  return step(self, n)
}
