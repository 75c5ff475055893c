import type {
  ErrorSnapshot,
  Phase1Snapshot,
  Phase2Snapshot,
  Probe,
  ProfileSummary,
  StepSnapshot,
  TunnelSnapshot,
} from '../../core/contract/snapshot.ts'
import { countdown, duration } from './figures.ts'
import { algorithmName, suiteNames } from './suite.ts'

// Every sentence of the window, in one place and in one language.

/** How a connection is drawn and spoken of. */
export type ViewState =
  | 'idle'
  | 'phase1'
  | 'asking'
  | 'phase2'
  | 'connected'
  | 'waiting'
  | 'reconnecting'
  | 'blocked'
  | 'disconnecting'
  | 'error'

export const WORDS = {
  manualKeys:
    'Keys by hand: there is no phase 1 and there are no messages, keys are never renewed, and packets that were recorded are taken again.',
  connections: 'Connections',
  connect: 'Connect',
  disconnect: 'Disconnect',
  cancel: 'Cancel',
  again: 'Try again',
  details: 'Details',
  status: 'Status',
  phase1: 'Phase 1',
  phase2: 'Phase 2',
  proved: 'The gateway proved who it is',
  encrypted: 'Your traffic is encrypted',
  readable: 'Your traffic is protected from changes, not encrypted',
  computer: 'This computer',
  gateway: 'Gateway',
  tries: 'What you can try',
  none: 'No connections yet',
  reading: 'Reading your connections',
  secret: 'Pre-shared key',
  secretHint: 'Used for this connection and kept in memory only.',
  receiving: 'Receiving',
  sending: 'Sending',
  inside: 'Your address inside',
  servers: 'Name servers',
  encryptedServers: 'Encrypted name servers',
  usual: 'as usual',
  tabs: { status: 'Status', inspector: 'Inspector', checks: 'Checks', edit: 'Edit' },
  newConnection: 'New connection',
  importFile: 'Import a file',
  settings: 'Settings',
  search: 'Find a connection',
  fold: 'Fold the list',
  unfold: 'Show the list',
  compact: 'Small window',
  full: 'Full window',
  tryNow: 'Try now',
  letOut: 'Let traffic out',
  killSwitch: 'Kill switch',
  on: 'On',
  off: 'Off',
  close: 'Close',
  continue: 'Continue',
  whenYouConnect: 'When you connect',
  lastConnections: 'Last connections',
  never: 'Not connected yet.',
  flowing: 'Traffic is flowing right now.',
  stay: 'Stay connected',
  disconnectAnyway: 'Disconnect anyway',
  askAgain: 'Enter the key again',
  runChecks: 'Run checks',
  openInspector: 'Open in Inspector',
  copyMessage: 'Copy message',
  copied: 'Copied',
  tryOut: 'Try it out',
  tried: 'Tried through the tunnel',
  dropHere: 'Drop it: Culvert reads it and shows what becomes of every field.',
} as const

export const TIMES = {
  when: 'When',
  long: 'For',
  received: 'Received',
  sent: 'Sent',
  ended: 'Ended by',
} as const

/** How a past connection ended, in a word or two. */
export const endedBy = (ended: string): string =>
  ended === 'person'
    ? 'you'
    : ended === 'idle'
      ? 'its idle time'
      : ended === 'closedByGateway'
        ? 'the gateway'
        : ended

export const nothingNamed = (wanted: string): string => `Nothing named “${wanted}”.`
export const tooLarge = (name: string, octets: number): ErrorSnapshot => ({
  kind: 'profileInvalid',
  title: 'This file is no profile',
  detail: `${name} has ${octets} octets, which no profile has. It was not read.`,
  tryThis: ['Drop the file your administrator sent for the VPN'],
})
export const tooMany = (count: number): ErrorSnapshot => ({
  kind: 'profileInvalid',
  title: 'These are too many files at once',
  detail: `${count} files were dropped; nothing was read.`,
  tryThis: ['Drop at most 500 at a time'],
})

