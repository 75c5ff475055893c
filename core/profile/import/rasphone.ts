import type { ImportContext, ImportFile } from './bundle.ts'
import { Draft, type SignIn } from './description.ts'
import { EAP_METHODS } from './eap-xml.ts'
import { fills, flag, hides, ignores, integer, joins, type KeyTable, means, takeKeys, text } from './keys.ts'
import { type IniSection, parseIni } from './syntax/ini.ts'
import { decodeText } from './text.ts'
import { windowsEspSuite, windowsIkeSuite, windowsPolicies } from './windows-crypto.ts'

const WINDOWS = 'it is about Windows'

/** What VpnStrategy allows: IKEv2, or only something else. */
const STRATEGIES: Readonly<Record<string, string | undefined>> = {
  ...{ '1': 'PPTP', '2': 'PPTP', '3': 'L2TP', '4': 'L2TP', '5': 'SSTP' },
}

/** What a phone book says of an IKEv2 connection; everything else there is about Windows or about modems. */
export const RASPHONE: KeyTable = {
  PhoneNumber: fills('host', text),
  VpnStrategy: means(['version'], (draft, { value, path }) => {
    const other = STRATEGIES[integer(0, 255)(value)]
    if (other === undefined) draft.say('version', 2, path)
    else draft.refuse(`it is a connection by ${other}, and Culvert speaks IKEv2 only`)
  }),
  CustomAuthKey: joins('auth'),
  AuthRestrictions: joins('auth'),
  CustomAuthData: ignores('what it says of certificates is not read yet'),
  PreSharedKey: hides('psk'),
  IpPrioritizeRemote: fills('fullTunnel', flag),
  Ipv6PrioritizeRemote: ignores('what IpPrioritizeRemote says counts for both'),
  IpDnsAddress: means(['dnsServers'], (draft, { value, path }) => sayDns(draft, text(value), path)),
  IpDns2Address: means(['dnsServers'], (draft, { value, path }) => sayDns(draft, text(value), path)),
  IpDnsSuffix: fills('dnsSearch', (value) => [text(value)]),
  IpInterfaceMetric: ignores('Culvert makes its own routes'),
  DisableMobility: fills('mobike', (value) => !flag(value)),
  NetworkOutageTime: ignores('Culvert connects again by itself'),
  DisableClassBasedDefaultRoute: ignores('Culvert routes only what the file or the gateway names'),
  DisableIKEv2Fragmentation: fills('fragmentation', (value) => !flag(value)),
  Disable_IKEv2_Fragmentation: fills('fragmentation', (value) => !flag(value)),
  PlumbIKEv2TSAsRoutes: ignores('Culvert always follows the networks it is given'),
  NumCustomPolicy: joins('ikeProposals'),
  CustomIPSecPolicies: means(['ikeProposals', 'espProposals'], (draft, { value, path }) => {
    const suite = windowsPolicies(text(value))
    if (suite === undefined) return draft.mark(path, 'refused', 'its numbers are not those of Windows')
    draft.say('ikeProposals', [windowsIkeSuite(suite)], path)
    draft.say('espProposals', [windowsEspSuite(suite)], path)
  }),
  NumRoutes: joins('remoteSubnets'),
  Routes: ignores('routes in this form are not read'),
  NumNrptRules: ignores('rules for names are not read'),
  AlwaysOnCapable: ignores(WINDOWS),
  DeviceTunnel: ignores(WINDOWS),
  IdleDisconnectSeconds: fills('idleSeconds', integer(-1, 604_800)),
}

const REST = ignores('it is about Windows or about modems')

/** `rasphone.pbk`: one connection for each VPN entry; entries for modems and the like are passed over. */
export function rasphone(file: ImportFile, { report }: ImportContext): readonly Draft[] {
  const sections = parseIni(decodeText(file.bytes, file.name), file.name, {
    comments: ';',
    repeated: 'first',
  })
  const drafts: Draft[] = []
  for (const section of sections) {
    if (valueIn(section, 'Type') === '2') drafts.push(entryOf(section, file, report))
    else report.mark(file.name, section.name, 'ignored', 'it is no VPN')
  }
  return drafts
}

function entryOf(section: IniSection, file: ImportFile, report: ImportContext['report']): Draft {
  const draft = new Draft(file.name, report, `${section.name}.`)
  draft.say('name', section.name)
  const keys = section.entries.map(({ key, value, line }) => ({ path: key, value, line }))
  const isKnown = (path: string): boolean => Object.hasOwn(RASPHONE, path)
  takeKeys(
    draft,
    keys.filter(({ path }) => isKnown(path)),
    RASPHONE,
  )
  const rest = keys.filter(({ path }) => !isKnown(path))
  takeKeys(draft, rest, Object.fromEntries(rest.map(({ path }) => [path, REST])))
  const method = EAP_METHODS[Number(valueIn(section, 'CustomAuthKey') ?? 0)]
  const rounds: readonly SignIn[] = method === undefined ? ['eap'] : [method]
  // Bit 17: a certificate of the machine instead of EAP.
  const machine = (Number(valueIn(section, 'AuthRestrictions') ?? 0) & 0x20000) !== 0
  draft.say('auth', machine ? ['certificate'] : rounds)
  draft.say('gatewayAuth', 'certificate')
  return draft
}

const valueIn = (section: IniSection, key: string): string | undefined =>
  section.entries.find((entry) => entry.key === key)?.value

function sayDns(draft: Draft, address: string, path: string): void {
  if (address === '0.0.0.0' || address === '::') draft.mark(path, 'ignored', 'it is empty')
  else draft.add('dnsServers', [address], path)
}
