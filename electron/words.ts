import type { ErrorSnapshot, TunnelSnapshot } from '../core/contract/snapshot.ts'

// Every sentence main itself says: in the tray, in notifications, in native dialogs.

export const WORDS = {
  app: 'Culvert',
  open: 'Open Culvert',
  quit: 'Quit',
  quitAndDisconnect: 'Quit and disconnect',
  all: 'All connections',
  settings: 'Settings',
  none: 'Not connected',
  retry: 'Try now',
  again: 'Try again',
  letOut: 'Let traffic out',
  stay: 'Stay connected',
  stayHere: 'Stay',
  quitBlocked: 'Quit, keep blocking',
  letOutAndQuit: 'Let traffic out and quit',
  chooseFiles: 'Import a file',
  saveReport: 'Save the report',
  saveProfile: 'Save the connection',
  saveMessages: 'Save the messages in a folder',
  cancel: 'Cancel',
  messagesOnly: 'Messages only',
  messagesAndKeys: 'Messages and keys',
  openCapture: 'Open a capture, with its tables of keys',
  captures: 'Captures',
  profileFiles: 'Connections',
  allFiles: 'All files',
} as const

export const connectTo = (name: string): string => `Connect ${name}`
export const disconnectFrom = (name: string): string => `Disconnect ${name}`
export const quitQuestion = (names: readonly string[]): string =>
  `Disconnect ${names.join(' and ')} and quit?`
export const QUIT_DETAIL =
  'Traffic is flowing through it right now. Whoever waits for an answer will not get it.'

export const KILL_SWITCH_STAYS = 'its kill switch stays on: the file says nothing of one'

/** What quitting leaves held back, by the names of its connections. */
export const blockedQuestion = (names: readonly string[]): string =>
  `${names.join(' and ')} ${names.length === 1 ? 'is' : 'are'} blocked by the kill switch. Quit?`
export const BLOCKED_DETAIL =
  'Its traffic stays held back when Culvert has ended, until Culvert lets it out or this computer is started again.'

export const KEYS_QUESTION = 'Save the keys too?'
export const KEYS_DETAIL =
  'Wireshark opens encrypted messages with them. Whoever has them reads everything that this connection carries now.'

const STATES: Readonly<Record<TunnelSnapshot['state'], string>> = {
  idle: 'Not connected',
  phase1: 'Connecting, phase 1',
  phase2: 'Connecting, phase 2',
  connected: 'Connected',
  waiting: 'Waiting for a packet',
  reconnecting: 'Reconnecting',
  disconnecting: 'Disconnecting',
  blocked: 'Blocked by the kill switch',
  failed: 'Stopped',
}
export const stateWords = (tunnel: Pick<TunnelSnapshot, 'state' | 'held'>): string =>
  STATES[isBlocked(tunnel) ? 'blocked' : tunnel.state]

/** A kill switch holds its traffic back while the tunnel is gone. */
export const isBlocked = ({ state, held = [] }: Pick<TunnelSnapshot, 'state' | 'held'>): boolean =>
  state === 'blocked' || (state === 'reconnecting' && held.length > 0)

export interface Notice {
  readonly title: string
  readonly body: string
}

const COUNTS = [
  'No network goes',
  'One network goes',
  'Two networks go',
  'Three networks go',
  'Four networks go',
]

export function connectedNotice({ name, network, steps }: TunnelSnapshot): Notice {
  const routes = network?.routes ?? []
  const all = routes.some((route) => route.endsWith('/0'))
  const what = all ? 'All your traffic goes' : (COUNTS[routes.length] ?? `${routes.length} networks go`)
  const tookMs = steps
    .filter(({ what: step }) => step === 'agree' || step === 'prove' || step === 'open')
    .reduce((sum, step) => sum + (step.tookMs ?? 0), 0)
  return { title: `${name} connected`, body: `${what} through it. Phase 1 and 2 took ${tookMs} ms.` }
}

export const reconnectingNotice = (name: string, error: ErrorSnapshot | undefined): Notice => ({
  title: `${name} is reconnecting`,
  body: error === undefined ? 'The tunnel is being opened again.' : `${error.title}.`,
})
export const blockedNotice = (name: string, error: ErrorSnapshot | undefined): Notice => ({
  title: `${name} is blocked by the kill switch`,
  body: `${error?.title ?? 'Culvert had ended'}. Its traffic waits; nothing leaks.`,
})
export const failedNotice = (name: string, error: ErrorSnapshot | undefined): Notice => ({
  title: error?.title ?? `${name} stopped`,
  body: `${name}: ${error?.detail ?? 'it has ended.'}`,
})
export const askingNotice = (name: string): Notice => ({
  title: `${name} needs something from you`,
  body: 'It waits for your answer.',
})