const STEPS: Readonly<Record<StepSnapshot['what'], string>> = {
  find: 'Find the gateway',
  prepare: 'Prepare this computer',
  agree: 'Phase 1: agree on encryption',
  prove: 'Phase 1: prove who is who',
  open: 'Phase 2: open the tunnel',
}
export const stepName = (what: StepSnapshot['what']): string => STEPS[what]
export const stepMessage = ({ what, exchanges }: StepSnapshot): string =>
  what === 'find' ? 'DNS' : exchanges.join(', ')

/** A message of IKEv1 followed the first of IKEv2. */
const fellBack = (exchanges: readonly string[]): boolean =>
  exchanges.includes('IKE_SA_INIT') && exchanges.some((name) => name.endsWith(' mode'))

/** What a step has come to, or what it is for. */
export function stepWhy(
  { what, state, exchanges, again }: StepSnapshot,
  tunnel: TunnelSnapshot,
  waits: boolean,
): string {
  const more = again === 0 ? '' : `, sent ${again + 1} times`
  switch (what) {
    case 'find':
      if (tunnel.gateway.host === tunnel.gateway.address) return `It has the address ${tunnel.gateway.host}`
      return state === 'done'
        ? `${tunnel.gateway.host} is ${tunnel.gateway.address ?? ''}`
        : `Looking up ${tunnel.gateway.host}`
    case 'prepare':
      if (waits && state === 'now') return 'Waiting for you'
      return state === 'done' ? 'Allowed, with a tunnel device of its own' : 'Permission and a tunnel device'
    case 'agree':
      if (state !== 'done') {
        return fellBack(exchanges)
          ? `No answer to IKEv2, trying IKEv1${more}`
          : `Encryption and fresh keys${more}`
      }
      if (tunnel.phase1 !== undefined) return suiteNames(tunnel.phase1.suite)
      return fellBack(exchanges) ? 'No answer to IKEv2; agreed in IKEv1' : 'Agreed'
    case 'prove':
      if (waits && state === 'now') return 'Waiting for you'
      return state === 'done' && tunnel.phase1 !== undefined
        ? `It is ${tunnel.phase1.remoteIdentity}`
        : `Who the gateway is, and who you are${more}`
    case 'open':
      return 'Address, name servers and routes'
  }
}

/** The headline. */
export function headline(view: ViewState, error: ErrorSnapshot | undefined): string {
  switch (view) {
    case 'idle':
      return 'Not connected'
    case 'phase1':
    case 'asking':
    case 'phase2':
      return 'Connecting'
    case 'connected':
      return 'Connected'
    case 'waiting':
      return 'Ready'
    case 'reconnecting':
      return 'Reconnecting'
    case 'blocked':
      return 'Blocked by the kill switch'
    case 'disconnecting':
      return 'Disconnecting'
    case 'error':
      return error?.title ?? 'Stopped'
  }
}

/** Letters that are written from the right, and marks that turn what follows. */
const TURNS = /[\u0590-\u08ff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufefc]/

/** A name in a sentence: whatever it holds, the words around it stay in their order. UAX #9 §2.4.2 */
export const named = (name: string): string => (TURNS.test(name) ? `\u2068${name}\u2069` : name)

/** The sentence under it. */
export function sentence(
  view: ViewState,
  profile: ProfileSummary,
  tunnel: TunnelSnapshot | undefined,
  error: ErrorSnapshot | undefined,
): string {
  switch (view) {
    case 'idle':
      return `Nothing goes through ${named(profile.name)}. Your traffic goes out as usual.`
    case 'phase1':
      return `Phase 1 of 2. ${tunnel?.phase1 === undefined ? 'Agreeing on keys.' : 'Checking the gateway.'}`
    case 'asking':
      return `${named(profile.name)} needs something from you.`
    case 'phase2':
      return 'Phase 2 of 2. The gateway is proven. Opening the tunnel.'
    case 'connected':
      return through(named(profile.name), tunnel)
    case 'waiting':
      return `There is no tunnel now. The first packet for ${opens(tunnel)} opens it, and is not lost.`
    case 'reconnecting':
      return error === undefined ? 'The tunnel is being opened again.' : `${error.title}. ${error.detail}`
    case 'blocked':
      return `${error?.title ?? 'Culvert had ended in the middle of it'}. ${waits(tunnel?.held ?? [])}`
    case 'disconnecting':
      return 'Telling the gateway and putting routes back.'
    case 'error':
      return error?.detail ?? ''
  }
}

