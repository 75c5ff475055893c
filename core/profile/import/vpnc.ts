import type { ImportContext, ImportFile } from './bundle.ts'
import { revealCiscoPassword } from './cisco-password.ts'
import { takeCertificate } from './companions.ts'
import { Draft, type SignIn } from './description.ts'
import { invalid } from './failure.ts'
import { ciscoSuites, groupOf, sayCiscoDefaults } from './ike-v1-words.ts'
import {
  fills,
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
} from './keys.ts'
import { LIMITS } from './limits.ts'
import { decodeText } from './text.ts'

const EDGE = 'Culvert makes its own device and routes'
const NEVER_RUN = refuses('nothing that a file names is ever run')
const WEAK = refuses('write broken algorithms into the profile by name if there is no other way')

const ROUNDS: Readonly<Record<string, readonly SignIn[]>> = {
  psk: ['psk', 'xauth'],
  cert: ['certificate', 'xauth'],
  hybrid: ['hybrid'],
}

/** Every key of vpnc.conf, in small letters; NetworkManager's plug-in uses the same names. */
export const VPNC: KeyTable = {
  'ipsec gateway': fills('host', text),
  'ipsec id': fills('localId', (value) => `keyid:${text(value)}`),
  'ipsec secret': hides('psk'),
  'ipsec obfuscated secret': hides('psk', (value) => revealCiscoPassword(text(value))),
  'xauth username': fills('user', text),
  'xauth password': hides('password'),
  'xauth obfuscated password': hides('password', (value) => revealCiscoPassword(text(value))),
  'xauth interactive': ignores('Culvert asks for what the gateway asks for'),
  domain: refuses('sign in as DOMAIN\\name if the gateway wants the domain'),
  vendor: fills('vendor', oneOf({ cisco: 'cisco', netscreen: 'netscreen', fortigate: 'fortigate' } as const)),
  'nat traversal mode': means(['natTraversal', 'forceEncapsulation'], (draft, { value, path }) => {
    const mode = oneOf({ natt: 'natt', none: 'none', 'force-natt': 'force', 'cisco-udp': 'cisco' } as const)(
      value,
    )
    if (mode === 'cisco') draft.mark(path, 'changed', 'NAT traversal as in RFC 3947')
    else if (mode === 'force') draft.say('forceEncapsulation', true, path)
    else draft.say('natTraversal', mode === 'natt', path)
  }),
  'ike dh group': means(['ikeProposals'], (draft, { value, path }) => {
    draft.say('ikeProposals', ciscoSuites(groupOf(value)), path)
  }),
  'perfect forward secrecy': means(['pfs'], (draft, { value, path }) => {
    const wanted = text(value).toLowerCase()
    if (wanted === 'server') draft.mark(path, 'kept')
    else draft.say('pfs', wanted !== 'nopfs' && groupOf(wanted) !== '', path)
  }),
  'enable single des': WEAK,
  'enable weak encryption': WEAK,
  'enable no encryption': WEAK,
  'enable weak authentication': WEAK,
  'application version': ignores('Culvert says who it is'),
  'local addr': ignores('Culvert lets the system choose'),
  'local port': ignores('Culvert lets the system choose'),
  'cisco udp encapsulation port': ignores("it belongs to Cisco's own encapsulation"),
  'dpd idle timeout (our side)': fills('dpdSeconds', integer(0, 86_400)),
  'ike authmode': fills('auth', oneOf(ROUNDS)),
  'ca-file': joins('caCertificates'),
  'ca-dir': refuses('give the certificates together with this file'),
  'ipsec target network': fills('remoteSubnets', (value) => [text(value)]),
  'interface name': ignores(EDGE),
  'interface mode': ignores(EDGE),
  'interface mtu': fills('mtu', integer(576, 9000)),
  'no detach': ignores('it is about that program'),
  pidfile: ignores('it is about that program'),
  debug: ignores('it is about that program'),
  noninteractive: ignores('it is about that program'),
  script: NEVER_RUN,
  'password helper': NEVER_RUN,
}

const NAMES = Object.keys(VPNC).sort((a, b) => b.length - a.length)

/** `vpnc.conf`: one connection a file; names of several words, then the value. */
export function vpnc(file: ImportFile, { bundle, report }: ImportContext): readonly Draft[] {
  const draft = new Draft(file.name, report)
  const keys = keysOf(decodeText(file.bytes, file.name), file.name)
  sayVpnc(draft, keys)
  if (draft.value('host') === undefined)
    throw invalid({ file: file.name, field: 'IPSec gateway' }, 'it is missing')
  draft.say('name', draft.value('host') ?? file.name)
  const ca = keys.find(({ path }) => path.toLowerCase() === 'ca-file')
  if (typeof ca?.value === 'string') takeCertificate(draft, bundle, 'caCertificates', ca.value, ca.path, [])
  return [draft]
}

/** What vpnc's keys mean together, for vpnc.conf and for NetworkManager. */
export function sayVpnc(draft: Draft, keys: readonly Key[]): void {
  draft.say('version', 1)
  draft.say('aggressive', true)
  draft.say('auth', ['psk', 'xauth'])
  takeKeys(draft, keys, VPNC, (path) => path.toLowerCase())
  const first = draft.value('auth')?.[0]
  draft.say('gatewayAuth', first === 'psk' ? 'psk' : 'certificate')
  sayCiscoDefaults(draft)
  if (
    [...draft.secrets.values()].some(({ field }) => typeof field === 'string' && /obfuscated/i.test(field))
  ) {
    draft.warn('Its passwords are only disguised: whoever has the file can read them.')
  }
}

function keysOf(text: string, file: string): readonly Key[] {
  const keys: Key[] = []
  for (const [at, whole] of text.split('\n').entries()) {
    const line = at + 1
    if (at > LIMITS.items) throw invalid({ file, line }, 'it has too many parts')
    const words = whole.trimStart()
    if (words.trim() === '' || words.startsWith('#')) continue
    const low = words.toLowerCase()
    const name = NAMES.find(
      (known) => low === known || low.startsWith(`${known} `) || low.startsWith(`${known}\t`),
    )
    if (name === undefined) {
      // An unknown key is told from its value by no rule: only the first word is shown.
      const first = /^[\w-]+/.exec(words)?.[0]
      if (first === undefined) throw invalid({ file, line }, 'a name and a value are expected')
      keys.push({ path: `${first} (line ${line})`, value: '', line })
      continue
    }
    const path = words.slice(0, name.length)
    if (keys.some((key) => key.path.toLowerCase() === name))
      throw invalid({ file, field: path, line }, 'this key stands twice')
    // Blanks inside and behind belong to a password; the program drops only those in front.
    keys.push({ path, value: words.slice(name.length).replace(/^[ \t]+/, ''), line })
  }
  return keys
}
