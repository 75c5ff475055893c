import type { AppSnapshot, TunnelSnapshot } from '../contract/snapshot.ts'
import { heldWords } from './format.ts'
import type { Terminal } from './terminal.ts'

/**
 * Tells what happens as it happens: a line for each step of phase 1 and phase 2, or with `json` the tunnel as an
 * object. Give it every snapshot; it speaks only of what is new.
 */
export class Reporter {
  readonly #terminal: Terminal
  readonly #json: boolean
  readonly #only: string | undefined
  readonly #told = new Map<string, readonly string[]>()

  /** `only`: the id of the one profile to speak of. */
  constructor(terminal: Terminal, json: boolean, only?: string) {
    this.#terminal = terminal
    this.#json = json
    this.#only = only
  }

  /** What was so before we came is no news. */
  skip(snapshot: AppSnapshot): void {
    for (const tunnel of snapshot.tunnels) this.#told.set(tunnel.profile, linesFor(tunnel))
  }

  show(snapshot: AppSnapshot): void {
    for (const tunnel of snapshot.tunnels) {
      if (this.#only === undefined || tunnel.profile === this.#only) this.#showOne(tunnel)
    }
  }

  note(text: string): void {
    if (this.#json) this.#terminal.out(JSON.stringify({ event: 'note', text }))
    else this.#terminal.err(text)
  }

  #showOne(tunnel: TunnelSnapshot): void {
    const before = this.#told.get(tunnel.profile) ?? []
    const now = linesFor(tunnel)
    this.#told.set(tunnel.profile, now)
    const fresh = now.filter((line) => !before.includes(line))
    if (fresh.length === 0) return
    if (this.#json) this.#terminal.out(JSON.stringify({ event: 'tunnel', tunnel }))
    else for (const line of fresh) this.#terminal.out(`${tunnel.name}: ${line}`)
  }
}

/** What can be said of a tunnel now, in the order it happened. */
function linesFor(tunnel: TunnelSnapshot): readonly string[] {
  const lines: string[] = []
  const { phase1, network, gateway } = tunnel
  if (tunnel.state === 'phase1' && gateway.address !== undefined) {
    lines.push(
      `phase 1: asking ${gateway.host}${gateway.address === gateway.host ? '' : ` (${gateway.address})`}`,
    )
  }
  if (phase1 !== undefined && tunnel.state !== 'phase1') {
    lines.push(
      `phase 1 stands: ${phase1.version}, ${phase1.suite.join(' ')}, gateway ${phase1.remoteIdentity} by ${phase1.remoteAuthentication} [${phase1.initiatorSpi}]`,
    )
  }
  if (tunnel.keys === 'manual' && tunnel.phase2.length > 0) {
    lines.push(
      'keys by hand: there is no phase 1, nobody proves anything, keys are never renewed, and replayed packets are taken',
    )
  }
  for (const child of tunnel.phase2) {
    lines.push(
      `phase 2 stands: ${child.protocol} ${child.mode}, ${child.suite.join(' ')}, ${child.localSelectors.join(' ')} ↔ ${child.remoteSelectors.join(' ')} [${child.inboundSpi} in, ${child.outboundSpi} out]`,
    )
  }
  if (tunnel.state === 'connected' && network !== undefined) {
    const dns = network.dns.length === 0 ? '' : `, DNS ${network.dns.join(' ')}`
    lines.push(
      `connected: ${network.device} ${network.addresses.join(' ')}, routes ${network.routes.join(' ')}${dns}`,
    )
  }
  if (tunnel.state === 'connected' && network?.hint !== undefined) lines.push(network.hint)
  if (tunnel.state === 'waiting') {
    lines.push(
      `waiting: the first packet for ${tunnel.network?.routes.join(' ')} opens the tunnel [${tunnel.sinceMs}]`,
    )
  }
  if (tunnel.state === 'reconnecting' && tunnel.error !== undefined) {
    lines.push(`reconnecting: ${tunnel.error.title}: ${tunnel.error.detail} [${tunnel.sinceMs}]`)
  }
  if (tunnel.state !== 'connected' && tunnel.held !== undefined) {
    lines.push(`${heldWords(tunnel.held)} is held back by the kill switch`)
  }
  if (tunnel.state === 'disconnecting') lines.push('disconnecting')
  if (tunnel.state === 'idle') lines.push('disconnected')
  return lines
}
