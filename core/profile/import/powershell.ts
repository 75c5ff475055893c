import type { ImportContext, ImportFile } from './bundle.ts'
import { Draft, type SignIn } from './description.ts'
import { eapMethodOf } from './eap-xml.ts'
import { invalid } from './failure.ts'
import {
  fills,
  flag,
  ignores,
  joins,
  type KeyTable,
  listOf,
  means,
  oneOf,
  readAt,
  refuses,
  takeKeys,
  text,
} from './keys.ts'
import { type Command, parsePowershell } from './syntax/powershell.ts'
import { parseXml } from './syntax/xml.ts'
import { decodeText } from './text.ts'
import {
  WINDOWS_ENCRYPTION,
  WINDOWS_GROUPS,
  WINDOWS_INTEGRITY,
  windowsEspSuite,
  windowsIkeSuite,
} from './windows-crypto.ts'

const WINDOWS = 'it is about Windows'

/** Parameters of Add-VpnConnection and of the two commands that go with it, in small letters. */
export const POWERSHELL: KeyTable = {
  'add-vpnconnection.name': fills('name', text),
  'add-vpnconnection.serveraddress': fills('host', text),
  'add-vpnconnection.tunneltype': means(['version'], (draft, { value, path }) => {
    const type = text(value)
    if (/^(?:ikev2|automatic)$/i.test(type)) draft.say('version', 2, path)
    else draft.refuse(`it is a connection by ${type}, and Culvert speaks IKEv2 only`)
  }),
  'add-vpnconnection.authenticationmethod': joins('auth'),
  'add-vpnconnection.eapconfigxmlstream': joins('auth'),
  'add-vpnconnection.encryptionlevel': ignores('the suites say it'),
  'add-vpnconnection.l2tppsk': ignores('it belongs to L2TP'),
  'add-vpnconnection.splittunneling': fills('fullTunnel', (value) => !flag(value)),
  'add-vpnconnection.dnssuffix': fills('dnsSearch', listOf(text)),
  'add-vpnconnection.remembercredential': ignores('Culvert asks before it keeps a password'),
  'add-vpnconnection.allusersconnection': ignores(WINDOWS),
  'add-vpnconnection.alluserconnection': ignores(WINDOWS),
  'add-vpnconnection.idledisconnectseconds': fills('idleSeconds', (value) => Number(text(value)) || 0),
  'add-vpnconnection.usewinlogoncredential': ignores(WINDOWS),
  'add-vpnconnection.machinecertificateekufilter': ignores(WINDOWS),
  'add-vpnconnection.machinecertificateissuerfilter': ignores(WINDOWS),
  'add-vpnconnection.serverlist': refuses('only the first gateway is kept'),
  'add-vpnconnection.passthru': ignores(WINDOWS),
  'add-vpnconnection.force': ignores(WINDOWS),
  'add-vpnconnectionroute.connectionname': ignores('it says which connection is meant'),
  'add-vpnconnectionroute.destinationprefix': means(['remoteSubnets'], (draft, { value, path }) =>
    draft.add('remoteSubnets', [text(value)], path),
  ),
  'add-vpnconnectionroute.routemetric': ignores('Culvert makes its own routes'),
  'add-vpnconnectionroute.alluserconnection': ignores(WINDOWS),
  'add-vpnconnectionroute.passthru': ignores(WINDOWS),
  'set-vpnconnectionipsecconfiguration.connectionname': ignores('it says which connection is meant'),
  'set-vpnconnectionipsecconfiguration.authenticationtransformconstants': joins('espProposals'),
  'set-vpnconnectionipsecconfiguration.ciphertransformconstants': joins('espProposals'),
  'set-vpnconnectionipsecconfiguration.pfsgroup': joins('espProposals'),
  'set-vpnconnectionipsecconfiguration.dhgroup': joins('ikeProposals'),
  'set-vpnconnectionipsecconfiguration.encryptionmethod': joins('ikeProposals'),
  'set-vpnconnectionipsecconfiguration.integritycheckmethod': joins('ikeProposals'),
  'set-vpnconnectionipsecconfiguration.force': ignores(WINDOWS),
  'set-vpnconnectionipsecconfiguration.passthru': ignores(WINDOWS),
  'set-vpnconnectionipsecconfiguration.alluserconnection': ignores(WINDOWS),
}

