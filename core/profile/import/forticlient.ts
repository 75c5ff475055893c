import { Secret } from '../../bytes/secret.ts'
import type { ImportContext, ImportFile } from './bundle.ts'
import { Draft, type SignIn } from './description.ts'
import { invalid } from './failure.ts'
import {
  fills,
  flag,
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
} from './keys.ts'
import { groupWord } from './libreswan-suites.ts'
import { childOf, childrenOf, leafElements, parseXml, type XmlElement } from './syntax/xml.ts'
import { decodeText } from './text.ts'

const WINDOW = 'it is about the window of that program'
const EDGE = 'Culvert makes its own device and routes'
const RETRY = 'Culvert connects again by itself'
const NEVER_RUN = refuses('nothing that a file names is ever run')
const STORE = refuses('the certificate lies in the store of another computer; export it from there')

/** Encrypted by the program's own key: nobody else can read it. */
const SEALED = /^Enc(?:X)?[ 0-9A-F]/

const secret = (name: 'psk' | 'password') =>
  means([`secret ${name}`], (draft, { value, path }) => {
    if (SEALED.test(String(value)))
      draft.mark(path, 'refused', 'it is encrypted for that program; type it instead')
    else draft.hide(name, Secret.fromText(String(value)), path)
  })

/** Every element of a connection, small letters, lists without numbers. */
export const FORTICLIENT: KeyTable = {
  name: fills('name', text),
  uid: ignores("it is that program's own number"),
  type: ignores('it is a connection of its own'),
  machine: ignores('Culvert connects for a person'),
  keep_running: ignores(RETRY),
  transport_mode: means(['tcp'], (draft, { value, path }) => {
    const mode = text(value).toLowerCase()
    // 0 UDP, 1 TCP, 2 whatever passes.
    if (mode === '1' || mode === 'tcp') draft.say('tcp', { use: 'always', port: 4500 }, path)
    else if (mode === '2' || mode === 'auto') draft.say('tcp', { use: 'fallback', port: 4500 }, path)
    else draft.mark(path, 'kept')
  }),
  tcp_port: joins('tcp'),
  udp_port: means(['port'], (draft, { value, path }) => {
    // 4500 is where every connection goes on as soon as there is a NAT.
    const port = integer(1, 65_535)(value)
    if (port === 4500) draft.mark(path, 'kept')
    else draft.say('port', port, path)
  }),
  redundant_sort_method: joins('otherHosts'),
  failover_sslvpn_connection: refuses('Culvert does not do SSL VPN'),
  'ike_settings.version': fills('version', oneOf({ '1': 1, '2': 2 } as const)),
  'ike_settings.server': means(['host', 'otherHosts'], (draft, { value, path }) => {
    const [first, ...others] = listOf(text, /;/)(value)
    if (first !== undefined) draft.say('host', first.replace(/:\d+$/, ''), path)
    if (others.length > 0) draft.say('otherHosts', others, path)
  }),
  'ike_settings.authentication_method': joins('auth'),
  'ike_settings.auth_data.preshared_key': secret('psk'),
  'ike_settings.auth_data.certificate.common_name.match_type': STORE,
  'ike_settings.auth_data.certificate.common_name.pattern': STORE,
  'ike_settings.auth_data.certificate.issuer.match_type': STORE,
  'ike_settings.auth_data.certificate.issuer.pattern': STORE,
  'ike_settings.cert_subjectcheck': fills('gatewayNames', (value) => [text(value)]),
  'ike_settings.mode': fills('aggressive', oneOf({ aggressive: true, main: false })),
  'ike_settings.dhgroup': joins('ikeProposals'),
  'ike_settings.key_life': fills('ikeRekeySeconds', integer(0, 100_000_000)),
  'ike_settings.localid': joins('localId'),
  'ike_settings.peerid': fills('remoteId', text),
  'ike_settings.networkid': refuses('what is particular to this gateway is not done'),
  'ike_settings.nat_traversal': fills('natTraversal', flag),
  'ike_settings.nat_alive_freq': fills('keepaliveSeconds', integer(0, 86_400)),
  'ike_settings.mode_config': means(['requestAddresses'], (draft, { value, path }) => {
    draft.say('requestAddresses', { ipv4: flag(value), ipv6: flag(value) }, path)
  }),
  'ike_settings.enable_local_lan': fills('allowLan', flag),
  'ike_settings.enable_ike_fragmentation': fills('fragmentation', flag),
  'ike_settings.dpd': means(['dpdSeconds'], (draft, { value, path }) => {
    if (flag(value)) draft.mark(path, 'kept')
    else draft.say('dpdSeconds', 0, path)
  }),
  'ike_settings.dpd_retry_count': ignores('Culvert decides by itself when a gateway is gone'),
  'ike_settings.dpd_retry_interval': fills('dpdSeconds', integer(0, 86_400)),
  'ike_settings.xauth.enabled': joins('auth'),
  'ike_settings.xauth.use_otp': ignores('Culvert asks for what the gateway asks for'),
  'ike_settings.xauth.prompt_username': ignores('Culvert asks for what is missing'),
  'ike_settings.xauth.username': means(['user'], (draft, { value, path }) => {
    if (SEALED.test(String(value)))
      draft.mark(path, 'refused', 'it is encrypted for that program; type it instead')
    else draft.say('user', text(value), path)
  }),
  'ike_settings.xauth.password': secret('password'),
  'ike_settings.xauth.attempts_allowed': ignores(WINDOW),
  'ike_settings.xauth_timeout': ignores(WINDOW),
  'ike_settings.eap_method': joins('auth'),
  'ike_settings.sso_enabled': joins('auth'),
  'ike_settings.use_external_browser': joins('auth'),
  'ike_settings.ike_saml_port': joins('auth'),
  'ike_settings.proposals.proposal': joins('ikeProposals'),
  'ike_settings.implied_spdo': ignores(EDGE),
  'ike_settings.implied_spdo_timeout': ignores(EDGE),
  'ike_settings.fgt': ignores('it names the maker of the gateway'),
  'ike_settings.run_fcauth_system': ignores('it is about that program'),
  'ipsec_settings.remote_networks.network.addr': joins('remoteSubnets'),
  'ipsec_settings.remote_networks.network.mask': joins('remoteSubnets'),
  'ipsec_settings.ipv4_split_exclude_networks': fills('excludedSubnets', listOf(text)),
  'ipsec_settings.ipv4_split_exclude_networks.subnetwork': fills('excludedSubnets', listOf(text)),
  'ipsec_settings.dhgroup': joins('espProposals'),
  'ipsec_settings.key_life_type': ignores('keys are renewed by their age'),
  'ipsec_settings.key_life_seconds': fills('childRekeySeconds', integer(0, 100_000_000)),
  'ipsec_settings.key_life_kbytes': ignores('keys are renewed by their age'),
  'ipsec_settings.replay_detection': fills('replayWindow', (value) => (flag(value) ? 64 : 0)),
  'ipsec_settings.pfs': fills('pfs', flag),
  'ipsec_settings.autokey_keep_alive': ignores('Culvert renews keys by itself'),
  'ipsec_settings.use_vip': joins('requestAddresses'),
  'ipsec_settings.virtualip.type': means(['requestAddresses'], (draft, { value, path }) => {
    if (/dhcp/i.test(text(value)))
      draft.refuse('it wants its address by DHCP through the tunnel, which Culvert does not do')
    draft.mark(path, 'kept')
  }),
  'ipsec_settings.virtualip.ip': ignores('the gateway gives the address'),
  'ipsec_settings.virtualip.mask': ignores('the gateway gives the address'),
  'ipsec_settings.virtualip.dnsserver': means(['dnsServers'], (draft, { value, path }) =>
    sayServer(draft, text(value), path),
  ),
  'ipsec_settings.virtualip.dnsserver_secondary': means(['dnsServers'], (draft, { value, path }) =>
    sayServer(draft, text(value), path),
  ),
  'ipsec_settings.virtualip.winserver': refuses('Culvert does not do WINS'),
  'ipsec_settings.virtualip.winserver_secondary': refuses('Culvert does not do WINS'),
  'ipsec_settings.proposals.proposal': joins('espProposals'),
  ...Object.fromEntries(['on_connect', 'on_disconnect'].map((key) => [key, NEVER_RUN])),
}

