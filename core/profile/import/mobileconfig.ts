import { Secret } from '../../bytes/secret.ts'
import type { ImportContext, ImportFile } from './bundle.ts'
import { Draft, type SignIn } from './description.ts'
import { invalid } from './failure.ts'
import {
  fills,
  flag,
  hides,
  ignores,
  integer,
  joins,
  type Key,
  type KeyTable,
  listOf,
  means,
  not,
  oneOf,
  type Read,
  readAt,
  refuses,
  secretText,
  takeKeys,
  text,
  Unreadable,
} from './keys.ts'
import { isDict, type PlistDict, type PlistValue, parsePlist } from './syntax/plist.ts'

const VPN = 'com.apple.vpn.managed'
const NOT_HERE = 'it has no meaning on a computer'

/** A secret as a text, or as data, which Apple's own tools write. */
const anySecret: Read<Secret> = (value) =>
  value instanceof Uint8Array && value.length > 0 ? new Secret(value.slice()) : secretText(value)

const METHODS = { None: 'None', SharedSecret: 'SharedSecret', Certificate: 'Certificate' } as const

const DPD_SECONDS = { None: 0, Low: 1800, Medium: 600, High: 60 } as const

const ENCRYPTION = {
  DES: 'des',
  '3DES': '3des',
  'AES-128': 'aes128',
  'AES-256': 'aes256',
  'AES-128-GCM': 'aes128gcm16',
  'AES-256-GCM': 'aes256gcm16',
  ChaCha20Poly1305: 'chacha20poly1305',
} as const

const INTEGRITY = {
  'SHA1-96': 'sha1',
  'SHA1-160': 'sha1',
  'SHA2-256': 'sha256',
  'SHA2-384': 'sha384',
  'SHA2-512': 'sha512',
} as const

/** IANA numbers of key exchange methods, in our words. */
const GROUP: Readonly<Record<number, string>> = {
  ...{ 1: 'modp768', 2: 'modp1024', 5: 'modp1536', 14: 'modp2048', 15: 'modp3072', 16: 'modp4096' },
  ...{
    17: 'modp6144',
    18: 'modp8192',
    19: 'ecp256',
    20: 'ecp384',
    21: 'ecp521',
    31: 'curve25519',
    32: 'curve448',
  },
  ...{ 35: 'mlkem512', 36: 'mlkem768', 37: 'mlkem1024' },
}

const VPN_KEYS: KeyTable = {
  UserDefinedName: fills('name', text),
  VPNType: means(['version'], (draft, { value, path }) => {
    const type = text(value)
    draft.mention(path)
    if (type === 'IKEv2') draft.say('version', 2, path)
    else if (type === 'IPSec') draft.say('version', 1, path)
    else draft.refuse(`it is a connection of type ${type}, and Culvert speaks IKEv2 only`)
  }),
  'IPv4.OverridePrimary': fills('fullTunnel', flag),
  'DNS.ServerAddresses': fills('dnsServers', listOf(text)),
  'DNS.SearchDomains': fills('dnsSearch', listOf(text)),
  'DNS.DomainName': means(['dnsSearch'], (draft, { value, path }) =>
    draft.add('dnsSearch', [text(value)], path),
  ),
  'DNS.SupplementalMatchDomains': fills(
    'dnsMatch',
    listOf((value) => (value === '' ? '' : text(value))),
  ),
  'DNS.SupplementalMatchDomainsNoSearch': ignores('Culvert uses such domains for searching as well'),
  'DNS.DNSProtocol': refuses('encrypted DNS from the file is not done yet'),
  'DNS.ServerURL': refuses('encrypted DNS from the file is not done yet'),
  'DNS.ServerName': refuses('encrypted DNS from the file is not done yet'),
  Proxies: refuses('Culvert does not set a proxy'),
  'IPSec.OnDemandEnabled': fills('onDemand', flag),
  'IPSec.OnDemandMatchDomainsAlways': joins('onDemand'),
  'IPSec.OnDemandRules': joins('onDemand'),
}

/** A group of keys below `IKEv2` that exists for the IKE SA and for its children. */
const saKeys = (prefix: 'IKE' | 'ChildSecurityAssociationParameters', ike: boolean): KeyTable => {
  const slot = ike ? 'ikeProposals' : 'espProposals'
  const at = ike ? 'IKEv2.IKESecurityAssociationParameters' : `IKEv2.${prefix}`
  return {
    [`${at}.EncryptionAlgorithm`]: joins(slot),
    [`${at}.IntegrityAlgorithm`]: joins(slot),
    [`${at}.DiffieHellmanGroup`]: joins(slot),
    [`${at}.LifeTimeInMinutes`]: fills(
      ike ? 'ikeRekeySeconds' : 'childRekeySeconds',
      (value) => integer(1, 100_000)(value) * 60,
    ),
    [`${at}.PostQuantumKeyExchangeMethods`]: fills(
      'postQuantum',
      listOf((id) => GROUP[Number(id)] ?? text(id)),
    ),
  }
}

