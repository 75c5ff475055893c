import { Secret } from '../../bytes/secret.ts'
import type { ImportContext, ImportFile } from './bundle.ts'
import { takeCertificate, takeKeyFile } from './companions.ts'
import { Draft, type SignIn } from './description.ts'
import { invalid } from './failure.ts'
import {
  base64,
  fills,
  flag,
  hides,
  ignores,
  integer,
  joins,
  type Key,
  type KeyTable,
  means,
  oneOf,
  refuses,
  takeKeys,
  text,
  Unreadable,
} from './keys.ts'
import { groupWord } from './libreswan-suites.ts'
import { LIMITS } from './limits.ts'
import { decodeText } from './text.ts'

const ROUNDS: Readonly<Record<string, readonly SignIn[]>> = {
  'hybrid-rsa-xauth': ['hybrid'],
  'hybrid-grp-xauth': ['hybrid'],
  'mutual-rsa-xauth': ['certificate', 'xauth'],
  'mutual-psk-xauth': ['psk', 'xauth'],
  'mutual-rsa': ['certificate'],
  'mutual-psk': ['psk'],
}

const IKEV1 = 'it is a part of IKEv1'
const WINS = refuses('Culvert does not do WINS')
const SUITE = /^phase([12])-/

/** Every key of a Shrew Soft profile. */
export const SHREW: KeyTable = {
  version: ignores('it is the version of the file format'),
  'network-host': fills('host', text),
  'network-ike-port': fills('port', integer(1, 65_535)),
  'network-mtu-size': fills('mtu', integer(576, 9000)),
  'network-natt-mode': means(['natTraversal', 'forceEncapsulation'], (draft, { value, path }) => {
    const mode = text(value)
    if (mode.startsWith('force')) draft.say('forceEncapsulation', true, path)
    else draft.say('natTraversal', flag(mode), path)
  }),
  'network-natt-port': ignores('NAT traversal uses port 4500'),
  'network-natt-rate': fills('keepaliveSeconds', integer(1, 86_400)),
  'network-frag-mode': fills('fragmentation', (value) => text(value) !== 'disable'),
  'network-frag-size': ignores('Culvert finds the size by itself'),
  'network-dpd-enable': means(['dpdSeconds'], (draft, { value, path }) => {
    if (flag(value)) draft.mark(path, 'kept')
    else draft.say('dpdSeconds', 0, path)
  }),
  'network-notify-enable': ignores('Culvert always tells when it ends a connection'),
  'client-auto-mode': means(['requestAddresses'], (draft, { value, path }) => {
    const mode = oneOf({ disabled: 'disabled', pull: 'pull', push: 'push', dhcp: 'dhcp' } as const)(value)
    if (mode === 'dhcp')
      draft.refuse('it wants its address by DHCP through the tunnel, which Culvert does not do')
    draft.say('requestAddresses', { ipv4: mode !== 'disabled', ipv6: false }, path)
  }),
  'client-iface': ignores('Culvert makes its own device'),
  'client-addr-auto': joins('localSubnets'),
  'client-ip-addr': fills('localSubnets', (value) => [text(value)]),
  'client-ip-mask': joins('localSubnets'),
  'client-banner-enable': ignores('Culvert shows what the gateway says'),
  'client-dns-used': fills('dnsFromGateway', flag),
  'client-dns-auto': joins('dnsFromGateway'),
  'client-dns-addr': means(['dnsServers'], (draft, { value, path }) =>
    draft.add('dnsServers', [text(value)], path),
  ),
  'client-dns-suffix': means(['dnsSearch'], (draft, { value, path }) =>
    draft.add('dnsSearch', [text(value)], path),
  ),
  'client-dns-suffix-auto': ignores('Culvert follows what the gateway says'),
  'client-splitdns-used': joins('dnsMatch'),
  'client-splitdns-auto': joins('dnsMatch'),
  'client-splitdns-list': means(['dnsMatch'], (draft, { value, path }) =>
    draft.add('dnsMatch', [text(value)], path),
  ),
  'client-wins-used': WINS,
  'client-wins-auto': WINS,
  'client-wins-addr': WINS,
  'client-saved-username': fills('user', text),
  'auth-method': fills('auth', oneOf(ROUNDS)),
  'auth-mutual-psk': hides('psk', (value) =>
    value instanceof Uint8Array ? new Secret(value.slice()) : Secret.fromText(text(value)),
  ),
  'auth-server-cert-name': joins('caCertificates'),
  'auth-server-cert-data': means(['caCertificates'], (draft, { value, path }) =>
    draft.add('caCertificates', [base64(value)], path),
  ),
  'auth-server-cert': joins('caCertificates'),
  'auth-client-cert-name': joins('ownCertificates'),
  'auth-client-cert-data': means(['ownCertificates'], (draft, { value, path }) =>
    draft.add('ownCertificates', [base64(value)], path),
  ),
  'auth-client-cert': joins('ownCertificates'),
  'auth-client-key-name': ignores('it is the name of a file'),
  'auth-client-key-data': hides('key', (value) => new Secret(base64(value).slice())),
  'auth-client-key': hides('key', (value) => Secret.fromText(text(value))),
  'ident-client-type': joins('localId'),
  'ident-client-data': joins('localId'),
  'ident-server-type': joins('remoteId'),
  'ident-server-data': joins('remoteId'),
  'phase1-exchange': fills('aggressive', oneOf({ main: false, aggressive: true })),
  'phase1-cipher': joins('ikeProposals'),
  'phase1-keylen': joins('ikeProposals'),
  'phase1-hash': joins('ikeProposals'),
  'phase1-dhgroup': joins('ikeProposals'),
  'phase1-life-secs': fills('ikeRekeySeconds', integer(0, 100_000_000)),
  'phase1-life-kbytes': ignores('keys are renewed by their age, not by their use'),
  'phase2-transform': joins('espProposals'),
  'phase2-keylen': joins('espProposals'),
  'phase2-hmac': joins('espProposals'),
  'phase2-pfsgroup': joins('espProposals'),
  'phase2-life-secs': fills('childRekeySeconds', integer(0, 100_000_000)),
  'phase2-life-kbytes': fills('childRekeyOctets', (value) => integer(0, 1_000_000_000_000)(value) * 1024),
  'ipcomp-transform': fills('ipcomp', (value) => !/^(?:disabled|none)$/.test(text(value))),
  'policy-level': ignores(IKEV1),
  'policy-nailed': ignores('connect it yourself'),
  'policy-list-auto': joins('remoteSubnets'),
  'policy-list-include': means(['remoteSubnets'], (draft, { value, path }) =>
    draft.add('remoteSubnets', [network(value)], path),
  ),
  'policy-list-exclude': means(['excludedSubnets'], (draft, { value, path }) =>
    draft.add('excludedSubnets', [network(value)], path),
  ),
  'vendor-chkpt-enable': refuses('what is particular to Check Point is not done'),
}

