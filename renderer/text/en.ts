import type {
  ErrorSnapshot,
  Phase1Snapshot,
  Phase2Snapshot,
  ProfileSummary,
  TunnelSnapshot,
} from '../../core/contract/snapshot.ts'
import { countdown, duration } from './figures.ts'

// Every sentence of the window, in one place and in one language.

/** How a connection is drawn and spoken of. */
export type ViewState =
  | 'idle'
  | 'phase1'
  | 'asking'
  | 'phase2'
  | 'connected'
  | 'reconnecting'
  | 'disconnecting'
  | 'error'

export const WORDS = {
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
  computer: 'This computer',
  gateway: 'Gateway',
  tries: 'What you can try',
  none: 'No connections yet',
  noneYet:
    'Take the profile your administrator sent: run “culvert import FILE” in a terminal, and it appears here.',
  reading: 'Reading your connections',
  secret: 'Pre-shared key',
  secretHint: 'Used for this connection and kept in memory only.',
  receiving: 'Receiving',
  sending: 'Sending',
  inside: 'Your address inside',
  servers: 'Name servers',
  usual: 'as usual',
} as const

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
    case 'reconnecting':
      return 'Reconnecting'
    case 'disconnecting':
      return 'Disconnecting'
    case 'error':
      return error?.title ?? 'Stopped'
  }
}

/** The sentence under it. */
export function sentence(
  view: ViewState,
  profile: ProfileSummary,
  tunnel: TunnelSnapshot | undefined,
  error: ErrorSnapshot | undefined,
): string {
  switch (view) {
    case 'idle':
      return `Nothing goes through ${profile.name}. Your traffic goes out as usual.`
    case 'phase1':
      return `Phase 1 of 2. ${tunnel?.phase1 === undefined ? 'Agreeing on keys.' : 'Checking the gateway.'}`
    case 'asking':
      return `${profile.name} needs the pre-shared key.`
    case 'phase2':
      return 'Phase 2 of 2. The gateway is proven. Opening the tunnel.'
    case 'connected':
      return through(profile.name, tunnel)
    case 'reconnecting':
      return error === undefined ? 'The tunnel is being opened again.' : `${error.title}. ${error.detail}`
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
      return 'Needs a key'
    case 'phase2':
      return 'Connecting, phase 2'
    case 'connected':
      return `Connected, ${duration(now - (tunnel?.sinceMs ?? now))}`
    case 'reconnecting':
      return tunnel?.retryAtMs === undefined
        ? 'Reconnecting'
        : `Reconnecting, next try in ${countdown(tunnel.retryAtMs - now)}`
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
    case 'reconnecting':
      return 'The pipe has a gap. Traffic waits here.'
    case 'disconnecting':
      return 'The water drains from the pipe.'
    case 'error':
      return 'The pipe is broken on the way to the gateway. No traffic goes through it.'
  }
}

/** The two leads under the drawing. */
export function leads(view: ViewState): readonly [string, string] {
  if (view === 'idle') return ['Phase 1 will build the pipe', 'Phase 2 will carry your traffic']
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
  `It is ${phase1.remoteIdentity} and proved it by ${phase1.remoteAuthentication}. You signed in as ${phase1.localIdentity}.`
export const renews = (ms: number): string => `The agreement renews itself in ${duration(ms)}.`

/** Phase 2 for everyone. */
export const plainPhase2 = (child: Phase2Snapshot): string =>
  `Everything for ${child.remoteSelectors.join(' and ')} travels inside the pipe.`
export const keysChange = (ms: number): string => `Keys change by themselves in ${duration(ms)}.`

export const TERMS = {
  version: 'Version',
  suite: 'Suite',
  gateway: 'Gateway',
  certificate: 'Certificate',
  you: 'You',
  spis: 'SPIs',
  nat: 'NAT',
  path: 'Path',
  protocol: 'Protocol',
  from: 'From here',
  to: 'To there',
  received: 'Received',
  sent: 'Sent',
  replay: 'Replay',
} as const

const NAT: Readonly<Record<string, string>> = {
  none: 'None found',
  us: 'On your side',
  gateway: 'On the gateway’s side',
  both: 'On both sides',
}
export const natSentence = ({ nat, encapsulation, keepaliveSeconds }: Phase1Snapshot): string =>
  `${NAT[nat] ?? nat}; ${encapsulation}${keepaliveSeconds === undefined ? '' : `, keepalive ${keepaliveSeconds} s`}`
export const protocolSentence = ({ protocol, mode, esn, pfs }: Phase2Snapshot): string =>
  `${protocol} ${mode}${esn ? ', ESN' : ''}; PFS ${pfs}`
export const packets = (amount: string, count: string): string => `${amount}, ${count} packets`
export const dropped = (replayed: number, other: number): string =>
  `${replayed} dropped, ${other} other drops`
export const codeIs = (kind: string): string => `Code ${kind}`
