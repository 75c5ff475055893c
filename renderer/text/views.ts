import type { CheckPlace, ChecksProgress } from '../../core/contract/checks.ts'
import type { ImportOutcome, ImportPreview } from '../../core/contract/import.ts'
import type { SecretsState } from '../../core/contract/profile.ts'
import type { PromptSnapshot } from '../../core/contract/snapshot.ts'
import { octets, thousands } from './figures.ts'

// The sentences of the views beside Status.

export const EDIT = {
  gateway: 'Gateway',
  gatewayHint: 'Its name or address, as your administrator gave it.',
  signIn: 'You sign in with',
  plainly: 'In plain words',
  save: 'Save',
  discard: 'Discard',
  duplicate: 'Duplicate',
  export: 'Export',
  remove: 'Remove',
  removeSure: 'Remove it, its saved key and its history',
  keep: 'Keep it',
  forget: 'Forget',
  replace: 'Type a new one to replace it',
  saved: 'Saved',
  unsaved: 'Not saved yet',
  later: 'Counts from the next connection on.',
  switchOn: 'Switch it on',
  weak: 'Weak',
  besides: 'The gateway asks for a name and a password besides',
  besidesHint: 'With IKEv1 by XAuth, with IKEv2 by EAP as a second proof.',
  user: 'User name',
  mend: 'Not saved. Mend this first:',
  unused: 'No longer needed',
} as const

const WEAK_WORDS: Readonly<Record<string, string>> = {
  aggressivepsk: 'Aggressive mode with a key',
  null: 'No encryption',
  des: 'DES',
  '3des': '3DES',
  md5: 'MD5',
  sha1: 'SHA-1',
  modp768: 'Group 1 (MODP-768)',
  modp1024: 'Group 2 (MODP-1024)',
  modp1536: 'Group 5 (MODP-1536)',
}
/** What has to be switched on by name, for people. */
export const weakWord = (word: string): string => WEAK_WORDS[word] ?? word
export const weakSentence = (word: string, why: string): string => `${weakWord(word)} is weak: ${why}.`
/** A secret that is kept though nothing asks for it. */
export const unusedSecret = (name: string): string =>
  `${fieldLabel(name)}: kept from an earlier way to sign in.`

/** Where the secret is, under its field. */
export function secretWhere(state: SecretsState | undefined, name: string): string {
  if (state === undefined) return 'Goes to the keychain of this computer, and nowhere else.'
  if (state.saved.includes(name)) return 'In the keychain of this computer.'
  if (state.problem !== undefined) {
    const kept = state.inMemory.includes(name) ? ' Kept in memory until Culvert ends.' : ''
    return `The keychain cannot be used (${state.problem}).${kept} Culvert asks each time instead.`
  }
  return state.inMemory.includes(name)
    ? 'Kept in memory until Culvert ends.'
    : 'Not saved: Culvert asks when you connect.'
}

/** Where the private key is, under the certificate. `held`: it was chosen a moment ago and waits to be saved. */
export const keyWhere = (state: SecretsState | undefined, held: boolean): string =>
  held ? 'Its key goes to the keychain when you save.' : `Its key: ${lower(secretWhere(state, 'key'))}`

const lower = (text: string): string => `${text.charAt(0).toLowerCase()}${text.slice(1)}`

export const CERTIFICATE = {
  own: 'Certificate and key',
  choose: 'Choose certificate and key',
  other: 'Choose another',
  hint: 'A .p12 or .pfx file, or certificate and key in files of their own, chosen together.',
  forget: 'Forget the key',
  trustIt: 'Trust the gateway by the authority that came along',
  subject: 'Made out to',
  issuer: 'By',
  valid: 'Valid until',
  over: 'it has run out',
  system: 'Those this computer trusts.',
  chooseFile: 'Choose a file',
  useSystem: 'Use those of this computer',
  without: 'Use none',
  keyOf: 'The key of your certificate',
  chooseKey: 'Choose its file',
  otherKey: 'Choose another file',
  fits: 'The key fits your certificate.',
} as const

export const dayOf = (atMs: number): string =>
  new Date(atMs).toLocaleDateString('en-GB', { day: 'numeric', month: 'short', year: 'numeric' })

/** How many lists of revoked certificates a PEM text holds. */
export function listsIn(pem: unknown): string {
  const lists = typeof pem === 'string' ? pem.split('-----BEGIN X509 CRL-----').length - 1 : 0
  return lists === 0 ? 'None.' : lists === 1 ? 'One list.' : `${lists} lists.`
}

