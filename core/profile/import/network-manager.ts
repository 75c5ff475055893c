import type { Bundle, ImportContext, ImportFile } from './bundle.ts'
import { takeCertificate, takeKeyFile } from './companions.ts'
import { Draft, type SignIn } from './description.ts'
import { invalid } from './failure.ts'
import {
  fills,
  hides,
  ignores,
  integer,
  joins,
  type Key,
  type KeyTable,
  listOf,
  means,
  oneOf,
  takeKeys,
  text,
} from './keys.ts'
import { libreswanSuites } from './libreswan-suites.ts'
import { duration, identityWords, trafficSelectors, yes } from './strongswan-values.ts'
import { type IniSection, parseIni } from './syntax/ini.ts'
import { decodeText } from './text.ts'
import { sayVpnc, VPNC } from './vpnc.ts'

const DESK = 'it is about that program'
const FLAGS = ignores('Culvert keeps secrets in the keychain or asks')

const METHODS: Readonly<Record<string, readonly SignIn[]>> = {
  eap: ['eap'],
  'eap-tls': ['eap-tls'],
  cert: ['certificate'],
  key: ['certificate'],
  psk: ['psk'],
  agent: ['agent'],
  smartcard: ['smartcard'],
}

const semicolons = listOf(text, /[;,\s]+/)

/** `[vpn]` of strongSwan's plug-in. */
export const NM_STRONGSWAN: KeyTable = {
  address: fills('host', text),
  'server-port': fills('port', integer(1, 65_535)),
  certificate: joins('caCertificates'),
  'remote-identity': means(['remoteId'], sayId('remoteId')),
  'local-identity': means(['localId'], sayId('localId')),
  user: fills('user', text),
  method: fills('auth', oneOf(METHODS)),
  'cert-source': joins('auth'),
  usercert: joins('ownCertificates'),
  userkey: joins('ownCertificates'),
  virtual: means(['requestAddresses'], (draft, { value, path }) => {
    const wanted = yes(value)
    draft.say('requestAddresses', { ipv4: wanted, ipv6: wanted }, path)
  }),
  encap: fills('forceEncapsulation', yes),
  ipcomp: fills('ipcomp', yes),
  proposal: joins('ikeProposals'),
  ike: fills('ikeProposals', semicolons),
  esp: fills('espProposals', semicolons),
  'local-ts': means(['localSubnets', 'selectorPorts'], sayTs('localSubnets')),
  'remote-ts': means(['remoteSubnets', 'selectorPorts'], sayTs('remoteSubnets')),
  'password-flags': FLAGS,
}

