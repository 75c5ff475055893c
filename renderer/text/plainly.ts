import {
  type CheckedDocument,
  IKE_VERSIONS,
  type ProfileDocument,
  type SuiteWords,
} from '../../core/contract/profile.ts'
import { asksBesides, eapOf, wayOf } from '../state/sign-in.ts'
import { methodName } from './eap-fields.ts'
import type { EditorSection } from './sections.ts'
import { weakSentence } from './views.ts'

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
  const suites = [...(checked?.ike ?? []), ...(checked?.esp ?? [])].flatMap((suite) => suite.weak)
  const weak = [...suites, ...(checked?.alsoWeak ?? [])]
  return [
    {
      text: `Culvert calls ${host} with ${IKE_VERSIONS[ike.version]} and signs in as ${whoOf(document, checked)}.`,
    },
    ...fallback(document),
    { text: proof(document, checked, host) },
    ...method(document),
    ...exchange(document),
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
    ...distinct(weak.map(({ word, why }) => weakSentence(word, why))).map((text) => ({
      text,
      tone: 'held' as const,
    })),
  ]
}

/** Whom one signs in as, and by what. */
function whoOf(document: ProfileDocument, checked: CheckedDocument | undefined): string {
  const { localId, auth, xauth } = document
  const named = localId?.trim()
  if (wayOf(document) === 'password') {
    const user = text(eapOf(document)?.user) || xauth?.user.trim() || ''
    const tls = auth.method === 'eap' && String(eapOf(document)?.methods) === 'tls'
    const whom =
      user || named || (tls ? (checked?.own?.names[0] ?? 'whom your certificate names') : 'whom you say')
    return `${whom}, by ${tls ? 'certificate' : 'password'}`
  }
  if (auth.method !== 'certificate') return named || 'whom you say'
  return `${named || checked?.own?.names[0] || 'whom your certificate names'}, by certificate`
}

/** Two versions of IKE: which one it will be, is not for the person to guess. */
function fallback({ ike }: ProfileDocument): readonly Sentence[] {
  if (ike.version !== 'auto') return []
  return [{ text: 'Where the gateway does not answer IKEv2, it tries IKEv1 and tells you.' }]
}

/** By which method a password travels, and what comes second. */
function method(document: ProfileDocument): readonly Sentence[] {
  const { auth, xauth, ike } = document
  if (auth.method === 'xauth') {
    return [{ text: 'Only then your name and password are sent, inside the encrypted phase 1 (XAuth).' }]
  }
  const eap = eapOf(document)
  const methods = eap?.methods.map(methodName) ?? []
  const by = methods.length === 0 ? '' : ` (EAP: ${methods.join(', ')})`
  const sentences: Sentence[] = []
  if (auth.method === 'eap') sentences.push({ text: `How you sign in is agreed with it${by}.` })
  else if (asksBesides(document)) {
    const user = text(eap?.user) || xauth?.user.trim() || 'whom you say'
    const how = ike.version === 2 ? by : ' (XAuth)'
    sentences.push({ text: `Then it asks for a second proof: the password of ${user}${how}.` })
  }
  if (eap?.methods.some((one) => one === 'ttls' || one === 'peap')) {
    const outside = text(eap.anonymousIdentity)
    sentences.push(
      outside === ''
        ? {
            text: 'Your user name can be read by everybody on the way to the server of passwords.',
            tone: 'held',
          }
        : { text: `Outside the tunnel of the sign-in you are ${outside}.` },
    )
  }
  return sentences
}

/** In which exchange phase 1 of IKEv1 is made. RFC 2409 §5 */
function exchange({ ike }: ProfileDocument): readonly Sentence[] {
  if (ike.version === 2) return []
  if (ike.aggressive === true) {
    const text =
      'Aggressive mode of IKEv1 takes three messages, and everybody on the way can read who you are.'
    return [{ text, tone: 'held' }]
  }
  return [{ text: 'Main mode of IKEv1 takes six messages; who you are travels encrypted.' }]
}

/** What the gateway has to show. */
function proof(document: ProfileDocument, checked: CheckedDocument | undefined, host: string): string {
  const { remoteId } = document
  const what = wayOf(document) === 'password' ? 'your password is used' : 'your traffic is sent'
  if (checked?.gateway === 'eap') {
    return `The gateway must prove that it is ${remoteId || host} by the method you sign in with, before your traffic is sent.`
  }
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
  return `The gateway must show a certificate for ${remoteId || host} from ${from} before ${what}.`
}

function networks({ remoteSubnets, ike, child }: ProfileDocument): string {
  if (child?.mode === 'transport' || child?.mode === 'transportOrTunnel')
    return `Only what goes between this computer and the gateway itself is protected${child.protocol === 'ah' ? ', and stays readable' : ''}.`
  if (child?.protocol === 'ah')
    return 'AH protects your traffic from changes and hides nothing: everybody on the way can read it.'
  if (ike.version === 1 && !remoteSubnets?.length) {
    return 'All your traffic is to go through the tunnel. A gateway for single networks wants them named: IKEv1 does not negotiate them.'
  }
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
          : checked?.gateway === 'eap'
            ? `${document.gateway.host}, by EAP`
            : 'whoever knows the key')
      )
    case 'sign-in':
      return signIn(document)
    case 'phase1':
      return `${IKE_VERSIONS[ike.version]}${ike.aggressive === true && ike.version !== 2 ? ', aggressive mode' : ''}, ${count(ike.proposals.length, 'proposal', 'proposals')}, new keys ${every(ike.rekeySeconds)}`
    case 'phase2':
      return `${phase2Kind(document)}${document.child?.protocol === 'ah' ? '' : `, ${first(checked?.esp)}`}${esp.pfs ? ', PFS' : ''}, new keys ${every(esp.rekeySeconds)}`
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

function phase2Kind({ child }: ProfileDocument): string {
  const protocol = { esp: 'ESP', ah: 'AH', 'ah+esp': 'AH and ESP' }[child?.protocol ?? 'esp']
  const mode = { tunnel: 'tunnel', transport: 'transport', transportOrTunnel: 'transport or tunnel' }
  return `${protocol} ${mode[child?.mode ?? 'tunnel']}`
}

function signIn(document: ProfileDocument): string {
  const { auth, ppk } = document
  const methods = eapOf(document)?.methods.map(methodName)
  const proofs = [
    ...(auth.method === 'manual' ? ['keys by hand'] : []),
    ...(auth.method === 'psk' ? ['pre-shared key'] : auth.method === 'certificate' ? ['certificate'] : []),
    ...(methods === undefined ? [] : [`EAP: ${methods.join(', ')}`]),
    ...(document.xauth === undefined ? [] : ['XAuth']),
    ...(ppk === undefined ? [] : ['PPK']),
  ]
  return proofs.join(', then ') || auth.method
}

const text = (value: unknown): string => (typeof value === 'string' ? value.trim() : '')
const first = (suites: readonly SuiteWords[] | undefined): string =>
  suites?.[0]?.words.split(/[,;]| or /)[0] ?? ''
const count = (number: number, one: string, many: string): string =>
  number === 1 ? `one ${one}` : `${number} ${many}`
const distinct = (texts: readonly string[]): readonly string[] => [...new Set(texts)]
