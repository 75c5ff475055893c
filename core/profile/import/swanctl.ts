import type { Bundle, ImportContext, ImportFile } from './bundle.ts'
import { takeCertificate, takeKeyFile } from './companions.ts'
import { Draft, type SignIn } from './description.ts'
import { invalid } from './failure.ts'
import {
  fills,
  ignores,
  integer,
  joins,
  type Key,
  type KeyTable,
  listOf,
  means,
  oneOf,
  readAt,
  refuses,
  takeKeys,
  text,
  Unreadable,
} from './keys.ts'
import {
  duration,
  identityWords,
  strongswanSecret,
  trafficSelectors,
  virtualAddresses,
  yes,
} from './strongswan-values.ts'
import { parseStrongswanConf, type Section } from './syntax/strongswan-conf.ts'
import { decodeText } from './text.ts'

const OS_EDGE = 'Culvert makes its own device and routes'
const TIMING = 'Culvert renews keys a little before their time by itself'
const START = 'connect it yourself'

const CHILD_KEYS: KeyTable = {
  'children.*.esp_proposals': fills('espProposals', listOf(text, /[\s,]+/)),
  'children.*.ah_proposals': fills('ahProposals', listOf(text, /[\s,]+/)),
  'children.*.local_ts': means(['localSubnets', 'selectorPorts'], sayTs('localSubnets')),
  'children.*.remote_ts': means(['remoteSubnets', 'selectorPorts'], sayTs('remoteSubnets')),
  'children.*.mode': fills('mode', oneOf({ tunnel: 'tunnel', transport: 'transport' } as const)),
  'children.*.sha256_96': fills('sha256Truncated', yes),
  'children.*.rekey_time': fills('childRekeySeconds', duration),
  'children.*.life_time': ignores(TIMING),
  'children.*.rand_time': ignores(TIMING),
  'children.*.rekey_bytes': fills('childRekeyOctets', (value) => Number.parseInt(text(value), 10) || 0),
  'children.*.life_bytes': ignores(TIMING),
  'children.*.rekey_packets': refuses('keys are renewed by their age, not by their use'),
  'children.*.life_packets': ignores(TIMING),
  'children.*.ipcomp': fills('ipcomp', yes),
  'children.*.tfc_padding': ignores('Culvert does not pad packets'),
  'children.*.replay_window': fills('replayWindow', integer(0, 1_000_000)),
  'children.*.dpd_action': ignores('Culvert connects again by itself'),
  'children.*.start_action': means(['openedByTraffic'], (draft, { value, path }) => {
    if (/\btrap\b/.test(text(value))) draft.say('openedByTraffic', true, path)
    else draft.mark(path, 'ignored', START)
  }),
  'children.*.close_action': ignores('Culvert connects again by itself'),
  'children.*.updown': refuses('nothing that a file names is ever run'),
  'children.*.hostaccess': ignores(OS_EDGE),
  'children.*.inactivity': fills('idleSeconds', duration),
  ...Object.fromEntries(
    ['policies', 'priority', 'interface', 'mark_in', 'mark_out', 'if_id_in', 'if_id_out', 'hw_offload'].map(
      (key) => [`children.*.${key}`, ignores(OS_EDGE)],
    ),
  ),
}