/** Files with certificates and keys. */
export const PICK = {
  passphrase: 'Passphrase',
  unlock: 'Open it',
  locked: (names: readonly string[]): string => `${names.join(' and ')} is encrypted.`,
  because: (problem: string): string => `This cannot be used: ${problem}.`,
} as const

export const IMPORT = {
  title: 'Import a file',
  choose: 'Choose a file',
  drop: 'Choose what your administrator sent, one file or several, or drop it anywhere on this window.',
  add: 'Add',
  addAll: 'Add all',
  update: 'Update',
  both: 'Keep both',
  cancel: 'Cancel',
  stop: 'Stop',
  again: 'Choose another file',
  ask: 'What the file does not say',
  answer: 'Use these answers',
  refused: 'Cannot be used',
  security: 'How it weakens security',
  nothing: 'Nothing in it can be used.',
  open: 'Open',
  connections: 'Connections in it',
  fields: 'What becomes of every field',
  field: 'Field',
  outcome: 'Outcome',
  reason: 'Why',
} as const

export const OUTCOMES = {
  all: 'All',
  refused: 'refused',
  changed: 'changed',
  ignored: 'ignored',
  kept: 'kept',
} as const

export const filterLabel = (filter: keyof typeof OUTCOMES, count: number): string =>
  filter === 'all' ? `All ${count}` : `${count} ${OUTCOMES[filter]}`

export const fileLine = ({ files, signers }: ImportPreview): string => {
  const size = octets(files.reduce((sum, file) => sum + file.octets, 0))
  const signed = signers.length === 0 ? '' : ` Signed by ${signers.join(', ')}, signature checked.`
  return `${files.length === 1 ? '' : `${files.length} files, `}${size}.${signed}`
}

/** What will happen, in one sentence. */
export function importSentence({ profiles, refused }: ImportPreview): string {
  const [one] = profiles
  const bad = refused.length === 0 ? '' : ` ${refused.length} cannot be used.`
  if (one === undefined) return `${IMPORT.nothing}${bad}`
  if (profiles.length > 1) {
    const known = profiles.filter(({ updates }) => updates !== undefined).length
    return `${profiles.length} connections${known === 0 ? '' : `, ${known} of which you already have`}.${bad}`
  }
  if (one.same) return `You already have ${one.name}, exactly so.${bad}`
  return one.updates === undefined
    ? `This adds ${one.name}, to ${one.gateway}.${bad}`
    : `This updates ${one.updates}, which you already have.${bad}`
}

export const readingFiles = (done: number, total: number): string => `Reading file ${done} of ${total}`
export const keepingSentence = (done: number, total: number): string =>
  total === 1 ? 'Adding the connection' : `Adding connection ${Math.min(done + 1, total)} of ${total}`
export const importedSentence = ({ kept, left }: ImportOutcome): string => {
  const stopped = left === 0 ? '' : ` You stopped it: ${left} ${left === 1 ? 'was' : 'were'} not added.`
  const names = kept.length === 1 ? `${kept[0]?.name} is` : `${kept.length} connections are`
  return `${names} in the list.${stopped}`
}
export const unsavedSecrets = (problem: string): string =>
  `The keychain cannot be used (${problem}): what came along was not saved, so Culvert asks when you connect.`

export const CHECKS = {
  run: 'Run',
  again: 'Run again',
  cancel: 'Cancel',
  none: 'Not run yet. Takes a few seconds and changes nothing.',
  report: 'Problem report',
  making: 'Writing the report…',
  stays: 'Only this text is shared. Marked words were replaced.',
  copy: 'Copy',
  save: 'Save as…',
  hide: 'Hide names and addresses',
  copied: 'Copied.',
  saved: 'Saved.',
  stopped: 'Cancelled.',
} as const

/** How far the report is. */
export const reportSoFar = (messages: number): string =>
  messages === 0 ? CHECKS.making : `${CHECKS.making} ${thousands(messages)} messages read.`

export const CHECK_PLACES: Readonly<Record<CheckPlace, string>> = {
  here: 'This computer',
  way: 'The way there',
  gateway: 'The gateway',
  inside: 'Inside the tunnel',
}
export const CHECK_STATES = { ok: 'fine', warning: 'to look at', missing: 'missing' } as const
export const checkedSoFar = ({ run, total }: ChecksProgress): string => `${run} of ${total} checks done`
export const checksPassed = (passed: number, total: number): string => `${passed} of ${total} checks passed`
export const reportSize = (text: string): string => `${octets(text.length)}, stays on this computer`