/** Keys that make a list when they stand several times. */
const LISTS = /^(?:client-dns-addr|client-wins-addr|client-splitdns-list|policy-list-(?:include|exclude))$/

/** `.vpn` of Shrew Soft: one item a line, `type:key:value`; IKEv1 only. */
export function shrew(file: ImportFile, { bundle, report }: ImportContext): readonly Draft[] {
  const keys = keysOf(decodeText(file.bytes, file.name), file.name)
  const draft = new Draft(file.name, report)
  draft.say('version', 1)
  takeKeys(draft, keys, SHREW, (path) => path.replace(/ \(\d+\)$/, ''))
  if (draft.value('host') === undefined)
    throw invalid({ file: file.name, field: 'network-host' }, 'it is missing')
  draft.say('name', draft.value('host') ?? file.name)
  const value = (name: string): string | undefined => {
    const found = keys.find(({ path }) => path === name)?.value
    return typeof found === 'string' && found !== '' ? found : undefined
  }
  const first = draft.value('auth')?.[0]
  draft.say('gatewayAuth', first === 'psk' ? 'psk' : 'certificate')
  sayIdentity(draft, 'localId', value('ident-client-type'), value('ident-client-data'))
  sayIdentity(draft, 'remoteId', value('ident-server-type'), value('ident-server-data'))
  saySuites(draft, keys)
  for (const [name, slot] of [
    ['auth-server-cert', 'caCertificates'],
    ['auth-client-cert', 'ownCertificates'],
  ] as const) {
    const named = value(name)
    if (named !== undefined) takeCertificate(draft, bundle, slot, named, name, [])
  }
  const key = value('auth-client-key')
  if (key !== undefined) takeKeyFile(draft, bundle, key, 'auth-client-key', [])
  return [draft]
}