/** PowerShell text: one connection for each Add-VpnConnection. Only literal arguments are read; nothing is run. */
export function powershell(file: ImportFile, { report }: ImportContext): readonly Draft[] {
  const commands = parsePowershell(decodeText(file.bytes, file.name), file.name)
  const drafts = new Map<string, Draft>()
  for (const command of commands) {
    const name = command.name.toLowerCase()
    if (name === 'add-vpnconnection') {
      const draft = new Draft(file.name, report, drafts.size === 0 ? '' : `${argument(command, 'name')}: `)
      const key = argument(command, 'name').toLowerCase()
      if (drafts.has(key))
        throw invalid({ file: file.name, line: command.line }, 'a connection of this name stands twice')
      drafts.set(key, draft)
      take(draft, command)
      saySignIn(draft, command)
    } else if (name === 'add-vpnconnectionroute' || name === 'set-vpnconnectionipsecconfiguration') {
      const draft = drafts.get(argument(command, 'connectionname').toLowerCase())
      if (draft === undefined)
        report.mark(
          file.name,
          `${command.name} (line ${command.line})`,
          'ignored',
          'no connection of this file is meant',
        )
      else {
        take(draft, command)
        if (name.startsWith('set-')) saySuites(draft, command)
      }
    } else
      report.mark(
        file.name,
        `${command.name} (line ${command.line})`,
        'ignored',
        'nothing in a file is ever run',
      )
  }
  return [...drafts.values()]
}

const argument = (command: Command, name: string): string => {
  const value = command.parameters.find((parameter) => parameter.name.toLowerCase() === name)?.value
  return typeof value === 'string' ? value : ''
}

function take(draft: Draft, command: Command): void {
  for (const { name } of command.unreadable)
    draft.mark(
      `${command.name} -${name}`,
      'refused',
      'only literal values are read: nothing in a file is ever run',
    )
  const again = command.parameters.find(({ name }) => / \(\d+\)$/.test(name))
  if (again !== undefined) {
    const field = `${command.name} -${again.name.replace(/ \(\d+\)$/, '')}`
    throw invalid({ file: draft.file, field, line: command.line }, 'this parameter stands twice')
  }
  const keys = command.parameters.map(({ name, value }) => ({
    path: `${command.name} -${name}`,
    value,
    line: command.line,
  }))
  takeKeys(draft, keys, POWERSHELL, (path) => path.toLowerCase().replace(' -', '.'))
}

function saySignIn(draft: Draft, command: Command): void {
  const method = argument(command, 'authenticationmethod').toLowerCase()
  const xml = argument(command, 'eapconfigxmlstream')
  const rounds: readonly SignIn[] =
    method === 'machinecertificate'
      ? ['certificate']
      : method === 'eap' && xml !== ''
        ? [eapMethodOf(parseXml(xml, draft.file))]
        : method === 'mschapv2'
          ? ['eap-mschapv2']
          : ['eap']
  draft.say('auth', rounds)
  draft.say('gatewayAuth', 'certificate')
  if (draft.value('host') === undefined)
    throw invalid(
      { file: draft.file, field: `${command.name} -ServerAddress`, line: command.line },
      'a literal value is expected',
    )
}

function saySuites(draft: Draft, command: Command): void {
  const read = (name: string, words: Readonly<Record<string, string>>, usual: string): string => {
    const value = argument(command, name.toLowerCase())
    if (value === '') return usual
    return readAt(draft, { path: `${command.name} -${name}`, line: command.line }, () => oneOf(words)(value))
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