/** `<ui>` and the like, by their first word. */
const GROUPS: Readonly<Record<string, string>> = {
  ui: WINDOW,
  tags: 'it is about that program',
  host_check_fail_warning: WINDOW,
  warn_invalid_server_certificate: 'a certificate that is not right is always refused',
  android_cert_path: 'it is about another system',
}

/** FortiClient's XML: one draft for each connection of `ipsecvpn`. Its samples are not well-formed, so it is read leniently. */
export function forticlient(file: ImportFile, { report }: ImportContext): readonly Draft[] {
  const root = parseXml(decodeText(file.bytes, file.name), file.name, true)
  const ipsec = childOf(childOf(root, 'vpn'), 'ipsecvpn')
  if (ipsec === undefined)
    throw invalid({ file: file.name }, 'it holds no ipsecvpn: other kinds of VPN are not done')
  const drafts = childrenOf(childOf(ipsec, 'connections'), 'connection').map((element) =>
    connectionOf(element, file, report),
  )
  const options = childOf(ipsec, 'options')
  for (const { path } of options === undefined ? [] : leafElements(options)) {
    report.mark(file.name, `options.${path}`, 'ignored', 'it is for all connections of that program')
  }
  return drafts
}

function connectionOf(element: XmlElement, file: ImportFile, report: ImportContext['report']): Draft {
  const name = childOf(element, 'name')?.text.trim() ?? ''
  const draft = new Draft(file.name, report, name === '' ? '' : `${name}.`)
  const ike = childOf(element, 'ike_settings')
  const esp = childOf(element, 'ipsec_settings')
  if (ike === undefined)
    throw invalid(
      { file: file.name, field: `${draft.prefix}ike_settings`, line: element.line },
      'it is missing',
    )
  draft.say('version', 1)
  takeKeys(draft, keysOf(element, draft), FORTICLIENT, (path) =>
    path.replace(/ \(\d+\)/g, '').replace(/^(on_(?:dis)?connect)\..*$/, '$1'),
  )
  for (const { path } of leafElements(element)) {
    const why = GROUPS[path.split('.')[0] ?? '']
    if (why !== undefined) draft.mark(path, 'ignored', why)
  }
  saySignIn(draft, ike)
  saySuites(draft, ike, esp)
  sayNetworks(draft, esp)
  const localId = childOf(ike, 'localid')?.text.trim() ?? ''
  // In IKEv1 it is the name of a group, which gateways look for as octets.
  if (localId !== '') draft.say('localId', draft.value('version') === 1 ? `keyid:${localId}` : localId)
  if (draft.value('host') === undefined)
    throw invalid({ file: file.name, field: `${draft.prefix}ike_settings.server` }, 'it is missing')
  return draft
}

