import {
  type CheckedDocument,
  IKE_VERSIONS,
  type ProfileDocument,
  type SuiteWords,
} from '../../core/contract/profile.ts'
import type { EditorSection } from './sections.ts'

/** A sentence of *In plain words*. `tone` held: something to think about. */
export interface Sentence {
  readonly text: string
  readonly tone?: 'held'
}

/** `4 hours`, `90 minutes`, `45 seconds`. */
export function span(seconds: number): string {
  const [value, unit] =
    seconds % 3600 === 0 && seconds > 0
      ? [seconds / 3600, 'hour']
      : seconds % 60 === 0 && seconds > 0
        ? [seconds / 60, 'minute']
        : [seconds, 'second']
  return value === 1 ? `1 ${unit}` : `${value} ${unit}s`
}

const every = (seconds: number): string => `every ${span(seconds).replace(/^1 /, '')}`

/** What a profile means, for somebody who knows none of its words. */
export function plainly(
  document: ProfileDocument,
  checked: CheckedDocument | undefined,
): readonly Sentence[] {
  const { gateway, ike, esp, dns, allowLan } = document
  const host = gateway.host.trim() || 'the gateway you name'
  const weak = [...(checked?.ike ?? []), ...(checked?.esp ?? [])].flatMap((suite) => suite.weak)
  return [
    {
      text: `Culvert calls ${host} with ${IKE_VERSIONS[ike.version]} and signs in as ${whoOf(document, checked)}.`,
    },
    { text: proof(document, checked, host) },
    {
      text: `To agree on keys, ${count(ike.proposals.length, 'suite is', 'suites are')} offered. The gateway picks the first it likes.`,
    },
    {
      text: `Your traffic gets keys of its own, new ones ${every(esp.rekeySeconds)}${esp.pfs ? '. Old keys cannot open new traffic' : ''}.`,
    },
    { text: networks(document) },
    { text: names(dns) },
    ...(document.remoteSubnets === undefined && allowLan
      ? [{ text: 'Printers and file servers nearby stay reachable.' }]
      : []),
    ...(ike.dpdSeconds === 0
      ? [{ text: 'A gateway that falls silent is not asked after.', tone: 'held' as const }]
      : [
          {
            text: `If the gateway falls silent for ${span(ike.dpdSeconds)}, it is asked, and then called again.`,
          },
        ]),
    ...distinct(weak.map(({ word, why }) => `${word} is weak: ${why}.`)).map((text) => ({
      text,
      tone: 'held' as const,
    })),
  ]
}

/** Whom one signs in as, and by what. */
function whoOf({ localId, auth }: ProfileDocument, checked: CheckedDocument | undefined): string {
  const named = localId?.trim()
  if (auth.method !== 'certificate') return named || 'whom you say'
  return `${named || checked?.own?.names[0] || 'whom your certificate names'}, by certificate`
}

/** What the gateway has to show. */
function proof({ remoteId }: ProfileDocument, checked: CheckedDocument | undefined, host: string): string {
  if (checked?.gateway !== 'certificate') {
    return `The gateway must prove that it knows your key${remoteId ? ` and that it is ${remoteId}` : ''} before anything of yours is sent.`
  }
  const [one, ...more] = checked.authorities
  const from =
    one === undefined
      ? 'an authority this computer trusts'
      : more.length === 0
        ? one.subject
        : `one of ${more.length + 1} authorities`
  return `The gateway must show a certificate for ${remoteId || host} from ${from} before your traffic is sent.`
}

function networks({ remoteSubnets }: ProfileDocument): string {
  if (remoteSubnets === undefined || remoteSubnets.length === 0) {
    return 'Everything the gateway allows goes through the tunnel; where it allows all, that is all your traffic.'
  }
  if (remoteSubnets.length === 1) return `Only ${remoteSubnets[0]} goes through the tunnel.`
  return `Only ${remoteSubnets.length} networks go through the tunnel. Everything else goes out as usual.`
}

function names({ fromGateway, servers }: ProfileDocument['dns']): string {
  if (fromGateway) return 'Names are asked of the servers the gateway gives, while the tunnel is up.'
  return servers.length === 0 ? 'Names are asked as usual.' : `Names are asked of ${servers.join(' and ')}.`
}

/** A closed section in one line. */
export function summary(
  id: EditorSection['id'],
  document: ProfileDocument,
  checked: CheckedDocument | undefined,
): string {
  const { ike, esp, dns, weak } = document
  switch (id) {
    case 'name':
      return [document.name, document.folder].filter(Boolean).join(', in ')
    case 'identity':
      return (
        document.remoteId ??
        (checked?.gateway === 'certificate'
          ? `${document.gateway.host}, by certificate`
          : 'whoever knows the key')
      )
    case 'phase1':
      return `${IKE_VERSIONS[ike.version]}, ${count(ike.proposals.length, 'proposal', 'proposals')}, new keys ${every(ike.rekeySeconds)}`
    case 'phase2':
      return `ESP tunnel, ${first(checked?.esp)}${esp.pfs ? ', PFS' : ''}, new keys ${every(esp.rekeySeconds)}`
    case 'networks': {
      const what = document.remoteSubnets?.length
        ? count(document.remoteSubnets.length, 'network', 'networks')
        : 'what the gateway allows'
      return `${what}, names ${dns.fromGateway ? 'from the gateway' : dns.servers.join(', ') || 'as usual'}`
    }
    case 'safety':
      return `local network ${document.allowLan ? 'allowed' : 'not reachable'}${weak.length === 0 ? '' : `, weak: ${weak.join(', ')}`}`
    case 'transport':
      return `UDP 500 and 4500${document.mtu === undefined ? '' : `, packets of ${document.mtu} octets`}`
  }
}

const first = (suites: readonly SuiteWords[] | undefined): string =>
  suites?.[0]?.words.split(/[,;]| or /)[0] ?? ''
const count = (number: number, one: string, many: string): string =>
  number === 1 ? `one ${one}` : `${number} ${many}`
const distinct = (texts: readonly string[]): readonly string[] => [...new Set(texts)]