/** `[vpn]` of the plug-in for Libreswan, once Openswan. */
export const NM_LIBRESWAN: KeyTable = {
  right: fills('host', text),
  rightid: means(['remoteId'], sayId('remoteId')),
  rightrsasigkey: joins('gatewayAuth'),
  left: ignores('Culvert lets the system choose'),
  leftid: means(['localId'], sayId('localId')),
  leftrsasigkey: joins('auth'),
  leftcert: joins('ownCertificates'),
  leftxauthusername: fills('user', text),
  leftusername: fills('user', text),
  leftmodecfgclient: means(['requestAddresses'], (draft, { value, path }) => {
    const wanted = yes(value)
    draft.say('requestAddresses', { ipv4: wanted, ipv6: wanted }, path)
  }),
  leftsubnet: means(['localSubnets'], sayTs('localSubnets')),
  ike: means(['ikeProposals'], (draft, { value, path }) =>
    draft.say('ikeProposals', libreswanSuites(text(value)), path),
  ),
  esp: means(['espProposals'], (draft, { value, path }) =>
    draft.say('espProposals', libreswanSuites(text(value)), path),
  ),
  phase2alg: means(['espProposals'], (draft, { value, path }) =>
    draft.say('espProposals', libreswanSuites(text(value)), path),
  ),
  ikelifetime: fills('ikeRekeySeconds', duration),
  salifetime: fills('childRekeySeconds', duration),
  vendor: ignores('Culvert finds out by itself'),
  rightsubnet: means(['remoteSubnets', 'selectorPorts'], sayTs('remoteSubnets')),
  ikev2: fills('version', oneOf({ insist: 2, yes: 2, propose: 2, permit: 1, no: 1, never: 1 } as const)),
  authby: joins('auth'),
  type: fills('mode', oneOf({ tunnel: 'tunnel', transport: 'transport' } as const)),
  pfs: fills('pfs', yes),
  narrowing: ignores('Culvert always lets the gateway narrow'),
  rekey: ignores('Culvert always renews keys'),
  fragmentation: fills('fragmentation', yes),
  mobike: fills('mobike', yes),
  hostaddrfamily: ignores('Culvert takes the family the gateway has'),
  clientaddrfamily: ignores('Culvert takes the family the gateway gives'),
  'ipsec-interface': ignores('Culvert makes its own device'),
  'nm-configured': ignores(DESK),
  'nm-auto-defaults': ignores(DESK),
  'require-id-on-certificate': ignores('the gateway must always be who it should be'),
  pskinputmodes: FLAGS,
  xauthpasswordinputmodes: FLAGS,
  'pskvalue-flags': FLAGS,
  'xauthpassword-flags': FLAGS,
  dhgroup: ignores('that program does not use it either'),
  pfsgroup: ignores('that program does not use it either'),
  dpdtimeout: ignores('that program does not use it either'),
  dpddelay: fills('dpdSeconds', duration),
  dpdaction: ignores('Culvert connects again by itself'),
}

const NM_VPNC: KeyTable = {
  ...VPNC,
  'ipsec secret-flags': FLAGS,
  'xauth password-flags': FLAGS,
  'ipsec-secret-type': FLAGS,
  'xauth-password-type': FLAGS,
}

const SECRETS: KeyTable = {
  password: hides('password'),
  pskvalue: hides('psk'),
  xauthpassword: hides('password'),
  'ipsec secret': hides('psk'),
  'xauth password': hides('password'),
}

/** What stands outside `[vpn]`. */
export const NM_CONNECTION: KeyTable = {
  'connection.id': fills('name', text),
  'connection.uuid': fills('uuid', text),
  'connection.type': ignores('it is a VPN'),
  'connection.autoconnect': fills('onDemand', yes),
  'connection.permissions': ignores(DESK),
  'connection.interface-name': ignores('Culvert makes its own device'),
  'connection.timestamp': ignores(DESK),
  'connection.zone': ignores('Culvert leaves the zones of the firewall alone'),
  'vpn.service-type': ignores('it says which program the keys are of'),
  'vpn.persistent': ignores('Culvert connects again by itself'),
  'vpn.user-name': fills('user', text),
  'ipv4.dns': means(['dnsServers'], (draft, { value, path }) =>
    draft.add('dnsServers', semicolons(value), path),
  ),
  'ipv6.dns': means(['dnsServers'], (draft, { value, path }) =>
    draft.add('dnsServers', semicolons(value), path),
  ),
  'ipv4.dns-search': means(['dnsSearch'], (draft, { value, path }) =>
    draft.add('dnsSearch', searchDomains(value), path),
  ),
  'ipv6.dns-search': means(['dnsSearch'], (draft, { value, path }) =>
    draft.add('dnsSearch', searchDomains(value), path),
  ),
  'ipv4.ignore-auto-dns': fills('dnsFromGateway', (value) => !yes(value)),
  'ipv6.ignore-auto-dns': ignores('what [ipv4] says counts for both'),
  'ipv4.never-default': fills('fullTunnel', (value) => !yes(value)),
  'ipv6.never-default': ignores('what [ipv4] says counts for both'),
  'ipv4.method': ignores('the gateway gives the addresses'),
  'ipv6.method': ignores('the gateway gives the addresses'),
  'ipv6.addr-gen-mode': ignores('the gateway gives the addresses'),
  'ipv4.routes': means(['remoteSubnets'], (draft, key) => sayRoutes(draft, key)),
  'ipv6.routes': means(['remoteSubnets'], (draft, key) => sayRoutes(draft, key)),
  'ipv4.route': means(['remoteSubnets'], (draft, key) => sayRoutes(draft, key)),
  'ipv6.route': means(['remoteSubnets'], (draft, key) => sayRoutes(draft, key)),
}