const IKEV2_KEYS: KeyTable = {
  'IKEv2.RemoteAddress': fills('host', text),
  'IKEv2.LocalIdentifier': means(['localId'], sayIdentifier('localId')),
  'IKEv2.RemoteIdentifier': means(['remoteId'], sayIdentifier('remoteId')),
  'IKEv2.AuthenticationMethod': joins('auth'),
  'IKEv2.ExtendedAuthEnabled': joins('auth'),
  'IKEv2.PayloadCertificateUUID': joins('ownCertificates'),
  'IKEv2.CertificateType': ignores('the certificate itself says it'),
  'IKEv2.SharedSecret': hides('psk', anySecret),
  'IKEv2.AuthName': fills('user', text),
  'IKEv2.AuthPassword': hides('password', anySecret),
  'IKEv2.PasswordEncryption': ignores('a password that is not in the file is asked for'),
  'IKEv2.PromptForVPNPIN': ignores('Culvert asks for what it needs'),
  'IKEv2.ServerCertificateIssuerCommonName': fills('gatewayNames', (value) => [`issuer ${text(value)}`]),
  'IKEv2.ServerCertificateCommonName': means(['gatewayNames'], (draft, { value, path }) =>
    draft.add('gatewayNames', [text(value)], path),
  ),
  'IKEv2.TLSMinimumVersion': ignores('TLS 1.2 is the oldest Culvert would use'),
  'IKEv2.TLSMaximumVersion': ignores('Culvert uses the newest TLS there is'),
  'IKEv2.DeadPeerDetectionRate': fills('dpdSeconds', oneOf(DPD_SECONDS)),
  'IKEv2.DisableMOBIKE': fills('mobike', not(flag)),
  'IKEv2.DisableRedirect': fills('redirect', not(flag)),
  'IKEv2.EnablePFS': fills('pfs', flag),
  'IKEv2.EnableCertificateRevocationCheck': fills('revocation', (value) =>
    flag(value) ? 'if-possible' : 'off',
  ),
  'IKEv2.NATKeepAliveInterval': fills('keepaliveSeconds', integer(1, 604_800)),
  'IKEv2.NATKeepAliveOffloadEnable': ignores(NOT_HERE),
  'IKEv2.UseConfigurationAttributeInternalIPSubnet': ignores(
    'Culvert always follows the networks it is given',
  ),
  'IKEv2.MTU': fills('mtu', integer(576, 9000)),
  'IKEv2.DisconnectOnIdle': joins('idleSeconds'),
  'IKEv2.DisconnectOnIdleTimer': fills('idleSeconds', integer(0, 604_800)),
  'IKEv2.OnDemandEnabled': fills('onDemand', flag),
  'IKEv2.OnDemandRules': joins('onDemand'),
  'IKEv2.OnDemandUserOverrideDisabled': joins('onDemand'),
  'IKEv2.IncludeAllNetworks': fills('fullTunnel', flag),
  'IKEv2.EnforceRoutes': ignores('the routes of the tunnel always come first'),
  'IKEv2.ExcludeLocalNetworks': fills('allowLan', flag),
  'IKEv2.ExcludeCellularServices': ignores(NOT_HERE),
  'IKEv2.ExcludeAPNs': ignores(NOT_HERE),
  'IKEv2.ExcludeDeviceCommunication': ignores(NOT_HERE),
  'IKEv2.EnableFallback': ignores(NOT_HERE),
  'IKEv2.AllowPostQuantumKeyExchangeFallback': means(['postQuantum'], (draft, { value, path }) => {
    if (flag(value)) draft.mark(path, 'refused', 'the key exchanges of the file are always made')
    else draft.mark(path, 'kept')
  }),
  'IKEv2.ProviderBundleIdentifier': ignores(NOT_HERE),
  'IKEv2.ProviderType': ignores(NOT_HERE),
  'IKEv2.PPK': hides('ppk', anySecret),
  'IKEv2.PPKIdentifier': fills('ppkId', text),
  'IKEv2.PPKMandatory': fills('ppkRequired', flag),
  ...saKeys('IKE', true),
  ...saKeys('ChildSecurityAssociationParameters', false),
}

