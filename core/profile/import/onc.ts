import type { ImportContext, ImportFile } from './bundle.ts'
import { certificatesIn } from './companions.ts'
import { Draft, type SignIn } from './description.ts'
import { invalid } from './failure.ts'
import {
  fills,
  flag,
  hides,
  ignores,
  joins,
  type KeyTable,
  listOf,
  means,
  oneOf,
  takeKeys,
  text,
} from './keys.ts'
import { leavesOf, parseStrictJson } from './syntax/json.ts'
import { decodeText } from './text.ts'

const EAP: Readonly<Record<string, SignIn>> = {
  MSCHAPv2: 'eap-mschapv2',
  'EAP-TLS': 'eap-tls',
  'EAP-TTLS': 'eap-ttls',
  PEAP: 'eap-peap',
  MD5: 'eap-md5',
}

/** What ChromeOS says of an IPsec connection (Open Network Configuration). */
export const ONC: KeyTable = {
  GUID: fills('uuid', (value) => text(value).replace(/[{}]/g, '')),
  Name: fills('name', text),
  Type: ignores('it is a VPN'),
  'VPN.Type': means(['version'], (draft, { value, path }) => {
    draft.mark(path, 'kept')
    if (text(value) !== 'IPsec')
      draft.refuse(`it is a connection of type ${text(value)}, and Culvert speaks IPsec with IKE only`)
  }),
  'VPN.Host': fills('host', text),
  'VPN.AutoConnect': fills('onDemand', flag),
  'VPN.IPsec.IKEVersion': fills('version', oneOf({ '1': 1, '2': 2 } as const)),
  'VPN.IPsec.AuthenticationType': joins('auth'),
  'VPN.IPsec.PSK': hides('psk'),
  'VPN.IPsec.SaveCredentials': ignores('Culvert asks before it keeps a password'),
  'VPN.IPsec.LocalIdentity': fills('localId', text),
  'VPN.IPsec.RemoteIdentity': fills('remoteId', text),
  'VPN.IPsec.Group': fills('localId', (value) => `keyid:${text(value)}`),
  'VPN.IPsec.ServerCAPEMs': means(['caCertificates'], (draft, { value, path }) => {
    const read = listOf((pem) => certificatesIn(new Uint8Array(Buffer.from(String(pem)))), /$^/)
    draft.say('caCertificates', read(value).flat(), path)
  }),
  'VPN.IPsec.ServerCARef': joins('caCertificates'),
  'VPN.IPsec.ServerCARefs': joins('caCertificates'),
  'VPN.IPsec.ClientCertType': joins('ownCertificates'),
  'VPN.IPsec.ClientCertRef': joins('ownCertificates'),
  'VPN.IPsec.ClientCertPattern': joins('ownCertificates'),
  'VPN.IPsec.EAP.Outer': joins('auth'),
  'VPN.IPsec.EAP.Inner': joins('auth'),
  'VPN.IPsec.EAP.Identity': fills('user', text),
  'VPN.IPsec.EAP.Password': hides('password'),
  'VPN.IPsec.EAP.SaveCredentials': ignores('Culvert asks before it keeps a password'),
  'VPN.IPsec.EAP.ServerCARefs': joins('caCertificates'),
  'VPN.IPsec.EAP.ServerCAPEMs': joins('caCertificates'),
  'VPN.IPsec.XAUTH.Username': fills('user', text),
  'VPN.IPsec.XAUTH.Password': hides('password'),
  'VPN.IPsec.XAUTH.SaveCredentials': ignores('Culvert asks before it keeps a password'),
}

type Json = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** `.onc`: one draft for each network of type VPN. */
export function onc(file: ImportFile, { report }: ImportContext): readonly Draft[] {
  const root = parseStrictJson(decodeText(file.bytes, file.name), file.name)
  if (isObject(root) && root.Type === 'EncryptedConfiguration') {
    throw invalid({ file: file.name, field: 'Type' }, 'it is encrypted; ask for a plain one')
  }
  const networks = isObject(root) ? root.NetworkConfigurations : undefined
  if (!Array.isArray(networks))
    throw invalid({ file: file.name, field: 'NetworkConfigurations' }, 'a list is expected')
  const drafts: Draft[] = []
  for (const [at, network] of networks.entries()) {
    if (!isObject(network) || network.Type !== 'VPN') {
      report.mark(file.name, `NetworkConfigurations.${at}`, 'ignored', 'it is no VPN')
      continue
    }
    const draft = new Draft(file.name, report, `NetworkConfigurations.${at}.`)
    takeKeys(draft, leavesOf(network), ONC)
    saySignIn(draft, network)
    drafts.push(draft)
  }
  return drafts
}

function saySignIn(draft: Draft, network: Json): void {
  const vpn = isObject(network.VPN) ? network.VPN : {}
  const ipsec = isObject(vpn.IPsec) ? vpn.IPsec : {}
  const eap = isObject(ipsec.EAP) ? ipsec.EAP : {}
  const type = ipsec.AuthenticationType
  const first: SignIn =
    type === 'PSK' ? 'psk' : type === 'EAP' ? (EAP[String(eap.Outer)] ?? 'eap') : 'certificate'
  draft.say('auth', isObject(ipsec.XAUTH) ? [first, 'xauth'] : [first])
  draft.say('gatewayAuth', first === 'psk' ? 'psk' : 'certificate')
}