interface Plugin {
  readonly keys: KeyTable
  readonly settle: (draft: Draft, vpn: IniSection | undefined, bundle: Bundle) => void
}

const PLUGINS: Readonly<Record<string, Plugin>> = {
  strongswan: { keys: NM_STRONGSWAN, settle: settleStrongswan },
  libreswan: { keys: NM_LIBRESWAN, settle: settleLibreswan },
  openswan: { keys: NM_LIBRESWAN, settle: settleLibreswan },
  vpnc: { keys: NM_VPNC, settle: () => {} },
}

/** A keyfile (`.nmconnection`): one connection a file. */
export function networkManager(file: ImportFile, { bundle, report }: ImportContext): readonly Draft[] {
  const sections = parseIni(decodeText(file.bytes, file.name), file.name, {
    comments: '#',
    repeated: 'refuse',
  })
  const section = (name: string): IniSection | undefined => sections.find((one) => one.name === name)
  const vpn = section('vpn')
  const service = valueIn(vpn, 'service-type')
  if (valueIn(section('connection'), 'type') !== 'vpn' || service === undefined) {
    throw invalid({ file: file.name, field: 'connection.type' }, 'a connection of type vpn is expected')
  }
  const program = service.split('.').at(-1) ?? ''
  const plugin = Object.hasOwn(PLUGINS, program) ? PLUGINS[program] : undefined
  const draft = new Draft(file.name, report)
  if (plugin === undefined)
    draft.refuse(`it is a connection of ${program}, and Culvert speaks IPsec with IKE only`)
  const outside = keysOf(
    sections.filter(({ name }) => name !== 'vpn' && name !== 'vpn-secrets'),
    true,
  )
  const own = [...keysOf([vpn], false)]
  const isCommon = ({ path }: Key): boolean => `vpn.${path}` in NM_CONNECTION
  takeKeys(draft, outside, NM_CONNECTION, (path) => path.replace(/\.(dns|route|address)\d+$/, '.$1'))
  takeKeys(draft, own.filter(isCommon), NM_CONNECTION, (path) => `vpn.${path}`)
  const keys = own.filter((key) => !isCommon(key))
  if (program === 'vpnc') {
    sayVpnc(
      draft,
      keys.filter(({ path }) => path.toLowerCase() in VPNC),
    )
    takeKeys(
      draft,
      keys.filter(({ path }) => !(path.toLowerCase() in VPNC)),
      NM_VPNC,
      (path) => path.toLowerCase(),
    )
  } else takeKeys(draft, keys, plugin?.keys ?? {})
  takeKeys(draft, keysOf([section('vpn-secrets')], true), SECRETS, (path) =>
    path.replace('vpn-secrets.', '').toLowerCase(),
  )
  plugin?.settle(draft, vpn, bundle)
  return [draft]
}

function settleStrongswan(draft: Draft, vpn: IniSection | undefined, bundle: Bundle): void {
  draft.say('version', 2)
  const method = draft.value('auth')?.[0]
  draft.say('gatewayAuth', method === 'psk' ? 'psk' : 'certificate')
  // One field of that program is the password, the key, the passphrase or the PIN, as the method has it.
  const password = draft.secrets.get('password')
  if (password !== undefined && method !== 'eap') {
    const name = method === 'psk' ? 'psk' : method === 'smartcard' ? 'pin' : 'passphrase'
    draft.hide(name, password.secret.clone(), password.field)
    draft.forget('password')
  }
  if (method === 'psk' && draft.value('localId') === undefined) {
    const user = draft.said('user')
    if (user !== undefined) draft.say('localId', user.value, ...user.fields)
  }
  if (valueIn(vpn, 'proposal') !== 'yes')
    draft.unsay(['ikeProposals', 'espProposals'], 'proposals are switched off in the file')
  if (draft.value('requestAddresses') === undefined)
    draft.say('requestAddresses', { ipv4: false, ipv6: false })
  const ca = valueIn(vpn, 'certificate')
  if (ca !== undefined) takeCertificate(draft, bundle, 'caCertificates', ca, 'certificate', [])
  const own = valueIn(vpn, 'usercert')
  if (own !== undefined) takeCertificate(draft, bundle, 'ownCertificates', own, 'usercert', [])
  const key = valueIn(vpn, 'userkey')
  if (key !== undefined) takeKeyFile(draft, bundle, key, 'userkey', [])
}

