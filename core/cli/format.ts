import type { MessageLine } from '../contract/message.ts'
import type { AppSnapshot, Phase1Snapshot, Phase2Snapshot, TunnelSnapshot } from '../contract/snapshot.ts'
import type { MessageTree, TreeNode } from '../contract/tree.ts'

const STATE_WORDS: Readonly<Record<TunnelSnapshot['state'], string>> = {
  idle: 'not connected',
  phase1: 'connecting, phase 1',
  phase2: 'connecting, phase 2',
  connected: 'connected',
  waiting: 'waiting for a packet',
  reconnecting: 'reconnecting',
  disconnecting: 'disconnecting',
  blocked: 'blocked by the kill switch',
  failed: 'stopped',
}

/** Everything `culvert status` shows, at the time `nowMs` (Unix, ms). */
export function formatStatus(snapshot: AppSnapshot, nowMs: number): string {
  if (snapshot.tunnels.length === 0) return 'Nothing is connected.'
  return snapshot.tunnels.map((tunnel) => formatTunnel(tunnel, nowMs)).join('\n\n')
}

export function formatTunnel(tunnel: TunnelSnapshot, nowMs: number): string {
  const lines = [headline(tunnel, nowMs)]
  if (tunnel.error !== undefined) {
    lines.push(`  ${tunnel.error.title}: ${tunnel.error.detail}`)
    lines.push(...tunnel.error.tryThis.map((advice) => `  - ${advice}`))
  }
  if (tunnel.held !== undefined) {
    lines.push(`  Held back: ${heldWords(tunnel.held)}. \`culvert unblock\` lets it out.`)
  }
  if (tunnel.phase1 !== undefined) lines.push(...formatPhase1(tunnel.phase1, nowMs))
  for (const child of tunnel.phase2) lines.push(...formatPhase2(child, nowMs))
  if (tunnel.network !== undefined) {
    const { device, mtu, addresses, routes, dns, encryptedDns, engine } = tunnel.network
    lines.push(
      '  This computer',
      row('device', `${device}, MTU ${mtu}, engine ${engine}`),
      row('addresses', list(addresses)),
      row('routes', list(routes)),
      row('DNS', list(dns)),
      ...(encryptedDns === undefined ? [] : [row('DNS in TLS', list(encryptedDns))]),
    )
  }
  if (tunnel.rekeys.ike + tunnel.rekeys.child > 0) {
    lines.push(row('rekeys', `IKE ${tunnel.rekeys.ike}, child ${tunnel.rekeys.child}`))
  }
  return lines.join('\n')
}

function headline(tunnel: TunnelSnapshot, nowMs: number): string {
  const { host, address } = tunnel.gateway
  const to = address === undefined || address === host ? host : `${host} (${address})`
  const parts = [STATE_WORDS[tunnel.state]]
  if (tunnel.state === 'connected') parts.push(duration(nowMs - tunnel.sinceMs))
  if (tunnel.step !== '') parts.push(tunnel.step)
  if (tunnel.retryAtMs !== undefined) parts.push(`next try in ${duration(tunnel.retryAtMs - nowMs)}`)
  return `${tunnel.name}: ${parts.join(', ')} — ${to}`
}

/** What a kill switch holds back: `all traffic`, `traffic for 10.0.0.0/8`. */
export const heldWords = (networks: readonly string[]): string =>
  networks.some((network) => network.endsWith('/0')) ? 'all traffic' : `traffic for ${list(networks)}`

