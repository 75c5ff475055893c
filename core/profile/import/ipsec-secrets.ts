import type { Secret } from '../../bytes/secret.ts'
import type { Bundle, ImportContext, ImportFile } from './bundle.ts'
import { takeKeyFile } from './companions.ts'
import type { Draft, SecretName } from './description.ts'
import { invalid } from './failure.ts'
import { Unreadable } from './keys.ts'
import { kindOf } from './kinds.ts'
import { SIGN_INS } from './sign-ins.ts'
import { identityWords, strongswanSecret } from './strongswan-values.ts'
import { parseIpsecSecrets, type SecretLine } from './syntax/ipsec-conf.ts'
import { decodeText } from './text.ts'

/** What stands behind the colon, and the secret it is. */
const NAMES: Readonly<Record<string, SecretName>> = {
  PSK: 'psk',
  XAUTH: 'password',
  EAP: 'password',
  NTLM: 'password',
  PPKS: 'ppk',
  PIN: 'pin',
}

const KEY_FILES = /^(?:RSA|ECDSA|P12|PKCS8|PKCS12)$/

interface Line extends SecretLine {
  /** As the report shows it: what it is and whose, never the secret. */
  readonly label: string
}

/** Gives every draft its secrets from the ipsec.secrets files of the bundle. */
export function takeIpsecSecrets(drafts: readonly Draft[], { bundle, report }: ImportContext): void {
  for (const file of bundle.files) {
    if (kindOf(file.bytes, file.name) !== 'ipsec-secrets') continue
    bundle.use(file)
    const lines = labelled(parseIpsecSecrets(decodeText(file.bytes, file.name), file.name))
    const used = new Set<Line>()
    for (const draft of drafts) {
      for (const line of fitting(draft, lines)) if (take(draft, line, file, bundle)) used.add(line)
    }
    for (const line of lines) {
      if (!used.has(line)) report.mark(file.name, line.label, 'ignored', 'no connection uses it')
    }
  }
}

function labelled(lines: readonly SecretLine[]): readonly Line[] {
  const counts = new Map<string, number>()
  return lines.map((line) => {
    const label = line.kind + (line.ids.length === 0 ? '' : ` of ${line.ids.join(' ')}`)
    const count = (counts.get(label) ?? 0) + 1
    counts.set(label, count)
    return { ...line, label: count === 1 ? label : `${label} (${count})` }
  })
}

/** The lines for this connection, the one most to the point last: it is the one that stays. */
function fitting(draft: Draft, lines: readonly Line[]): readonly Line[] {
  const fits = (line: Line): number => {
    const ids = line.ids.map((id) => identityWords(id)).filter((id) => id !== undefined)
    if (ids.length === 0) return 1
    const has = (own: string | undefined): boolean =>
      own !== undefined && ids.some((id) => id === own || id === `fqdn:${own}`)
    const ours = has(draft.value('localId')) || has(draft.value('user'))
    const theirs = has(draft.value('remoteId')) || has(draft.value('host'))
    if (ours || theirs) return (ours ? 4 : 0) + (theirs ? 2 : 0)
    const only = lines.filter(({ kind }) => kind === line.kind).length === 1
    return only && draft.value('localId') === undefined && draft.value('user') === undefined ? 1 : 0
  }
  return lines.filter((line) => fits(line) > 0).sort((a, b) => fits(a) - fits(b))
}

/** Whether the connection signs in with such a secret. */
function take(draft: Draft, line: Line, file: ImportFile, bundle: Bundle): boolean {
  const field = { file: file.name, field: line.label }
  const uses = (name: SecretName): boolean =>
    (draft.value('auth') ?? []).some((round) => SIGN_INS[round].secrets.includes(name))
  const [value = '', passphrase] = line.words
  const read = (written: string): Secret => {
    try {
      return strongswanSecret(written)
    } catch (thrown) {
      if (!(thrown instanceof Unreadable)) throw thrown
      throw invalid({ ...field, line: line.line }, thrown.message)
    }
  }
  const name = Object.hasOwn(NAMES, line.kind) ? NAMES[line.kind] : undefined
  if (name !== undefined) {
    if (!uses(name) && name !== 'ppk') return false
    draft.hide(name, read(value), field)
    return true
  }
  // A key in braces is a raw one, which no sign-in of ours uses.
  if (!KEY_FILES.test(line.kind) || value === '' || value.startsWith('{') || !uses('key')) return false
  takeKeyFile(draft, bundle, value, field, ['ipsec.d/private', 'private'])
  if (passphrase !== undefined && passphrase !== '%prompt') {
    draft.hide('passphrase', read(passphrase), field)
  }
  return true
}
