import type { Check, ProblemReport } from '../contract/checks.ts'
import type { MessageLine } from '../contract/message.ts'
import type { PastConnection, TunnelSnapshot } from '../contract/snapshot.ts'
import type { Profile } from '../profile/schema.ts'
import { Redaction } from './redaction.ts'

export interface ReportMaterial {
  readonly version: string
  /** `linux 6.1 x64`. */
  readonly system: string
  /** Unix time in ms. */
  readonly now: number
  readonly profile: Profile | undefined
  readonly tunnel: TunnelSnapshot | undefined
  readonly checks: readonly Check[]
  readonly messages: readonly MessageLine[]
  readonly history: readonly PastConnection[]
  /** Names of this computer and of its person, which must not be given away. */
  readonly own: readonly string[]
}

/** Ours: the beginning of a negotiation and its end fit, and nobody reads more. */
export const MOST_MESSAGES = 60

/**
 * A text about a problem, to give to an administrator or to us. It never holds a secret, the content of a message or of
 * traffic. With `hide`, names and addresses are words that stand for them, the same word for the same name.
 */
export function problemReport(material: ReportMaterial, hide: boolean): ProblemReport {
  const redaction = new Redaction()
  learn(redaction, material)
  const text = `${sections(material)
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`
  return hide ? redaction.apply(text) : { text, hidden: [] }
}

/** Everything that names somebody, with the kind of word that stands for it. */
function learn(redaction: Redaction, { profile, tunnel, own }: ReportMaterial): void {
  for (const name of own) redaction.add('mine', name)
  if (profile !== undefined) {
    redaction.add('profile', profile.name)
    redaction.add('profile', profile.id)
    redaction.add('host', profile.gateway.host)
    for (const id of [profile.localId, profile.remoteId]) {
      redaction.add('name', id?.replace(/^(fqdn|email|keyid|ip|dn):/, ''))
    }
    for (const domain of profile.dns.search) redaction.add('domain', domain)
  }
  if (tunnel !== undefined) {
    redaction.add('profile', tunnel.name)
    redaction.add('host', tunnel.gateway.host)
    redaction.add('name', tunnel.phase1?.localIdentity)
    redaction.add('name', tunnel.phase1?.remoteIdentity)
    redaction.add('name', tunnel.phase1?.certificate)
    for (const value of Object.values(tunnel.error?.fault ?? {})) {
      for (const text of [value].flat()) if (typeof text === 'string') learnFault(redaction, text)
    }
  }
}

/** A fault says whom it met: names with a dot or an @ are those. */
function learnFault(redaction: Redaction, text: string): void {
  for (const [name] of text.matchAll(
    /[\p{L}\p{N}_.-]+@[\p{L}\p{N}_.-]+|[\p{L}\p{N}_-]+(?:\.[\p{L}\p{N}_-]+)+/gu,
  )) {
    redaction.add(name.includes('@') ? 'name' : 'host', name)
  }
}

function sections(material: ReportMaterial): readonly (readonly string[])[] {
  const { version, system, now, checks, messages } = material
  return [
    [`culvert ${version}  ${system}`, new Date(now).toISOString()],
    profileLines(material),
    tunnelLines(material.tunnel),
    historyLines(material.history),
    messages.length === 0
      ? []
      : [
          `messages, the last ${Math.min(MOST_MESSAGES, messages.length)}`,
          ...messages.slice(-MOST_MESSAGES).map(messageLine),
        ],
    checks.length === 0 ? [] : ['checks', ...checks.map(checkLine)],
    ['keys, passwords, certificates and traffic: not included'],
  ]
}