/** Phase 1, the agreement. */
export function formatPhase1(phase1: Phase1Snapshot, nowMs: number): readonly string[] {
  const lines = [
    `  Phase 1  ${phase1.version}, up for ${duration(nowMs - phase1.establishedAtMs)}${left(phase1.rekeyAtMs, nowMs)}`,
    row('SPIs', `${phase1.initiatorSpi} (initiator), ${phase1.responderSpi} (responder)`),
    row('suite', list(phase1.suite)),
    row('we are', `${phase1.localIdentity}, by ${phase1.localAuthentication}`),
    row('gateway is', `${phase1.remoteIdentity}, by ${phase1.remoteAuthentication}`),
    row('path', `${phase1.localEndpoint} → ${phase1.remoteEndpoint}`),
    row('NAT', `${phase1.nat}; ${phase1.encapsulation}${keepalive(phase1.keepaliveSeconds)}`),
  ]
  if (phase1.certificate !== undefined) lines.push(row('certificate', phase1.certificate))
  if (phase1.peerVendorIds.length > 0) lines.push(row('vendor', list(phase1.peerVendorIds)))
  return lines
}

/** Phase 2, the traffic. */
export function formatPhase2(child: Phase2Snapshot, nowMs: number): readonly string[] {
  const { traffic } = child
  const esn = child.esn ? ', extended sequence numbers' : ''
  return [
    `  Phase 2  ${child.name}: ${child.protocol} ${child.mode}, up for ${duration(nowMs - child.establishedAtMs)}${left(child.rekeyAtMs, nowMs)}`,
    row('SPIs', `${child.inboundSpi} in, ${child.outboundSpi} out`),
    row('suite', `${list(child.suite)}; PFS ${child.pfs}${esn}`),
    row('selectors', `${list(child.localSelectors)} ↔ ${list(child.remoteSelectors)}`),
    row('in', `${octets(traffic.inBytes)}, ${thousands(traffic.inPackets)} packets`),
    row('out', `${octets(traffic.outBytes)}, ${thousands(traffic.outPackets)} packets`),
    row('dropped', `${traffic.replayDrops} replayed, ${traffic.otherDrops} other`),
  ]
}

/** `2 h 14 min`, `1 min 5 s`, `8 s`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

/** `812 B`, `4.2 MB`. */
export function octets(count: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'] as const
  let value = count
  let unit = 0
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000
    unit += 1
  }
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`
}

const row = (name: string, value: string): string => `    ${name.padEnd(11)} ${value}`
const list = (items: readonly string[]): string => (items.length === 0 ? 'none' : items.join(', '))
const thousands = (count: number): string => String(count).replace(/\B(?=(\d{3})+$)/g, '\u2009')
const keepalive = (seconds: number | undefined): string =>
  seconds === undefined ? '' : `, keepalive every ${seconds} s`
const left = (atMs: number | undefined, nowMs: number): string =>
  atMs === undefined ? '' : `, new keys in ${duration(atMs - nowMs)}`

/** A message field by field: name, value and what it means. */
export function formatTree({ root }: MessageTree): string {
  const lines: string[] = []
  const add = (
    { name, value, says, reference, remarks = [], children = [] }: TreeNode,
    depth: number,
  ): void => {
    const indent = '  '.repeat(depth)
    lines.push(`${indent}${name}${value === '' ? '' : `: ${value}`}  — ${says} (${reference})`)
    for (const remark of remarks) lines.push(`${indent}  ! ${remark}`)
    for (const child of children) add(child, depth + 1)
  }
  add(root, 0)
  return lines.join('\n')
}

/** A message of the inspector in one line: `7  12:00:00.000 --> IKE_AUTH request 1, 240 octets: SK`. */
export function formatMessage(message: MessageLine): string {
  const time = new Date(message.atMs).toISOString().slice(11, 23)
  const arrow = message.direction === 'out' ? '-->' : '<--'
  const kind = message.response ? 'response' : 'request'
  const again = message.retransmission ? ' (again)' : ''
  const problem = message.problem === undefined ? '' : `, ${message.problem}`
  const part =
    message.fragment === undefined
      ? ''
      : ` (fragment ${message.fragment.number} of ${message.fragment.total})`
  const size =
    message.fragments === undefined ? `${message.octets} octets` : `in ${message.fragments} fragments`
  const payloads = message.payloads.length === 0 ? '' : `: ${message.payloads.join(', ')}`
  return `${message.number}  ${time} ${arrow} ${message.exchange} ${kind} ${message.messageId}${part}${again}, ${size}${payloads}${problem}`
}