const IPSEC_KEYS: KeyTable = {
  'IPSec.RemoteAddress': fills('host', text),
  'IPSec.AuthenticationMethod': joins('auth'),
  'IPSec.XAuthEnabled': joins('auth'),
  'IPSec.XAuthName': fills('user', text),
  'IPSec.XAuthPassword': hides('password', anySecret),
  'IPSec.XAuthPasswordEncryption': ignores('a password that is not in the file is asked for'),
  'IPSec.LocalIdentifier': means(['localId', 'aggressive'], (draft, { value, path }) => {
    const group = typeof value === 'string' ? value.trim() : ''
    if (group === '') return draft.mark(path, 'ignored', 'it is empty')
    // A group name is sent before the key is known, which only aggressive mode can. RFC 2409 §5.4
    draft.say('localId', `keyid:${group}`, path)
    draft.say('aggressive', true, path)
  }),
  'IPSec.LocalIdentifierType': joins('localId'),
  'IPSec.SharedSecret': hides('psk', anySecret),
  'IPSec.PayloadCertificateUUID': joins('ownCertificates'),
  'IPSec.PromptForVPNPIN': ignores('Culvert asks for what it needs'),
}

const WRAPPER = /^Payload(?!Content$)|^(?:OverridePrimary|VendorConfig|VPNSubType)/

/** Every key of `com.apple.vpn.managed` for IKEv2 and Cisco IPSec. */
export const MOBILECONFIG: KeyTable = { ...VPN_KEYS, ...IKEV2_KEYS, ...IPSEC_KEYS }

/** `.mobileconfig`: one connection for each VPN payload; certificates are payloads beside it, joined by UUID. */
export function mobileconfig(file: ImportFile, { report }: ImportContext): readonly Draft[] {
  const top = parsePlist(file.bytes, file.name)
  if (!isDict(top)) throw invalid({ file: file.name }, 'a dictionary is expected')
  if (top.EncryptedPayloadContent !== undefined) {
    throw invalid(
      { file: file.name, field: 'EncryptedPayloadContent' },
      'it is encrypted for one device; ask for a plain one',
    )
  }
  const payloads = top.PayloadContent
  if (!Array.isArray(payloads) || !payloads.every(isDict)) {
    throw invalid({ file: file.name, field: 'PayloadContent' }, 'a list of payloads is expected')
  }
  const dicts: readonly PlistDict[] = payloads
  const connections = dicts.filter(({ PayloadType }) => PayloadType === VPN)
  for (const payload of dicts) reportOther(payload, file, report)
  return connections.map((payload) => {
    const draft = connectionOf(payload, top, file, report, connections.length > 1)
    joinCertificates(draft, dicts, payload)
    return draft
  })
}

function connectionOf(
  payload: PlistDict,
  top: PlistDict,
  file: ImportFile,
  report: ImportContext['report'],
  several: boolean,
): Draft {
  const name =
    nameOf(payload.UserDefinedName) ?? nameOf(payload.PayloadDisplayName) ?? nameOf(top.PayloadDisplayName)
  const draft = new Draft(file.name, report, several && name !== undefined ? `${name}.` : '')
  if (name !== undefined) draft.say('name', name)
  const uuid = nameOf(payload.PayloadUUID) ?? nameOf(top.PayloadUUID)
  if (uuid !== undefined) draft.say('uuid', uuid, 'PayloadUUID')
  takeKeys(draft, keysOf(payload), MOBILECONFIG)
  const { IKEv2, IPSec } = payload
  if (isDict(IKEv2)) sayIkev2(draft, IKEv2)
  else if (isDict(IPSec) && payload.VPNType === 'IPSec') sayIpsec(draft, IPSec)
  else if (draft.value('version') !== undefined) {
    throw invalid(
      { file: file.name, field: `${draft.prefix}${String(payload.VPNType)}` },
      'a dictionary is expected',
    )
  }
  return draft
}

function* keysOf(payload: PlistDict): Generator<Key> {
  for (const [key, value] of Object.entries(payload)) {
    if (WRAPPER.test(key)) continue
    if (key === 'Proxies') yield { path: key, value }
    else if (isDict(value)) yield* below(value, key)
    else yield { path: key, value }
  }
}

function* below(dict: PlistDict, prefix: string): Generator<Key> {
  for (const [key, value] of Object.entries(dict)) {
    const path = `${prefix}.${key}`
    if (isDict(value)) yield* below(value, path)
    else yield { path, value }
  }
}