/** Every key of a connection of swanctl.conf. */
export const SWANCTL: KeyTable = {
  version: fills('version', oneOf({ '0': 'auto', '1': 1, '2': 2 } as const)),
  remote_addrs: means(['host', 'otherHosts'], (draft, { value, path }) => {
    const [first, ...others] = listOf(text)(value).filter((address) => !/^%any|\/|-\d/.test(address))
    if (first === undefined) draft.refuse('it waits for a gateway instead of naming one')
    else draft.say('host', first, path)
    if (others.length > 0) draft.say('otherHosts', others, path)
  }),
  local_addrs: ignores('Culvert lets the system choose'),
  remote_port: fills('port', integer(1, 65_535)),
  local_port: ignores('Culvert lets the system choose'),
  proposals: fills('ikeProposals', listOf(text, /[\s,]+/)),
  vips: means(['requestAddresses'], (draft, { value, path }) => {
    const { ipv4, ipv6, named } = virtualAddresses(text(value))
    draft.say('requestAddresses', { ipv4, ipv6 }, path)
    if (named.length > 0)
      draft.mark(path, 'changed', `the gateway chooses the address, not ${named.join(', ')}`)
  }),
  aggressive: fills('aggressive', yes),
  pull: ignores('it is a part of IKEv1'),
  dscp: ignores('Culvert does not mark its packets'),
  encap: fills('forceEncapsulation', yes),
  mobike: fills('mobike', yes),
  dpd_delay: fills('dpdSeconds', duration),
  dpd_timeout: ignores('it is a part of IKEv1'),
  fragmentation: fills('fragmentation', yes),
  childless: fills(
    'childless',
    oneOf({ never: 'no', no: 'no', allow: 'allow', prefer: 'prefer', force: 'force' } as const),
  ),
  send_certreq: fills('sendCertificateRequest', yes),
  send_cert: ignores('Culvert sends its certificate whenever it signs in with one'),
  ocsp: ignores('Culvert asks for what it needs'),
  ppk_id: fills('ppkId', text),
  ppk_required: fills('ppkRequired', yes),
  keyingtries: ignores('Culvert tries again by itself'),
  unique: ignores('one connection for each profile at a time'),
  reauth_time: fills('reauthSeconds', duration),
  rekey_time: fills('ikeRekeySeconds', duration),
  over_time: ignores(TIMING),
  rand_time: ignores(TIMING),
  pools: ignores('it is for gateways'),
  if_id_in: ignores(OS_EDGE),
  if_id_out: ignores(OS_EDGE),
  mediation: refuses('Culvert does not do mediation'),
  mediated_by: refuses('Culvert does not do mediation'),
  mediation_peer: refuses('Culvert does not do mediation'),
  'local.auth': joins('auth'),
  'local.round': joins('auth'),
  'local.id': means(['localId'], sayId('localId')),
  'local.eap_id': fills('user', text),
  'local.xauth_id': fills('user', text),
  'local.aaa_id': fills('aaaId', text),
  'local.certs': joins('ownCertificates'),
  'local.pubkeys': joins('auth'),
  'remote.auth': joins('gatewayAuth'),
  'remote.round': joins('gatewayAuth'),
  'remote.id': means(['remoteId'], sayId('remoteId')),
  'remote.certs': joins('gatewayCertificates'),
  'remote.cacerts': joins('caCertificates'),
  'remote.groups': ignores('it is for gateways'),
  'remote.eap_id': ignores('it is for gateways'),
  'remote.revocation': fills(
    'revocation',
    oneOf({ relaxed: 'if-possible', ifuri: 'if-possible', strict: 'strict' } as const),
  ),
  ...CHILD_KEYS,
}

/** `swanctl.conf`: one draft for each connection; its secrets stand in the same file or one it includes. */
export function swanctl(file: ImportFile, { bundle, report }: ImportContext): readonly Draft[] {
  const root = parseStrongswanConf(decodeText(file.bytes, file.name), file.name, (pattern) =>
    bundle
      .matching(pattern, file.name)
      .filter((other) => other.name !== file.name)
      .map((other) => ({ name: other.name, text: decodeText(other.bytes, other.name) })),
  )
  const connections = [...(root.sections.get('connections')?.sections.values() ?? [])]
  const drafts = connections.map((section) => {
    const draft = new Draft(file.name, report)
    takeConnection(draft, section, bundle)
    return draft
  })
  const secrets = [...(root.sections.get('secrets')?.sections.values() ?? [])]
  for (const section of secrets) {
    const taken = drafts.map((draft) => takeSecret(draft, section, bundle, drafts.length, secrets))
    if (!taken.includes(true)) {
      for (const key of section.values.keys()) {
        report.mark(file.name, `secrets.${section.name}.${key}`, 'ignored', 'no connection uses it')
      }
    }
  }
  for (const name of root.sections.keys()) {
    if (name === 'connections' || name === 'secrets') continue
    const gateway = name === 'pools' || name === 'authorities'
    report.mark(
      file.name,
      name,
      'ignored',
      gateway ? 'it is for gateways' : 'it only holds what others inherit',
    )
  }
  return drafts
}