function profileLines({ profile }: ReportMaterial): readonly string[] {
  if (profile === undefined) return []
  const { name, gateway, auth, localId, remoteId, ike, esp } = profile
  return [
    `profile ${name}`,
    `gateway ${gateway.host}${remoteId === undefined ? '' : `, expected as ${remoteId}`}`,
    `sign-in ${auth.method} as ${localId}`,
    `phase 1 ${ike.proposals.join(' | ')}`,
    `phase 2 ${esp.proposals.join(' | ')}`,
    `networks ${profile.remoteSubnets?.join(', ') ?? 'all the gateway allows'}`,
    `weak ${profile.weak.join(', ') || 'none'}`,
  ]
}

function tunnelLines(tunnel: TunnelSnapshot | undefined): readonly string[] {
  if (tunnel === undefined) return []
  const { state, step, steps, gateway, phase1, phase2, network, error, rekeys } = tunnel
  return [
    `state ${state}${step === '' ? '' : `, ${step}`}`,
    `address ${gateway.address ?? 'not known'}`,
    ...steps
      .filter((one) => one.state !== 'todo')
      .map(
        ({ what, exchanges, tookMs, again }) =>
          `step ${[what, ...exchanges].join(' ')} ${tookMs ?? '…'} ms${again === 0 ? '' : `, sent again ${again} times`}`,
      ),
    ...(error === undefined ? [] : [`fault ${error.kind}: ${error.detail}`]),
    ...(phase1 === undefined
      ? []
      : [
          `phase 1 ${phase1.version} ${phase1.suite.join(' ')}`,
          `  path ${phase1.localEndpoint} to ${phase1.remoteEndpoint}, NAT ${phase1.nat}, ${phase1.encapsulation}`,
          `  identities ${phase1.localIdentity} by ${phase1.localAuthentication}, ${phase1.remoteIdentity} by ${phase1.remoteAuthentication}`,
          ...(phase1.peerVendorIds.length === 0 ? [] : [`  vendor ${phase1.peerVendorIds.join(', ')}`]),
        ]),
    ...phase2.flatMap(({ protocol, mode, suite, pfs, esn, localSelectors, remoteSelectors, traffic }) => [
      `phase 2 ${protocol} ${mode} ${suite.join(' ')}, PFS ${pfs}${esn ? ', ESN' : ''}`,
      `  selectors ${localSelectors.join(' ')} to ${remoteSelectors.join(' ')}`,
      `  packets ${traffic.inPackets} in, ${traffic.outPackets} out, ${traffic.replayDrops} replayed, ${traffic.otherDrops} other drops`,
    ]),
    ...(network === undefined
      ? []
      : [
          `network ${network.device} MTU ${network.mtu}, engine ${network.engine}`,
          `  addresses ${network.addresses.join(' ')}, routes ${network.routes.join(' ') || 'none'}, DNS ${network.dns.join(' ') || 'as usual'}`,
        ]),
    `rekeys ${rekeys.ike} of phase 1, ${rekeys.child} of phase 2`,
  ]
}

const historyLines = (history: readonly PastConnection[]): readonly string[] =>
  history.length === 0
    ? []
    : [
        'last connections',
        ...history
          .slice(0, 5)
          .map(
            ({ sinceMs, untilMs, ended }) =>
              `  ${new Date(sinceMs).toISOString()} for ${Math.round((untilMs - sinceMs) / 1000)} s, ended by ${ended}`,
          ),
      ]

function messageLine(message: MessageLine): string {
  const time = new Date(message.atMs).toISOString().slice(11, 23)
  const arrow = message.direction === 'out' ? '-->' : '<--'
  const kind = message.response ? 'response' : 'request'
  const again = message.retransmission ? ' again' : ''
  const problem = message.problem === undefined ? '' : `, ${message.problem}`
  return `  ${time} ${arrow} ${message.exchange} ${kind} ${message.messageId}${again}, ${message.octets} octets: ${message.payloads.join(' ')}${problem}`
}

const checkLine = ({ state, place, name, detail }: Check): string =>
  `  ${state === 'ok' ? 'ok' : state === 'missing' ? 'NO' : 'note'} ${place}, ${name}: ${detail}`