/** Leaves of which there may be several. */
const LISTS = /\.(?:proposal|addr|mask|server)$|^on_(?:dis)?connect\b|\.certificate\./

function* keysOf(element: XmlElement, draft: Draft): Generator<Key> {
  const counts = new Map<string, number>()
  for (const { path, value, line } of leafElements(element)) {
    if ((path.split('.')[0] ?? '') in GROUPS) continue
    // A wrongly closed tag leaves its followers one level too deep.
    const plain = path.replace(
      /^(ike_settings)\.(?:auth_data|xauth)\.(?!preshared_key|certificate|enabled|use_otp|prompt_username|username|password|attempts_allowed)/,
      '$1.',
    )
    const count = (counts.get(plain) ?? 0) + 1
    counts.set(plain, count)
    if (count > 1 && !LISTS.test(plain))
      throw invalid({ file: draft.file, field: draft.prefix + plain, line }, 'this element stands twice')
    yield { path: count === 1 ? plain : `${plain} (${count})`, value, line }
  }
}

/** An element wherever it stands below: see `keysOf`. */
function deep(element: XmlElement | undefined, name: string): XmlElement | undefined {
  for (const child of element?.children ?? []) {
    const found = child.name === name ? child : deep(child, name)
    if (found !== undefined) return found
  }
  return undefined
}

function saySignIn(draft: Draft, ike: XmlElement): void {
  const method = deep(ike, 'authentication_method')?.text.trim().toLowerCase() ?? 'preshared key'
  const xauth = readFlag(draft, deep(deep(ike, 'xauth'), 'enabled'), 'ike_settings.xauth.enabled')
  const saml = readFlag(draft, deep(ike, 'sso_enabled'), 'ike_settings.sso_enabled')
  const first: SignIn = method.includes('smartcard')
    ? 'smartcard'
    : method.includes('certificate')
      ? 'certificate'
      : 'psk'
  const version2 = draft.value('version') === 2
  const eap: SignIn = deep(ike, 'eap_method')?.text.trim() === '2' ? 'eap-ttls' : 'eap'
  if (saml) draft.refuse('it signs in through a browser, which this version of Culvert does not do yet')
  draft.say('auth', xauth ? (version2 ? [eap] : [first, 'xauth']) : [first])
  draft.say('gatewayAuth', first === 'psk' ? 'psk' : 'certificate')
}

function readFlag(draft: Draft, element: XmlElement | undefined, path: string): boolean {
  if (element === undefined || element.text.trim() === '') return false
  return readAt(draft, { path, line: element.line }, () => flag(element.text))
}

function saySuites(draft: Draft, ike: XmlElement, esp: XmlElement | undefined): void {
  const groups = groupsIn(deep(ike, 'dhgroup'))
  const proposals = proposalsIn(deep(ike, 'proposals'))
  if (proposals.length > 0)
    draft.say(
      'ikeProposals',
      proposals.map((suite) => [suite, ...groups].join('-')),
    )
  const phase2 = proposalsIn(childOf(esp, 'proposals'))
  const pfs = groupsIn(childOf(esp, 'dhgroup'))
  if (phase2.length > 0)
    draft.say(
      'espProposals',
      phase2.map((suite) => [suite, ...pfs].join('-')),
    )
}

const groupsIn = (element: XmlElement | undefined): readonly string[] =>
  (element?.text ?? '')
    .split(/[;,\s]+/)
    .filter((number) => /^\d+$/.test(number))
    .map(groupWord)

/** `AES256|SHA256`, `3DES|MD5`, `AES128GCM|PRFSHA256`. */
const proposalsIn = (element: XmlElement | undefined): readonly string[] =>
  childrenOf(element, 'proposal')
    .map(({ text: written }) =>
      written
        .trim()
        .toLowerCase()
        .split('|')
        .map((word) => word.replace(/^(aes\d{3}|chacha20poly1305)[-_]?gcm$/, '$1gcm16')),
    )
    .map((words) => words.filter((word) => word !== '').join('-'))
    .filter((suite) => suite !== '')

function sayNetworks(draft: Draft, esp: XmlElement | undefined): void {
  const networks = childrenOf(childOf(esp, 'remote_networks'), 'network').map((network) => {
    const [addr, mask] = [
      childOf(network, 'addr')?.text.trim() ?? '',
      childOf(network, 'mask')?.text.trim() ?? '',
    ]
    return mask === '' || addr.includes('/') ? addr : `${addr}/${mask}`
  })
  const useful = networks.filter((network) => network !== '')
  if (useful.length > 0) draft.say('remoteSubnets', useful)
}

function sayServer(draft: Draft, address: string, path: string): void {
  if (address === '0.0.0.0' || address === '::') draft.mark(path, 'ignored', 'it is empty')
  else draft.add('dnsServers', [address], path)
}