function takeConnection(draft: Draft, section: Section, bundle: Bundle): void {
  draft.say('name', section.name)
  const prefix = `connections.${section.name}`
  const children = [...(section.sections.get('children')?.sections.values() ?? [])]
  const rowName = (path: string): string => {
    const rest = path.slice(prefix.length + 1)
    const [head = '', ...tail] = rest.split('.')
    if (tail.length === 0) return rest
    if (head === 'children') return `children.*.${tail.slice(1).join('.')}`
    return `${/^(local|remote)/.exec(head)?.[1] ?? head}.${tail.join('.')}`
  }
  takeKeys(draft, keysOf(section, prefix, children[0]?.name), SWANCTL, rowName)
  for (const child of children.slice(1)) {
    for (const key of child.values.keys()) {
      draft.mark(
        `${prefix}.children.${child.name}.${key}`,
        'refused',
        'only the first child is opened: this version of Culvert does not do several yet',
      )
    }
  }
  sayRounds(draft, section, prefix)
  if (draft.value('requestAddresses') === undefined)
    draft.say('requestAddresses', { ipv4: false, ipv6: false })
  for (const name of roundsOf(section, 'local'))
    takeFiles(draft, name, prefix, bundle, { certs: ['ownCertificates', 'x509'] })
  for (const name of roundsOf(section, 'remote')) {
    takeFiles(draft, name, prefix, bundle, {
      certs: ['gatewayCertificates', 'x509'],
      cacerts: ['caCertificates', 'x509ca'],
    })
  }
}

/** All keys but those of further children. */
function* keysOf(section: Section, path: string, child: string | undefined): Generator<Key> {
  for (const [key, { value, line }] of section.values) {
    yield { path: `${path}.${key}`, value, line }
  }
  for (const inner of section.sections.values()) {
    if (inner.name === 'children') {
      const first = child === undefined ? undefined : inner.sections.get(child)
      if (first !== undefined) yield* keysOf(first, `${path}.children.${first.name}`, undefined)
    } else yield* keysOf(inner, `${path}.${inner.name}`, undefined)
  }
}

/** `local`, `local-1`, … in the order of their rounds. */
function roundsOf(section: Section, side: 'local' | 'remote'): readonly Section[] {
  const rounds = [...section.sections.values()].filter(({ name }) => name.startsWith(side))
  const round = (one: Section): number => Number(one.values.get('round')?.value ?? 0) || 0
  return rounds.sort((a, b) => round(a) - round(b))
}

function sayRounds(draft: Draft, section: Section, prefix: string): void {
  const read = (one: Section): SignIn => {
    const auth = one.values.get('auth')
    const place = { path: `${prefix}.${one.name}.auth`, ...(auth === undefined ? {} : { line: auth.line }) }
    return readAt(draft, place, () => signIn(auth?.value ?? 'pubkey'))
  }
  const local = roundsOf(section, 'local').map(read)
  draft.say('auth', local.length === 0 ? ['certificate'] : local)
  const remote = roundsOf(section, 'remote').map(read)[0] ?? 'certificate'
  draft.say(
    'gatewayAuth',
    remote === 'psk' || remote === 'certificate' ? remote : remote.startsWith('eap') ? 'eap' : 'none',
  )
}

/** `pubkey-sha256-…`, `rsa/pss-…`, `eap-mschapv2`, `xauth-generic`. */
function signIn(auth: string): SignIn {
  const [first = ''] = auth.toLowerCase().split(/[-:/]/)
  if (first === 'psk') return 'psk'
  if (/^(?:pubkey|rsa|ecdsa|ed25519|ed448|bliss|ike)$/.test(first)) return 'certificate'
  if (first === 'xauth') return 'xauth'
  if (first === 'eap') return eapMethod(auth.slice(4))
  throw new Unreadable('psk, pubkey, eap or xauth is expected')
}