const COUNTS = [
  'No network goes',
  'One network goes',
  'Two networks go',
  'Three networks go',
  'Four networks go',
]

function through(name: string, tunnel: TunnelSnapshot | undefined): string {
  const routes = tunnel?.network?.routes ?? []
  if (routes.some((route) => route.endsWith('/0'))) return `All your traffic goes through ${name}.`
  const what = COUNTS[routes.length] ?? `${routes.length} networks go`
  return `${what} through ${name}. Everything else goes out as usual.`
}

/** What a tunnel that is not there waits for. */
function opens(tunnel: TunnelSnapshot | undefined): string {
  const routes = tunnel?.network?.routes ?? []
  return routes.some((route) => route.endsWith('/0')) ? 'anywhere' : routes.join(' or ')
}

/** What a kill switch holds back. */
export const waits = (networks: readonly string[]): string =>
  networks.some((network) => network.endsWith('/0'))
    ? 'All your traffic waits here.'
    : `Traffic for ${networks.join(' and ')} waits here; everything else goes out as usual.`

/** One line in the list. */
export function listLine(
  view: ViewState,
  profile: ProfileSummary,
  tunnel: TunnelSnapshot | undefined,
  now: number,
): string {
  switch (view) {
    case 'idle':
      return profile.signIn
    case 'phase1':
      return 'Connecting, phase 1'
    case 'asking':
      return 'Needs an answer'
    case 'phase2':
      return 'Connecting, phase 2'
    case 'connected':
      return `Connected, ${duration(now - (tunnel?.sinceMs ?? now))}`
    case 'waiting':
      return 'Opens with the first packet'
    case 'reconnecting':
      return tunnel?.retryAtMs === undefined
        ? 'Reconnecting'
        : `Reconnecting, next try in ${countdown(tunnel.retryAtMs - now)}`
    case 'blocked':
      return tunnel?.retryAtMs === undefined
        ? 'Blocked'
        : `Blocked, next try in ${countdown(tunnel.retryAtMs - now)}`
    case 'disconnecting':
      return 'Disconnecting'
    case 'error':
      return 'Stopped'
  }
}

/** What the drawing says to somebody who does not see it. */
export function drawing(view: ViewState): string {
  switch (view) {
    case 'idle':
      return 'A pipe planned from this computer to the gateway. Nothing is built yet.'
    case 'phase1':
      return 'The pipe is being built from here towards the gateway. No traffic flows yet.'
    case 'asking':
      return 'The pipe waits to be built. No traffic flows yet.'
    case 'phase2':
      return 'The pipe reaches the gateway. Water runs in.'
    case 'connected':
      return 'The tunnel is open. The level of the water is your traffic of the last minute.'
    case 'waiting':
      return 'A pipe planned from this computer to the gateway. The first packet builds it.'
    case 'reconnecting':
      return 'The pipe has a gap. Traffic waits here.'
    case 'blocked':
      return 'A gate holds the water back on this side. Nothing leaks around the tunnel.'
    case 'disconnecting':
      return 'The water drains from the pipe.'
    case 'error':
      return 'The pipe is broken on the way to the gateway. No traffic goes through it.'
  }
}

/** The two leads under the drawing. */
export function leads(view: ViewState): readonly [string, string] {
  if (view === 'idle' || view === 'waiting')
    return ['Phase 1 will build the pipe', 'Phase 2 will carry your traffic']
  if (view === 'phase1' || view === 'asking')
    return ['Phase 1, the agreement', 'Phase 2, your traffic: not yet']
  return ['Phase 1, the agreement', 'Phase 2, your traffic']
}

