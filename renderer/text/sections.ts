/** One field of the editor. `path`: where it stands in the profile. */
export interface EditorField {
  readonly path: string
  readonly label: string
  readonly kind:
    | 'text'
    | 'number'
    | 'list'
    | 'switch'
    | 'choice'
    | 'suites'
    | 'gateway'
    | 'authorities'
    | 'revocations'
  /** Of `choice`: what may stand there, the one that counts when nothing does first. */
  readonly choices?: readonly { readonly value: string; readonly label: string }[]
  readonly hint?: string
  /** Left empty, the field is left out. */
  readonly optional?: true
  /** It says something only where the gateway proves itself so. */
  readonly gateway?: 'psk' | 'certificate'
}

export interface EditorSection {
  readonly id: 'name' | 'identity' | 'phase1' | 'phase2' | 'networks' | 'safety' | 'transport'
  readonly title: string
  readonly fields: readonly EditorField[]
}

/** How one signs in. Which secrets go with it, the profile itself knows. */
export interface SignInForm {
  readonly method: string
  readonly label: string
  /** Who one is to the gateway. */
  readonly identity: EditorField
}

const LOCAL_ID = { path: 'localId', label: 'Your ID', kind: 'text' } as const

const SIGN_INS: readonly SignInForm[] = [
  {
    method: 'psk',
    label: 'Pre-shared key',
    identity: {
      ...LOCAL_ID,
      hint: 'The gateway finds your key by it: a name, an address, or an e-mail address.',
    },
  },
  {
    method: 'certificate',
    label: 'Certificate',
    identity: { ...LOCAL_ID, optional: true, hint: 'Left empty: whom your certificate names first.' },
  },
]

/** All ways there are, and the one of this profile even where only its file knows what it means. */
export function signInsWith(method: string): readonly SignInForm[] {
  if (SIGN_INS.some((one) => one.method === method)) return SIGN_INS
  return [...SIGN_INS, { method, label: method, identity: { ...LOCAL_ID, optional: true } }]
}

/** The ways a gateway proves who it is. */
export const GATEWAY_PROOFS = [
  { method: 'psk', label: 'The key you share' },
  { method: 'certificate', label: 'A certificate' },
] as const

const REVOCATION = [
  { value: 'ifAvailable', label: 'If somebody answers' },
  { value: 'strict', label: 'Strictly' },
  { value: 'off', label: 'Never' },
] as const

const SUITES_HINT = 'One suite a line, the best first; algorithms of one kind in a line are alternatives.'

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
      { path: 'gatewayAuth', label: 'It proves it by', kind: 'gateway', optional: true },
      {
        path: 'gatewayAuth.ca',
        label: 'Authorities its certificate may come from',
        kind: 'authorities',
        optional: true,
        gateway: 'certificate',
      },
      {
        path: 'gatewayAuth.crl',
        label: 'Lists of revoked certificates',
        kind: 'revocations',
        optional: true,
        gateway: 'certificate',
      },
      {
        path: 'gatewayAuth.revocation',
        label: 'Ask whether its certificate was revoked',
        kind: 'choice',
        choices: REVOCATION,
        hint: 'Over HTTP, whom the certificate names. Strictly: no connection without an answer.',
        optional: true,
        gateway: 'certificate',
      },
      {
        path: 'gatewayAuth.commonName',
        label: 'Its common name counts as its name',
        kind: 'switch',
        optional: true,
        gateway: 'certificate',
        hint: 'Only for old gateways whose certificate has no other name.',
      },
    ],
  },
  {
    id: 'phase1',
    title: 'Phase 1',
    fields: [
      { path: 'ike.proposals', label: 'Proposals, in order', kind: 'suites', hint: SUITES_HINT },
      { path: 'ike.rekeySeconds', label: 'New keys after, in seconds', kind: 'number' },
      {
        path: 'ike.dpdSeconds',
        label: 'Ask after silence of, in seconds',
        kind: 'number',
        hint: '0: never.',
      },
      { path: 'ike.fragmentation', label: 'Large messages in fragments of IKE’s own', kind: 'switch' },
    ],
  },
  {
    id: 'phase2',
    title: 'Phase 2',
    fields: [
      { path: 'esp.proposals', label: 'Proposals, in order', kind: 'suites', hint: SUITES_HINT },
      { path: 'esp.rekeySeconds', label: 'New keys after, in seconds', kind: 'number' },
      { path: 'esp.pfs', label: 'Fresh key exchange for fresh keys (PFS)', kind: 'switch' },
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
      },
      { path: 'requestAddresses.ipv4', label: 'Ask for an IPv4 address', kind: 'switch' },
      { path: 'requestAddresses.ipv6', label: 'Ask for an IPv6 address', kind: 'switch' },
      {
        path: 'localSubnets',
        label: 'Your own inner addresses',
        kind: 'list',
        hint: 'Where none is asked for.',
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
