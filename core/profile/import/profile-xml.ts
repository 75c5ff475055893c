import type { ImportContext, ImportFile } from './bundle.ts'
import { Draft, type SignIn } from './description.ts'
import { eapMethodOf, serverNamesOf } from './eap-xml.ts'
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
  type Read,
  readAt,
  refuses,
  takeKeys,
  text,
} from './keys.ts'
import { childOf, childrenOf, parseXml, type XmlElement } from './syntax/xml.ts'
import { decodeText } from './text.ts'
import {
  WINDOWS_ENCRYPTION,
  WINDOWS_GROUPS,
  WINDOWS_INTEGRITY,
  windowsEspSuite,
  windowsIkeSuite,
} from './windows-crypto.ts'

const WINDOWS = 'it is about Windows'
const APPS = refuses('Culvert does not choose by program')
const PROXY = refuses('Culvert does not set a proxy')

/** Every element of `VPNProfile` (VPNv2). */
export const PROFILE_XML: KeyTable = {
  ProfileName: fills('name', text),
  'NativeProfile.Servers': means(['host', 'otherHosts'], (draft, { value, path }) => {
    const [first, ...others] = listOf(text)(value)
    if (first !== undefined) draft.say('host', first, path)
    if (others.length > 0) draft.say('otherHosts', others, path)
  }),
  'NativeProfile.RoutingPolicyType': fills('fullTunnel', oneOf({ SplitTunnel: false, ForceTunnel: true })),
  'NativeProfile.NativeProtocolType': means(['version'], (draft, { value, path }) => {
    const protocol = text(value)
    if (/^(?:ikev2|automatic|protocollist)$/i.test(protocol)) draft.say('version', 2, path)
    else draft.refuse(`it is a connection by ${protocol}, and Culvert speaks IKEv2 only`)
  }),
  'NativeProfile.ProtocolList.NativeProtocol.Type': ignores('Culvert speaks IKEv2 only'),
  'NativeProfile.ProtocolList.RetryTimeInHours': ignores('Culvert speaks IKEv2 only'),
  'NativeProfile.Authentication.UserMethod': joins('auth'),
  'NativeProfile.Authentication.MachineMethod': joins('auth'),
  'NativeProfile.Authentication.Eap.Configuration': joins('auth'),
  'NativeProfile.Authentication.Certificate.Issuer': joins('auth'),
  'NativeProfile.Authentication.Certificate.EKU': joins('auth'),
  'NativeProfile.CryptographySuite.AuthenticationTransformConstants': joins('espProposals'),
  'NativeProfile.CryptographySuite.CipherTransformConstants': joins('espProposals'),
  'NativeProfile.CryptographySuite.PfsGroup': joins('espProposals'),
  'NativeProfile.CryptographySuite.DHGroup': joins('ikeProposals'),
  'NativeProfile.CryptographySuite.IntegrityCheckMethod': joins('ikeProposals'),
  'NativeProfile.CryptographySuite.EncryptionMethod': joins('ikeProposals'),
  'NativeProfile.L2tpPsk': ignores('it belongs to L2TP'),
  'NativeProfile.DisableClassBasedDefaultRoute': ignores(
    'Culvert routes only what the file or the gateway names',
  ),
  'NativeProfile.PlumbIKEv2TSAsRoutes': ignores('Culvert always follows the networks it is given'),
  'Route.Address': joins('remoteSubnets'),
  'Route.PrefixSize': joins('remoteSubnets'),
  'Route.Metric': ignores('Culvert makes its own routes'),
  'Route.ExclusionRoute': joins('excludedSubnets'),
  AlwaysOn: fills('onDemand', flag),
  AlwaysOnActive: joins('onDemand'),
  DeviceTunnel: ignores(WINDOWS),
  RememberCredentials: ignores('Culvert asks before it keeps a password'),
  TrustedNetworkDetection: refuses('staying off at work is not done yet'),
  DnsSuffix: fills('dnsSearch', listOf(text)),
  RegisterDNS: ignores('Culvert does not register names'),
  'DomainNameInformation.DomainName': means(['dnsMatch'], (draft, { value, path }) =>
    draft.add('dnsMatch', [text(value).replace(/^\./, '')], path),
  ),
  'DomainNameInformation.DnsServers': means(['dnsServers'], (draft, { value, path }) =>
    draft.add('dnsServers', listOf(text)(value), path),
  ),
  'DomainNameInformation.AutoTrigger': ignores('connect it yourself'),
  'DomainNameInformation.Persistent': ignores(WINDOWS),
  'DomainNameInformation.WebProxyServers': PROXY,
  'Proxy.Manual.Server': fills('proxy', text),
  'Proxy.AutoConfigUrl': fills('proxy', text),
  ByPassForLocal: PROXY,
  NetworkOutageTime: ignores('Culvert connects again by itself'),
  DisableIKEv2Fragmentation: fills('fragmentation', (value) => !flag(value)),
  DisableMobility: fills('mobike', (value) => !flag(value)),
  IPv4InterfaceMetric: ignores('Culvert makes its own routes'),
  IPv6InterfaceMetric: ignores('Culvert makes its own routes'),
  UseRasCredentials: ignores(WINDOWS),
  DataEncryption: ignores('Culvert always encrypts'),
  PrivateNetwork: ignores(WINDOWS),
  DisableAdvancedOptionsEditButton: ignores(WINDOWS),
  DisableDisconnectButton: ignores(WINDOWS),
  EdpModeId: ignores(WINDOWS),
  ProfileXML: ignores(WINDOWS),
}