export const fullPipeIs = (rate: string): string => `Last 60 s. A full pipe is ${rate.replace('.0', '')}/s`
export const newKeysIn = (ms: number): string => `new keys in ${countdown(ms)}`
export const lifetimeLeft = (percent: number): string => `${percent} percent of the lifetime left`
export const internet = (phase1: Phase1Snapshot | undefined): string => {
  const port = phase1?.remoteEndpoint.match(/:(\d+)$/)?.[1]
  return port === undefined ? 'The internet' : `The internet, UDP port ${port}`
}

/** Phase 1 for everyone. */
export const plainPhase1 = (phase1: Phase1Snapshot): string =>
  `It is ${phase1.remoteIdentity} and proved it by ${phase1.remoteAuthentication}. You signed in as ${phase1.localIdentity}, by ${phase1.localAuthentication}.`
export const renews = (ms: number): string => `The agreement renews itself in ${duration(ms)}.`

/** Phase 2 for everyone. */
export function plainPhase2({ remoteSelectors, mode, protocol }: Phase2Snapshot): string {
  const what = mode === 'transport' ? 'What goes to' : 'Everything for'
  const how =
    protocol === 'AH'
      ? 'is proof against changes on the way, and can be read there'
      : mode === 'transport'
        ? 'travels encrypted'
        : 'travels inside the pipe'
  return `${what} ${remoteSelectors.join(' and ')} ${how}.`
}

/** AH hides nothing. RFC 4302 §1 */
export const protection = ({ protocol }: Phase2Snapshot): string =>
  protocol === 'AH' ? WORDS.readable : WORDS.encrypted

export const keysChange = (ms: number): string => `Keys change by themselves in ${duration(ms)}.`

export const TERMS = {
  version: 'Version',
  signIn: 'You sign in',
  suite: 'Suite',
  gateway: 'Gateway',
  certificate: 'Certificate',
  you: 'You',
  spis: 'SPIs',
  cookies: 'Cookies',
  nat: 'NAT',
  path: 'Path',
  protocol: 'Protocol',
  from: 'From here',
  to: 'To there',
  received: 'Received',
  sent: 'Sent',
  replay: 'Replay',
} as const

/** What IKEv2 calls the SPIs of IKE were the cookies of IKEv1. RFC 2408 §2.5.3 */
export const spisTerm = ({ version }: Phase1Snapshot): string =>
  version.startsWith('IKEv1') ? TERMS.cookies : TERMS.spis

const NAT: Readonly<Record<string, string>> = {
  none: 'None found',
  us: 'On your side',
  gateway: 'On the gateway’s side',
  both: 'On both sides',
}
export const natSentence = ({ nat, encapsulation, keepaliveSeconds }: Phase1Snapshot): string =>
  `${NAT[nat] ?? nat}; ${encapsulation}${keepaliveSeconds === undefined ? '' : `, keepalive ${keepaliveSeconds} s`}`
export const protocolSentence = ({ protocol, mode, esn, pfs }: Phase2Snapshot): string =>
  `${protocol} ${mode}${esn ? ', ESN' : ''}; PFS ${algorithmName(pfs)}`
export const packets = (amount: string, count: string): string => `${amount}, ${count} packets`
export const dropped = (replayed: number, other: number): string =>
  `${replayed} dropped, ${other} other drops`
/** A fault, for whoever administers the gateway. */
export const messageOf = (
  { name, gateway }: Pick<ProfileSummary, 'name' | 'gateway'>,
  { title, detail, kind }: ErrorSnapshot,
): string => `Culvert, ${name} (${gateway}): ${title}. ${detail} ${codeIs(kind)}.`

export const codeIs = (kind: string): string => `Code ${kind}`

const TRIES: Readonly<Record<Probe['what'], string>> = { ping: 'Echo', dns: 'Name', web: 'Page' }
export const tryWhat = ({ what }: Probe): string => TRIES[what]
export const tryTook = ({ ms }: Probe): string => `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`