function sayIkev2(draft: Draft, ikev2: PlistDict): void {
  const extended = flagAt(draft, 'IKEv2.ExtendedAuthEnabled', ikev2.ExtendedAuthEnabled)
  const method = readAt(draft, { path: 'IKEv2.AuthenticationMethod' }, () =>
    oneOf(METHODS)(ikev2.AuthenticationMethod ?? 'Certificate'),
  )
  draft.say('auth', roundsOf(method, extended, ikev2.PayloadCertificateUUID !== undefined))
  const shared = method === 'SharedSecret' || (method === 'None' && !extended)
  // Where the method is None the gateway shows a certificate all the same: EAP with a password proves no gateway.
  draft.say('gatewayAuth', shared ? 'psk' : 'certificate')
  draft.say('ikeProposals', [suiteOf(draft, 'IKESecurityAssociationParameters', ikev2, true)])
  const child = suiteOf(draft, 'ChildSecurityAssociationParameters', ikev2, false)
  // The group of a child counts with PFS only, which is off unless the file says so.
  draft.say('espProposals', [draft.value('pfs') === true ? child : child.replace(/-[^-]+$/, '')])
}

/** Apple's table of methods; `None` without EAP is read as a shared secret, as Apple does. */
function roundsOf(method: string, extended: boolean, certificate: boolean): readonly SignIn[] {
  if (extended) return [certificate ? 'eap-tls' : method === 'SharedSecret' ? 'eap' : 'eap-mschapv2']
  return [method === 'Certificate' ? 'certificate' : 'psk']
}

/** One suite; what is left out has Apple's defaults. */
function suiteOf(draft: Draft, name: string, ikev2: PlistDict, ike: boolean): string {
  const dict = isDict(ikev2[name]) ? (ikev2[name] as PlistDict) : {}
  const read = <T>(key: string, usual: PlistValue, how: Read<T>): T =>
    readAt(draft, { path: `IKEv2.${name}.${key}` }, () => how(dict[key] ?? usual))
  const encryption = read('EncryptionAlgorithm', 'AES-256', oneOf<string>(ENCRYPTION))
  const integrity = read('IntegrityAlgorithm', 'SHA2-256', oneOf<string>(INTEGRITY))
  const group = read('DiffieHellmanGroup', 14, (value) => {
    const word = GROUP[integer(1, 0xffff)(value)]
    if (word === undefined) throw new Unreadable('the number of a group is expected')
    return word
  })
  const parts = /gcm|poly/.test(encryption)
    ? [encryption, ...(ike ? [`prf${integrity}`] : [])]
    : [encryption, integrity]
  return [...parts, group].join('-')
}

function sayIpsec(draft: Draft, ipsec: PlistDict): void {
  const first: SignIn = ipsec.AuthenticationMethod === 'Certificate' ? 'certificate' : 'psk'
  const xauth = flagAt(draft, 'IPSec.XAuthEnabled', ipsec.XAuthEnabled)
  draft.say('auth', xauth ? [first, 'xauth'] : [first])
  draft.say('gatewayAuth', first)
}

const flagAt = (draft: Draft, path: string, value: PlistValue | undefined): boolean =>
  value !== undefined && readAt(draft, { path }, () => flag(value))

function sayIdentifier(slot: 'localId' | 'remoteId') {
  return (draft: Draft, { value, path }: Key): void => {
    if (typeof value !== 'string') throw new Unreadable('a text is expected')
    if (value.trim() === '') draft.mark(path, 'ignored', 'it is empty')
    else draft.say(slot, text(value), path)
  }
}

const CERTIFICATES = /^com\.apple\.security\.(?:root|pkcs1|pem|pkcs12)$/

function reportOther(payload: PlistDict, file: ImportFile, report: ImportContext['report']): void {
  const type = nameOf(payload.PayloadType) ?? 'a payload without type'
  if (type === VPN || CERTIFICATES.test(type)) return
  report.mark(file.name, type, 'ignored', 'it is no connection')
}

/** The certificate a connection signs in with, and the authorities that came along. */
function joinCertificates(draft: Draft, payloads: readonly PlistDict[], connection: PlistDict): void {
  const named = [connection.IKEv2, connection.IPSec].filter(isDict).map((dict) => dict.PayloadCertificateUUID)
  for (const payload of payloads) {
    const type = nameOf(payload.PayloadType) ?? ''
    const content = payload.PayloadContent
    if (!CERTIFICATES.test(type) || !(content instanceof Uint8Array)) continue
    const field = `${type}.PayloadContent`
    if (type === 'com.apple.security.pkcs12') {
      if (!named.includes(payload.PayloadUUID as string)) {
        draft.mark(field, 'ignored', 'no connection names it')
        continue
      }
      draft.add('ownCertificates', [content], field)
      if (typeof payload.Password === 'string' && payload.Password !== '') {
        draft.hide('passphrase', Secret.fromText(payload.Password), `${type}.Password`)
      }
    } else {
      draft.add('caCertificates', [content], field)
    }
  }
}

const nameOf = (value: PlistValue | undefined): string | undefined =>
  typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined
