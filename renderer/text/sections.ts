import type { ProfileDocument } from '../../core/contract/profile.ts'
import { wayOf } from '../state/sign-in.ts'
import { EAP_FIELDS, SERVER_FIELDS } from './eap-fields.ts'
import type { Around, Choice, EditorField } from './editor-field.ts'
import { EXCHANGES, gatewayProofs, identityField, LOCAL_ID, REVOCATION, versions } from './sign-in-fields.ts'

export interface EditorSection {
  readonly id: 'name' | 'identity' | 'sign-in' | 'phase1' | 'phase2' | 'networks' | 'safety' | 'transport'
  readonly title: string
  readonly fields: readonly EditorField[]
}

const provesBy =
  (method: string) =>
  ({ checked }: Around) =>
    checked?.gateway === method
const byCertificate = provesBy('certificate')
const speaks2 = ({ document }: Around): boolean => document.ike.version !== 1
const speaks1 = ({ document }: Around): boolean => document.ike.version !== 2
const byHand = ({ document }: Around): boolean => document.auth.method === 'manual'
const asPassword = ({ document }: Around): boolean => wayOf(document) === 'password'

const asTheSuitesSay = (auto: string): readonly Choice[] => [
  { value: undefined, label: auto },
  { value: true, label: 'Yes' },
  { value: false, label: 'No' },
]

/** IKEv2 cannot agree on both for one packet. RFC 7296 §3.3.1 */
const protocols = ({ document }: Around): readonly Choice[] => [
  { value: 'esp', label: 'ESP', says: 'Encrypts, and goes through a NAT.' },
  {
    value: 'ah',
    label: 'AH',
    says: 'Protects each packet with its addresses, and encrypts nothing: it cannot pass a NAT.',
  },
  ...(document.ike.version === 1 || document.child?.protocol === 'ah+esp'
    ? [{ value: 'ah+esp', label: 'AH and ESP', says: 'ESP encrypts, and an AH goes around it.' }]
    : []),
]

const MODES: readonly Choice[] = [
  { value: 'tunnel', label: 'Tunnel', says: 'Whole packets, for the networks behind the gateway.' },
  {
    value: 'transport',
    label: 'Transport',
    says: 'Only what goes between this computer and the gateway itself.',
  },
  { value: 'transportOrTunnel', label: 'Transport, or else a tunnel', says: 'As the gateway likes.' },
]

const TCP: readonly Choice[] = [
  { value: 'fallback', label: 'Where UDP does not get through' },
  { value: 'never', label: 'Never' },
  { value: 'always', label: 'Always', says: 'The gateway must take IKE and ESP over TCP (RFC 9329).' },
]

const betweenNetworks = ({ document }: Pick<Around, 'document'>): boolean =>
  document.child?.mode === undefined || document.child.mode === 'tunnel'

const SUITES_HINT =
  'One suite a line, the best first; algorithms of one kind in a line are alternatives. Or one word: strict, default, compatible, legacy.'

/** Everything beyond the four fields, in sections that are closed at first. */
export const SECTIONS: readonly EditorSection[] = [
  {
    id: 'name',
    title: 'Name and folder',
    fields: [
      { path: 'name', label: 'Name', kind: 'text', hint: 'How it is called in the list.' },
      { path: 'folder', label: 'Folder', kind: 'text', optional: true },
    ],
  },
  {
    id: 'identity',
    title: 'Identity',
    fields: [
      {
        path: 'remoteId',
        label: 'The gateway must be',
        kind: 'text',
        optional: true,
        hint: 'Left empty: whoever knows the key; by certificate, the gateway’s name above.',
      },
      {
        path: 'gatewayAuth',
        label: 'It proves it by',
        kind: 'gateway',
        optional: true,
        choices: gatewayProofs,
      },
      {
        ...LOCAL_ID,
        optional: true,
        hint: 'Left empty: your user name.',
        shown: asPassword,
      },
      {
        path: 'gatewayAuth.ca',
        label: 'Authorities its certificate may come from',
        kind: 'authorities',
        optional: true,
        shown: byCertificate,
      },
      {
        path: 'gatewayAuth.crl',
        label: 'Lists of revoked certificates',
        kind: 'revocations',
        optional: true,
        shown: byCertificate,
      },
      {
        path: 'gatewayAuth.revocation',
        label: 'Ask whether its certificate was revoked',
        kind: 'choice',
        choices: REVOCATION,
        unset: 'ifAvailable',
        hint: 'Over HTTP, whom the certificate names. Strictly: no connection without an answer.',
        optional: true,
        shown: byCertificate,
      },
      {
        path: 'gatewayAuth.commonName',
        label: 'Its common name counts as its name',
        kind: 'switch',
        optional: true,
        shown: byCertificate,
        hint: 'Only for old gateways whose certificate has no other name.',
      },
    ],
  },
  {
    id: 'sign-in',
    title: 'Sign-in',
    fields: [
      {
        path: 'auth.rsaPss',
        label: 'Sign by RSASSA-PSS, where your key is an RSA key',
        kind: 'switch',
        shown: ({ document }) => document.auth.method === 'certificate',
      },
      { path: 'auth.spi.in', label: 'SPI of what comes in', kind: 'text', shown: byHand },
      { path: 'auth.spi.out', label: 'SPI of what goes out', kind: 'text', shown: byHand },
      {
        path: 'auth.ahSpi.in',
        label: 'SPI of AH that comes in',
        kind: 'text',
        partOf: 'auth.ahSpi',
        hint: 'Left empty: the same as above.',
        shown: byHand,
      },
      {
        path: 'auth.ahSpi.out',
        label: 'SPI of AH that goes out',
        kind: 'text',
        partOf: 'auth.ahSpi',
        shown: byHand,
      },
      {
        path: 'auth.suite',
        label: 'Algorithms of ESP',
        kind: 'text',
        optional: true,
        hint: 'One of a kind; left empty: aes256-sha256.',
        shown: byHand,
      },
      {
        path: 'auth.ahSuite',
        label: 'Algorithm of AH',
        kind: 'text',
        optional: true,
        hint: 'Left empty: sha256.',
        shown: byHand,
      },
      ...EAP_FIELDS,
      ...SERVER_FIELDS,
      {
        path: 'ppk.id',
        label: 'Name of a post-quantum pre-shared key (PPK)',
        kind: 'text',
        partOf: 'ppk',
        hint: 'As the gateway knows it. Left empty: none.',
        shown: speaks2,
      },
      {
        path: 'ppk.required',
        label: 'No connection without that key',
        kind: 'switch',
        unset: true,
        shown: ({ document }) => document.ppk !== undefined,
      },
    ],
  },
  {
    id: 'phase1',
    title: 'Phase 1',
    fields: [
      { path: 'ike.version', label: 'Version', kind: 'choice', choices: versions },
      {
        path: 'ike.aggressive',
        label: 'Exchange of IKEv1',
        kind: 'choice',
        choices: EXCHANGES,
        shown: speaks1,
      },
      { path: 'ike.proposals', label: 'Proposals, in order', kind: 'suites', hint: SUITES_HINT },
      { path: 'ike.rekeySeconds', label: 'New keys after, in seconds', kind: 'number' },
      {
        path: 'ike.dpdSeconds',
        label: 'Ask after silence of, in seconds',
        kind: 'number',
        hint: '0: never.',
      },
      { path: 'ike.fragmentation', label: 'Large messages in fragments of IKE’s own', kind: 'switch' },
      {
        path: 'ike.mobike',
        label: 'The tunnel follows this computer into another network (MOBIKE)',
        kind: 'switch',
        unset: true,
        shown: speaks2,
      },
      {
        path: 'ike.redirect',
        label: 'Go on to the gateway that yours sends you to',
        kind: 'switch',
        unset: true,
        shown: speaks2,
      },
      {
        path: 'ike.resumption',
        label: 'Take up an interrupted connection without another sign-in',
        kind: 'switch',
        unset: true,
        shown: speaks2,
      },
      { path: 'ike.tcp', label: 'Over TCP', kind: 'choice', choices: TCP, unset: 'fallback', shown: speaks2 },
      {
        path: 'ike.tcpPort',
        label: 'Port of the gateway for TCP',
        kind: 'number',
        optional: true,
        hint: 'Left empty: 4500.',
        shown: (around) => speaks2(around) && around.document.ike?.tcp !== 'never',
      },
      {
        path: 'ike.childless',
        label: 'First keys of phase 2 in an exchange of their own',
        kind: 'choice',
        choices: asTheSuitesSay('With PFS'),
        shown: speaks2,
      },
    ],
  },
  {
    id: 'phase2',
    title: 'Phase 2',
    fields: [
      { path: 'child.protocol', label: 'Protocol', kind: 'choice', choices: protocols, unset: 'esp' },
      { path: 'child.mode', label: 'Mode', kind: 'choice', choices: MODES, unset: 'tunnel' },
      {
        path: 'esp.proposals',
        label: 'Proposals, in order',
        kind: 'suites',
        hint: SUITES_HINT,
        shown: ({ document }) => document.child?.protocol !== 'ah',
      },
      {
        path: 'child.ahProposals',
        label: 'Proposals of AH, in order',
        kind: 'list',
        optional: true,
        hint: 'An integrity algorithm each, and a group for fresh key exchanges: sha256-ecp256. Left empty: HMAC with SHA-2.',
        shown: ({ document }) => (document.child?.protocol ?? 'esp') !== 'esp',
      },
      { path: 'esp.rekeySeconds', label: 'New keys after, in seconds', kind: 'number' },
      {
        path: 'esp.pfs',
        label: 'Fresh key exchange for fresh keys (PFS)',
        kind: 'choice',
        choices: asTheSuitesSay('As the suites say'),
      },
    ],
  },
  {
    id: 'networks',
    title: 'Networks and names',
    fields: [
      {
        path: 'remoteSubnets',
        label: 'Networks behind the gateway',
        kind: 'list',
        optional: true,
        hint: 'Left empty: everything the gateway allows.',
        shown: ({ document }) => betweenNetworks({ document }) || document.remoteSubnets !== undefined,
      },
      {
        path: 'requestAddresses.ipv4',
        label: 'Ask for an IPv4 address',
        kind: 'switch',
        shown: betweenNetworks,
      },
      {
        path: 'requestAddresses.ipv6',
        label: 'Ask for an IPv6 address',
        kind: 'switch',
        shown: betweenNetworks,
      },
      {
        path: 'localSubnets',
        label: 'Your own inner addresses, or networks behind this computer',
        kind: 'list',
        hint: 'Where none is asked for. Hosts of such networks use the tunnel too, if the system passes packets on.',
        shown: ({ document }) => betweenNetworks({ document }) || document.localSubnets.length > 0,
      },
      { path: 'dns.fromGateway', label: 'Use the gateway’s name servers', kind: 'switch' },
      { path: 'dns.servers', label: 'Other name servers', kind: 'list' },
      { path: 'dns.search', label: 'Domains', kind: 'list' },
    ],
  },
  {
    id: 'safety',
    title: 'Safety',
    fields: [
      {
        path: 'killSwitch',
        label: 'Kill switch',
        kind: 'switch',
        optional: true,
        hint: 'What belongs into the tunnel waits while there is none, until you let it out.',
      },
      { path: 'allowLan', label: 'The local network stays reachable', kind: 'switch' },
      {
        path: 'weak',
        label: 'Weak algorithms, switched on by name',
        kind: 'list',
        hint: 'Only if the gateway knows nothing better.',
      },
    ],
  },
  {
    id: 'transport',
    title: 'Transport',
    fields: [
      {
        path: 'onDemand',
        label: 'The first packet opens the tunnel',
        kind: 'switch',
        optional: true,
        hint: 'It is kept until the tunnel stands. Where the gateway gives the address, once it was open.',
      },
      {
        path: 'idleSeconds',
        label: 'Close it when nothing went through for, in seconds',
        kind: 'number',
        optional: true,
        hint: 'Left empty: never.',
      },
      { path: 'forceEncapsulation', label: 'In UDP even where no NAT is found', kind: 'switch' },
      {
        path: 'mtu',
        label: 'Largest inner packet, in octets',
        kind: 'number',
        optional: true,
        hint: 'Left empty: what fits the way to the gateway.',
      },
    ],
  },
]

const MAIN_LABELS: Readonly<Record<string, string>> = {
  'gateway.host': 'Gateway',
  'auth.method': 'You sign in with',
  'auth.certificate': 'Certificate and key',
  'secondAuth.certificate': 'Certificate and key',
  'secondAuth.user': 'User name',
  'xauth.user': 'User name',
  'gatewayAuth.method': 'It proves it by',
  weak: 'Weak algorithms',
}

/** What the editor calls the place of a profile that something is wrong with. */
export function labelOf(field: string, document: ProfileDocument): string {
  const fields = [identityField(document), ...SECTIONS.flatMap((section) => section.fields)]
  const exact = fields.find(({ path }) => path === field)?.label ?? MAIN_LABELS[field]
  // `dns.servers.1`: the second of a list.
  return exact ?? fields.find(({ path }) => field.startsWith(`${path}.`))?.label ?? field
}
