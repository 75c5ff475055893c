import type { ImportContext, ImportFile } from './bundle.ts'
import { revealCiscoPassword } from './cisco-password.ts'
import { Draft, type SignIn } from './description.ts'
import { invalid } from './failure.ts'
import { ciscoSuites, groupOf, sayCiscoDefaults } from './ike-v1-words.ts'
import {
  fills,
  flag,
  hides,
  ignores,
  integer,
  joins,
  type KeyTable,
  listOf,
  means,
  oneOf,
  refuses,
  takeKeys,
  text,
} from './keys.ts'
import { parseIni } from './syntax/ini.ts'
import { decodeText } from './text.ts'

const WINDOW = 'it is about the window of that program'
const DIAL = 'Culvert does not dial'
const STORE = refuses('the certificate lies in the store of another computer; export it from there')

const ROUNDS: Readonly<Record<string, readonly SignIn[]>> = {
  '1': ['psk', 'xauth'],
  '3': ['certificate', 'xauth'],
  '5': ['hybrid'],
}

const disguised = (value: unknown) => revealCiscoPassword(text(value))

/** Every key of the Cisco VPN client's profile; capitals do not count. */
export const PCF: KeyTable = {
  description: fills('name', text),
  host: fills('host', text),
  authtype: fills('auth', oneOf(ROUNDS)),
  groupname: fills('localId', (value) => `keyid:${text(value)}`),
  grouppwd: hides('psk'),
  enc_grouppwd: hides('psk', disguised),
  username: fills('user', text),
  userpassword: hides('password'),
  enc_userpassword: hides('password', disguised),
  saveuserpassword: ignores('Culvert asks before it keeps a password'),
  ntdomain: means(['user'], (draft, { value, path }) => {
    draft.mark(path, 'refused', `sign in as ${text(value)}\\name if the gateway wants the domain`)
  }),
  enablebackup: joins('otherHosts'),
  backupserver: fills('otherHosts', listOf(text)),
  enablemslogon: ignores('it is about the sign-in of Windows'),
  mslogontype: ignores('it is about the sign-in of Windows'),
  enablenat: means(['natTraversal'], (draft, { value, path }) => {
    draft.say('natTraversal', flag(value), path)
  }),
  tunnelingmode: means(['tcp'], (draft, { value, path }) => {
    if (integer(0, 1)(value) === 1)
      draft.refuse("it wants Cisco's own way through TCP, which Culvert does not do")
    draft.mark(path, 'kept')
  }),
  tcptunnelingport: ignores('it is used with tunnelling through TCP only'),
  dhgroup: means(['ikeProposals'], (draft, { value, path }) => {
    draft.say('ikeProposals', ciscoSuites(groupOf(value)), path)
  }),
  forcekeepalives: ignores('Culvert sends keepalives where they are needed'),
  peertimeout: fills('dpdSeconds', integer(0, 86_400)),
  enablelocallan: fills('allowLan', flag),
  enablesplitdns: ignores('Culvert follows what the gateway says'),
  uselegacyikeport: ignores('Culvert lets the system choose'),
  certstore: STORE,
  certname: STORE,
  certpath: STORE,
  certsubjectname: STORE,
  certserialhash: STORE,
  sendcertchain: ignores('Culvert sends what the gateway needs'),
  verifycertdn: refuses('give the name of the gateway as its ID instead'),
  ...Object.fromEntries(
    ['enableispconnect', 'ispconnecttype', 'ispconnect', 'ispphonebook', 'ispcommand'].map((key) => [
      key,
      ignores(DIAL),
    ]),
  ),
  ...Object.fromEntries(
    ['sdiusehardwaretoken', 'mediatype', 'showbanner'].map((key) => [key, ignores(WINDOW)]),
  ),
  'x-nm-routes': fills('remoteSubnets', listOf(text)),
  'x-nm-use-nat-t': fills('natTraversal', flag),
  'x-nm-force-nat-t': fills('forceEncapsulation', flag),
  'x-nm-savegrouppassword': ignores('Culvert keeps keys in the keychain'),
}

/** `.pcf`: one connection a file, IKEv1 with a group. A `!` in front of a key only locks it in that program. */
export function pcf(file: ImportFile, { report }: ImportContext): readonly Draft[] {
  const sections = parseIni(decodeText(file.bytes, file.name), file.name, {
    comments: ';#',
    repeated: 'refuse',
  })
  const main = sections.find(({ name }) => name.toLowerCase() === 'main')
  if (main === undefined) throw invalid({ file: file.name }, 'a section [main] is expected')
  const draft = new Draft(file.name, report)
  draft.say('version', 1)
  draft.say('vendor', 'cisco')
  draft.say('auth', ['psk', 'xauth'])
  const keys = main.entries.map(({ key, value, line }) => ({ path: key.replace(/^!\s*/, ''), value, line }))
  takeKeys(draft, keys, PCF, (path) => path.toLowerCase())
  if (draft.value('name') === undefined) draft.say('name', draft.value('host') ?? file.name)
  if (draft.value('host') === undefined) throw invalid({ file: file.name, field: 'Host' }, 'it is missing')
  const rounds = draft.value('auth') ?? []
  draft.say(
    'gatewayAuth',
    rounds.includes('psk') ? 'psk' : 'certificate',
    ...(draft.said('auth')?.fields ?? []),
  )
  if (rounds.includes('psk')) draft.say('aggressive', true)
  sayCiscoDefaults(draft)
  if ([...draft.secrets.values()].some(({ field }) => typeof field === 'string' && /^enc_/i.test(field))) {
    draft.warn('Its passwords are only disguised: whoever has the file can read them.')
  }
  return [draft]
}