export function eapMethod(name: string): SignIn {
  const known: Readonly<Record<string, SignIn>> = {
    ...{ mschapv2: 'eap-mschapv2', md5: 'eap-md5', gtc: 'eap-gtc', tls: 'eap-tls', ttls: 'eap-ttls' },
    ...{ peap: 'eap-peap', sim: 'eap-sim', aka: 'eap-aka' },
  }
  return known[name.toLowerCase()] ?? 'eap'
}

function takeFiles(
  draft: Draft,
  section: Section,
  prefix: string,
  bundle: Bundle,
  keys: Readonly<
    Record<string, readonly ['ownCertificates' | 'caCertificates' | 'gatewayCertificates', string]>
  >,
): void {
  for (const [key, [slot, folder]] of Object.entries(keys)) {
    const value = section.values.get(key)?.value ?? ''
    for (const named of value.split(/[\s,]+/)) {
      if (named !== '')
        takeCertificate(draft, bundle, slot, named, `${prefix}.${section.name}.${key}`, [
          folder,
          `swanctl/${folder}`,
        ])
    }
  }
}

/** A `secrets` section for this connection, if it is for it. */
function takeSecret(
  draft: Draft,
  section: Section,
  bundle: Bundle,
  connections: number,
  all: readonly Section[],
): boolean {
  const kind = /^(eap|xauth|ntlm|ike|ppk|private|rsa|ecdsa|pkcs8|pkcs12|token)/.exec(section.name)?.[1]
  const path = (key: string): string => `secrets.${section.name}.${key}`
  const secret = section.values.get('secret')
  const ids = [...section.values]
    .filter(([key]) => key.startsWith('id'))
    .map(([, { value }]) => identityWords(value))
  const ours =
    kind === 'ppk'
      ? [draft.value('ppkId')]
      : kind === 'ike'
        ? [draft.value('localId'), draft.value('remoteId')]
        : [draft.value('user'), draft.value('localId')]
  const rivals = all.filter(({ name }) => kind !== undefined && name.startsWith(kind)).length
  const named =
    ids.length === 0
      ? rivals === 1 || kind === 'ike'
      : ids.some((id) => id === undefined || ours.includes(id))
  if (
    !named &&
    !(rivals === 1 && connections === 1 && ids.length > 0 && ours.every((id) => id === undefined))
  )
    return false
  if (kind === 'ike' || kind === 'ppk' || kind === 'eap' || kind === 'xauth') {
    if (secret === undefined)
      throw invalid({ file: draft.file, field: path('secret'), line: section.line }, 'it is missing')
    const name = kind === 'ike' ? 'psk' : kind === 'ppk' ? 'ppk' : 'password'
    // A key that names this connection goes before one for everybody.
    if (draft.secrets.has(name) && ids.length === 0) return false
    draft.hide(
      name,
      readAt(draft, { path: path('secret'), line: secret.line }, () => strongswanSecret(secret.value)),
      path('secret'),
    )
    for (const key of section.values.keys()) if (key.startsWith('id')) draft.mark(path(key), 'kept')
    return true
  }
  if (kind === undefined || kind === 'ntlm' || kind === 'token') return false
  const fileName = section.values.get('file')?.value
  if (fileName !== undefined) takeKeyFile(draft, bundle, fileName, path('file'), [kind, `swanctl/${kind}`])
  if (secret !== undefined)
    draft.hide(
      'passphrase',
      readAt(draft, { path: path('secret') }, () => strongswanSecret(secret.value)),
      path('secret'),
    )
  return true
}

function sayTs(slot: 'localSubnets' | 'remoteSubnets') {
  return (draft: Draft, { value, path }: Key): void => {
    const { networks, ports } = trafficSelectors(text(value))
    const plain = networks.filter((network) => slot === 'remoteSubnets' || network !== 'dynamic')
    if (plain.length > 0) draft.say(slot, plain, path)
    else draft.mark(path, 'kept')
    if (ports.length > 0) draft.add('selectorPorts', ports, path)
  }
}

function sayId(slot: 'localId' | 'remoteId') {
  return (draft: Draft, { value, path }: Key): void => {
    const id = identityWords(text(value))
    if (id === undefined) draft.mark(path, 'kept')
    else draft.say(slot, id, path)
  }
}