/** ProfileXML (VPNv2): one connection a file, without secrets. */
export function profileXml(file: ImportFile, { report }: ImportContext): readonly Draft[] {
  const root = profileIn(parseXml(decodeText(file.bytes, file.name), file.name))
  if (root === undefined) throw invalid({ file: file.name }, 'an element VPNProfile is expected')
  const draft = new Draft(file.name, report)
  const rowName = (path: string): string => {
    const plain = path.replace(/ \(\d+\)/, '')
    if (/^(?:AppTrigger|TrafficFilter)\b/.test(plain)) return 'apps'
    if (plain.startsWith('NativeProfile.Authentication.Eap.Configuration'))
      return 'NativeProfile.Authentication.Eap.Configuration'
    if (/^DeviceCompliance\b/.test(plain)) return 'compliance'
    return plain
  }
  const table = { ...PROFILE_XML, apps: APPS, compliance: refuses('conditional access is not done') }
  takeKeys(draft, keysOf(root, '', file.name), table, rowName)
  const native = childOf(root, 'NativeProfile')
  if (native === undefined) {
    draft.refuse('it is a connection of an app from the store, not of Windows itself')
    return [draft]
  }
  saySignIn(draft, native)
  saySuites(draft, native)
  sayRoutes(draft, root)
  if (draft.value('host') === undefined)
    throw invalid({ file: file.name, field: 'NativeProfile.Servers' }, 'it is missing')
  if (draft.value('name') === undefined) draft.say('name', draft.value('host') ?? '')
  return [draft]
}

/** The profile, alone or in the XML that carries it to a device. */
function profileIn(element: XmlElement): XmlElement | undefined {
  if (element.name === 'VPNProfile') return element
  for (const child of element.children) {
    const found = profileIn(child)
    if (found !== undefined) return found
  }
  return undefined
}

/** Elements of which there may be several. */
const LISTS = /^(?:Route|TrafficFilter|AppTrigger|DomainNameInformation|App|DeviceCompliance)$/

/** Elements that may stand several times are numbered; the blob of EAP is one key. */
function* keysOf(element: XmlElement, path: string, file: string): Generator<Key> {
  const counts = new Map<string, number>()
  for (const child of element.children) {
    const count = (counts.get(child.name) ?? 0) + 1
    counts.set(child.name, count)
    if (count > 1 && !LISTS.test(child.name)) {
      const field = path === '' ? child.name : `${path}.${child.name}`
      throw invalid({ file, field, line: child.line }, 'this element stands twice')
    }
    const at = `${path === '' ? '' : `${path}.`}${child.name}${count === 1 ? '' : ` (${count})`}`
    if (child.children.length === 0 || child.name === 'Configuration') {
      yield { path: at, value: child.children.length === 0 ? child.text.trim() : 'EAP', line: child.line }
    } else yield* keysOf(child, at, file)
  }
}

function saySignIn(draft: Draft, native: XmlElement): void {
  const authentication = childOf(native, 'Authentication')
  const user = childOf(authentication, 'UserMethod')?.text.trim().toLowerCase()
  const machine = childOf(authentication, 'MachineMethod')?.text.trim().toLowerCase()
  const configuration = childOf(childOf(authentication, 'Eap'), 'Configuration')
  const rounds: readonly SignIn[] =
    user === 'eap'
      ? [configuration === undefined ? 'eap' : eapMethodOf(configuration)]
      : user === 'mschapv2'
        ? ['eap-mschapv2']
        : machine === 'certificate' || user === 'certificate'
          ? ['certificate']
          : ['eap']
  draft.say('auth', rounds)
  draft.say('gatewayAuth', 'certificate')
  const names = configuration === undefined ? [] : serverNamesOf(configuration)
  if (names.length > 0) draft.say('gatewayNames', names)
}

function saySuites(draft: Draft, native: XmlElement): void {
  const suite = childOf(native, 'CryptographySuite')
  if (suite === undefined) return
  const read = (name: string, words: Readonly<Record<string, string>>, usual: string): string => {
    const element = childOf(suite, name)
    if (element === undefined) return usual
    const path = `NativeProfile.CryptographySuite.${name}`
    const how: Read<string> = oneOf(words)
    return readAt(draft, { path, line: element.line }, () => how(element.text))
  }
  const words = {
    encryption: read('EncryptionMethod', WINDOWS_ENCRYPTION, 'aes256'),
    integrity: read('IntegrityCheckMethod', WINDOWS_INTEGRITY, 'sha256'),
    group: read('DHGroup', WINDOWS_GROUPS, 'modp2048'),
    cipher: read('CipherTransformConstants', WINDOWS_ENCRYPTION, 'aes256'),
    authentication: read(
      'AuthenticationTransformConstants',
      { ...WINDOWS_INTEGRITY, ...WINDOWS_ENCRYPTION },
      'sha256',
    ),
    pfs: read('PfsGroup', WINDOWS_GROUPS, ''),
  }
  draft.say('ikeProposals', [windowsIkeSuite(words)])
  draft.say('espProposals', [windowsEspSuite(words)])
}

function sayRoutes(draft: Draft, root: XmlElement): void {
  for (const route of childrenOf(root, 'Route')) {
    const address = childOf(route, 'Address')
    const prefix = childOf(route, 'PrefixSize')
    if (address === undefined) continue
    const place = { path: 'Route.PrefixSize', line: route.line }
    const size = prefix === undefined ? undefined : readAt(draft, place, () => integer(0, 128)(prefix.text))
    const network = size === undefined ? address.text.trim() : `${address.text.trim()}/${size}`
    const exclusion = childOf(route, 'ExclusionRoute')
    const excluded =
      exclusion !== undefined &&
      readAt(draft, { path: 'Route.ExclusionRoute', line: exclusion.line }, () => flag(exclusion.text))
    draft.add(excluded ? 'excludedSubnets' : 'remoteSubnets', [network])
  }
}
