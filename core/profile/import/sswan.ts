import { isNetwork } from '../networks.ts'
import type { ImportContext, ImportFile } from './bundle.ts'
import { Draft, type GatewayProof, type SignIn } from './description.ts'
import { invalid } from './failure.ts'
import {
  base64,
  fills,
  flag,
  hides,
  ignores,
  integer,
  joins,
  type KeyTable,
  listOf,
  means,
  readAt,
  refuses,
  takeKeys,
  text,
  Unreadable,
} from './keys.ts'
import { leavesOf, parseStrictJson } from './syntax/json.ts'
import { decodeText } from './text.ts'

const SIGN_INS: Readonly<Record<string, readonly SignIn[]>> = {
  'ikev2-eap': ['eap'],
  'ikev2-cert': ['certificate'],
  'ikev2-cert-eap': ['certificate', 'eap'],
  'ikev2-eap-tls': ['eap-tls'],
  'ikev2-byod-eap': ['eap-ttls'],
}

const APPS = 'apps of Android do not exist here'

/** Every key of a profile of the strongSwan Android app. */
export const SSWAN: KeyTable = {
  uuid: fills('uuid', (value) => {
    const uuid = text(value)
    if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(uuid)) throw new Unreadable('a UUID is expected')
    return uuid
  }),
  name: fills('name', text),
  type: means(['auth', 'gatewayAuth'], (draft, { value, path }) => {
    const type = text(value)
    const rounds = Object.hasOwn(SIGN_INS, type) ? SIGN_INS[type] : undefined
    if (rounds === undefined) throw new Unreadable(`one of ${Object.keys(SIGN_INS).join(', ')} is expected`)
    draft.say('auth', rounds, path)
    draft.say('gatewayAuth', 'certificate' satisfies GatewayProof, path)
    draft.say('version', 2, path)
  }),
  'remote.addr': fills('host', text),
  'remote.port': fills('port', integer(1, 65_535)),
  'remote.id': fills('remoteId', text),
  'remote.cert': means(['caCertificates'], (draft, { value, path }) => {
    draft.add('caCertificates', [base64(value)], path)
  }),
  'remote.certreq': fills('sendCertificateRequest', flag),
  'remote.revocation.crl': joins('revocation'),
  'remote.revocation.ocsp': joins('revocation'),
  'remote.revocation.strict': joins('revocation'),
  'local.eap_id': fills('user', text),
  'local.id': fills('localId', text),
  'local.shared_secret': hides('password'),
  'local.p12': means(['ownCertificates'], (draft, { value, path }) => {
    draft.say('ownCertificates', [base64(value)], path)
  }),
  'local.rsa-pss': fills('rsaPss', flag),
  'ike-proposal': fills('ikeProposals', listOf(text, /[\s,]+/)),
  'esp-proposal': fills('espProposals', listOf(text, /[\s,]+/)),
  mtu: fills('mtu', integer(576, 9000)),
  'nat-keepalive': fills('keepaliveSeconds', integer(1, 604_800)),
  'dns-servers': fills('dnsServers', listOf(text)),
  'ipv6-transport': ignores('Culvert takes the family the gateway has'),
  'split-tunneling.subnets': fills('remoteSubnets', listOf(network)),
  'split-tunneling.excluded': fills('excludedSubnets', listOf(network)),
  'split-tunneling.block-ipv4': fills('blockIpv4', flag),
  'split-tunneling.block-ipv6': fills('blockIpv6', flag),
  'proxy.host': fills('proxy', text),
  'proxy.port': joins('proxy'),
  'proxy.exclusions': joins('proxy'),
  apps: ignores(APPS),
  'excluded-apps': ignores(APPS),
  password: refuses('a passphrase beside the key it protects; type it instead'),
}

function network(value: unknown): string {
  const written = text(value)
  if (!isNetwork(written) && !/^[\d.:a-f]+-[\d.:a-f]+$/i.test(written)) {
    throw new Unreadable('networks such as 10.0.0.0/8 are expected')
  }
  return written
}

/** `.sswan`: JSON of the strongSwan app for Android. One connection a file. */
export function sswan(file: ImportFile, { report }: ImportContext): readonly Draft[] {
  const value = parseStrictJson(decodeText(file.bytes, file.name), file.name)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid({ file: file.name }, 'an object is expected')
  }
  const draft = new Draft(file.name, report)
  takeKeys(draft, leavesOf(value), SSWAN)
  for (const field of ['uuid', 'name', 'type', 'remote.addr']) {
    if (!has(value, field)) throw invalid({ file: file.name, field }, 'it is missing')
  }
  sayRevocation(draft, value as Record<string, unknown>)
  return [draft]
}

function has(value: object, path: string): boolean {
  let at: unknown = value
  for (const key of path.split('.')) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return false
    at = (at as Record<string, unknown>)[key]
  }
  return true
}

function sayRevocation(draft: Draft, value: Record<string, unknown>): void {
  const asked = (value.remote as { revocation?: Record<string, unknown> }).revocation
  if (typeof asked !== 'object' || asked === null) return
  const on = (key: string, usual: boolean): boolean =>
    asked[key] === undefined
      ? usual
      : readAt(draft, { path: `remote.revocation.${key}` }, () => flag(asked[key]))
  const checks = on('crl', true) || on('ocsp', true)
  draft.say('revocation', !checks ? 'off' : on('strict', false) ? 'strict' : 'if-possible')
}