function settleLibreswan(draft: Draft, vpn: IniSection | undefined, bundle: Bundle): void {
  const version = draft.value('version') ?? 1
  draft.say('version', version, ...(draft.said('version')?.fields ?? []))
  const certificate = valueIn(vpn, 'leftcert')
  const raw = [valueIn(vpn, 'leftrsasigkey'), valueIn(vpn, 'rightrsasigkey')].some(
    (value) => value !== undefined && value !== '%cert',
  )
  const first: SignIn = raw ? 'raw-key' : certificate === undefined ? 'psk' : 'certificate'
  draft.say('auth', version === 1 ? [first, 'xauth'] : [first])
  draft.say('gatewayAuth', first === 'psk' || first === 'raw-key' ? first : 'certificate')
  // The plug-in itself takes aggressive mode where it is told an ID.
  if (version === 1 && draft.value('localId') !== undefined) {
    draft.say('aggressive', true)
    // Its own choice where it is told none.
    if (draft.value('ikeProposals') === undefined) draft.say('ikeProposals', ['aes256-sha1-modp1536'])
    if (draft.value('espProposals') === undefined) draft.say('espProposals', ['aes256-sha1'])
  }
  if (certificate !== undefined)
    takeCertificate(draft, bundle, 'ownCertificates', certificate, 'leftcert', [])
}

const valueIn = (section: IniSection | undefined, key: string): string | undefined => {
  const value = section?.entries.find((entry) => entry.key === key)?.value
  return value === undefined || value === '' ? undefined : unescaped(value)
}

function* keysOf(sections: readonly (IniSection | undefined)[], withSection: boolean): Generator<Key> {
  for (const section of sections) {
    for (const { key, value, line } of section?.entries ?? []) {
      yield { path: withSection ? `${section?.name}.${key}` : key, value: unescaped(value), line }
    }
  }
}

/** Escapes of GKeyFile. */
const unescaped = (value: string): string =>
  value.replace(/\\([sntr\\;])/g, (_, mark: string) => ({ s: ' ', n: '\n', t: '\t', r: '\r' })[mark] ?? mark)

/** `~` in front of a domain means the same as without it here. */
const searchDomains = (value: unknown): readonly string[] =>
  semicolons(value).map((domain) => domain.replace(/^~/, ''))

/** `10.0.0.0/8,10.0.0.1,100` in `route1`, or several of them with `;` in the old `routes`. */
function sayRoutes(draft: Draft, { value, path }: Key): void {
  const networks = text(value)
    .split(';')
    .map((route) => route.split(',')[0]?.trim() ?? '')
    .filter((route) => route !== '')
  draft.add('remoteSubnets', networks, path)
}

function sayTs(slot: 'localSubnets' | 'remoteSubnets') {
  return (draft: Draft, key: Key): void => {
    const { networks, ports } = trafficSelectors(text(key.value))
    if (networks.length > 0) draft.add(slot, networks, key.path)
    if (ports.length > 0) draft.add('selectorPorts', ports, key.path)
  }
}

function sayId(slot: 'localId' | 'remoteId') {
  return (draft: Draft, { value, path }: Key): void => {
    const id = identityWords(text(value))
    if (id === undefined) draft.mark(path, 'kept')
    else draft.say(slot, id, path)
  }
}