function keysOf(content: string, file: string): readonly Key[] {
  const keys: Key[] = []
  const counts = new Map<string, number>()
  for (const [at, whole] of content.split('\n').entries()) {
    const line = at + 1
    if (at > LIMITS.items) throw invalid({ file, line }, 'it has too many parts')
    // The program stops at an empty line, and so do we.
    if (whole.trim() === '') break
    const match = /^\s*([snb]):([a-z0-9-]+):(.*)$/.exec(whole)
    if (match === null) throw invalid({ file, line }, 's:key:value, n:key:value or b:key:value is expected')
    const [, type, name = '', written = ''] = match
    const count = (counts.get(name) ?? 0) + 1
    counts.set(name, count)
    if (count > 1 && !LISTS.test(name)) throw invalid({ file, field: name, line }, 'this key stands twice')
    const place = { file, field: name, line }
    if (type === 'n' && written !== '' && !/^-?\d{1,12}$/.test(written.trim()))
      throw invalid(place, 'a whole number is expected')
    if (written.length > 8 * LIMITS.textLength) throw invalid(place, 'the value is too long')
    const value = type === 'b' && written !== '' ? octets(written, place) : written
    keys.push({ path: count === 1 ? name : `${name} (${count})`, value, line })
  }
  return keys
}

function octets(written: string, place: { file: string; field: string; line: number }): Uint8Array {
  try {
    return base64(written)
  } catch (thrown) {
    if (thrown instanceof Unreadable) throw invalid(place, thrown.message)
    throw thrown
  }
}

function sayIdentity(
  draft: Draft,
  slot: 'localId' | 'remoteId',
  type: string | undefined,
  data: string | undefined,
): void {
  const words: Readonly<Record<string, string>> = {
    keyid: 'keyid',
    fqdn: 'fqdn',
    ufqdn: 'email',
    address: 'ip',
    asn1dn: 'dn',
  }
  const prefix = type === undefined ? undefined : words[type]
  if (prefix !== undefined && data !== undefined) draft.say(slot, `${prefix}:${data}`)
}

function saySuites(draft: Draft, keys: readonly Key[]): void {
  const value = (name: string): string | undefined => {
    const found = keys.find(({ path }) => path === name)?.value
    const words = typeof found === 'string' ? found.trim() : undefined
    return words === undefined || words === 'auto' || words === '0' || words === '-1' ? undefined : words
  }
  if (!keys.some(({ path }) => SUITE.test(path))) return
  const ike = [cipherOf(value('phase1-cipher'), value('phase1-keylen')), hashOf(value('phase1-hash'))]
  const group = value('phase1-dhgroup')
  if (ike.every((word) => word !== undefined)) {
    draft.say('ikeProposals', [[...ike, ...(group === undefined ? [] : [groupWord(group)])].join('-')])
  }
  const transform = value('phase2-transform')?.replace(/^esp-/, '')
  const esp = [cipherOf(transform, value('phase2-keylen')), hashOf(value('phase2-hmac'))]
  const pfs = value('phase2-pfsgroup')
  if (esp.every((word) => word !== undefined)) {
    draft.say('espProposals', [[...esp, ...(pfs === undefined ? [] : [groupWord(pfs)])].join('-')])
  }
}

const cipherOf = (cipher: string | undefined, bits: string | undefined): string | undefined =>
  cipher === 'aes' ? `aes${bits ?? '128'}` : cipher

const hashOf = (hash: string | undefined): string | undefined => hash?.replace(/^sha2-/, 'sha')

/** `10.0.0.0 / 255.0.0.0`. */
function network(value: unknown): string {
  return text(value).replace(/\s+/g, '')
}