export const SETTINGS = {
  look: 'Look',
  theme: 'Colours',
  themes: { system: 'Like the desktop', light: 'Light', dark: 'Dark' },
  window: 'Window and tray',
  keepInTray: 'Closing the window leaves Culvert in the tray',
  keepInTrayHint: 'Tunnels stay up. Off: closing the window disconnects.',
  startAtLogin: 'Start at login',
  startHidden: 'In the tray only',
  startHiddenHint: 'Without opening a window.',
  notifications: 'Tell me when a connection changes',
  notificationsHint: 'Only while you look elsewhere.',
  confirm: 'Ask before disconnecting while traffic flows',
  confirmHint: 'Traffic of the last five seconds counts.',
  keyboard: 'Keyboard',
  about: 'About',
  licence: 'Culvert is free software under the MIT licence. Atkinson Hyperlegible is under the OFL.',
} as const

export const KEYS: readonly (readonly [string, string])[] = [
  ['Ctrl+Enter', 'Connect or disconnect'],
  ['Esc', 'Cancel'],
  ['Ctrl+1 … 4', 'Status, Inspector, Checks, Edit'],
  ['Ctrl+K', 'Find a connection'],
  ['↑ ↓', 'Move in lists'],
  ['Ctrl+N', 'New connection'],
  ['Ctrl+O', 'Import a file'],
  ['Ctrl+S', 'Save'],
  ['Ctrl+,', 'Settings'],
  ['Ctrl+\\', 'Fold the list'],
  ['Ctrl+D', 'Details'],
  ['Ctrl+M', 'Small window'],
  ['[ ]', 'Previous or next message in Inspector'],
]

export const FIRST = {
  title: 'Culvert carries your traffic safely to a gateway.',
  lead: 'Nothing is set up yet. Give it what your administrator gave you, or watch it work first.',
  file: 'Open a file',
  fileHint: 'What your administrator sent. Or drop it anywhere on this window.',
  fileButton: 'Choose a file',
  type: 'Type it in',
  typeHint: 'Gateway, how you sign in, your ID, your key.',
  typeButton: 'New connection',
  demo: 'Try the demo',
  demoHint: 'A gateway inside this app, reached through a real tunnel. Nothing leaves your computer.',
  demoButton: 'Start the demo',
  foot: 'Culvert asks for your system password once, to change routes and name servers. It sends nothing anywhere before you connect.',
} as const

const FIELDS: Readonly<Record<string, string>> = {
  psk: 'Pre-shared key',
  key: 'Private key',
  keys: 'Keys (encryption.in=… integrity.in=… and .out, in hex)',
  card: 'SIM (k=… opc=…, or triplets)',
  ppk: 'Post-quantum pre-shared key (PPK)',
  password: 'Password',
  code: 'Code',
  pin: 'PIN',
  newPassword: 'New password',
  newPin: 'New PIN',
  again: 'The same again',
}
export const fieldLabel = (name: string): string => FIELDS[name] ?? name

export const PROMPT = {
  quoted: 'Text from the gateway, shown as it was sent',
  save: 'Keep it in the keychain of this computer',
  once: 'Used once, never saved.',
  differ: 'The two are not the same.',
  trust: 'Trust it this once',
  subject: 'Made out to',
  issuer: 'By',
  valid: 'Valid',
  fingerprint: 'SHA-256',
} as const

export function promptTitle({ kind, fields }: PromptSnapshot): string {
  switch (kind) {
    case 'secret':
      return fields[0] === 'key'
        ? 'Give the key of your certificate'
        : `Enter your ${fieldLabel(fields[0] ?? '').toLowerCase()}`
    case 'code':
      return 'Enter your one-time code'
    case 'newPassword':
      return 'Choose a new password'
    case 'newPin':
      return 'Choose a new PIN'
    case 'certificate':
      return 'Do you trust this certificate?'
  }
}

export function promptWhy({ kind, identity, certificate, refused }: PromptSnapshot): string {
  switch (kind) {
    case 'secret':
      if (refused) return 'The gateway did not accept the one it was given. What is saved stays as it is.'
      return identity === undefined ? 'It is not saved.' : `It is not saved. You sign in as ${identity}.`
    case 'code':
      return 'The gateway asks for a second proof.'
    case 'newPassword':
      return 'The old one has run out.'
    case 'newPin':
      return 'The gateway wants another one from now on.'
    case 'certificate':
      return `It is not trusted by itself: ${certificate?.problem ?? ''}.`
  }
}

export const leftOf = (seconds: string): string => `${seconds} left`
