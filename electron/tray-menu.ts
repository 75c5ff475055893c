import type { MenuItemConstructorOptions } from 'electron'
import { type AppSnapshot, isAlive, type TunnelSnapshot } from '../core/contract/snapshot.ts'
import { connectTo, disconnectFrom, isBlocked, stateWords, WORDS } from './words.ts'

export interface TrayActions {
  connect(profile: string): void
  disconnect(profile: string): void
  retry(profile: string): void
  letOut(profile: string): void
  open(): void
  settings(): void
  quit(): void
}

export type TrayIcon = 'idle' | 'connecting' | 'connected' | 'reconnecting' | 'blocked' | 'error'

/** Ours: connections that stand in the menu itself; the rest is one step away. */
const NEAR = 5
/** Ours: a menu longer than this helps nobody. The window has all of them. */
const MOST = 50

/** What there is something to say about. */
const isShown = (tunnel: TunnelSnapshot): boolean => isAlive(tunnel) || isBlocked(tunnel)

/** One glyph for all tunnels: what needs a person first, then what works. */
export function trayIcon({ tunnels }: Pick<AppSnapshot, 'tunnels'>): TrayIcon {
  const has = (...states: TunnelSnapshot['state'][]): boolean =>
    tunnels.some(({ state }) => states.includes(state))
  if (tunnels.some(isBlocked)) return 'blocked'
  if (has('reconnecting')) return 'reconnecting'
  if (has('phase1', 'phase2')) return 'connecting'
  if (has('connected', 'waiting', 'disconnecting')) return 'connected'
  return has('failed') ? 'error' : 'idle'
}

/** What the tray says when somebody points at it. */
export function trayTip({ tunnels }: Pick<AppSnapshot, 'tunnels'>): string {
  const shown = tunnels.filter(isShown)
  if (shown.length === 0) return `${WORDS.app}: ${WORDS.none.toLowerCase()}`
  return shown.map((tunnel) => `${tunnel.name}: ${stateWords(tunnel).toLowerCase()}`).join('\n')
}

/** The menu of the tray: state, what can be done about it, other connections, the window. */
export function trayMenu(snapshot: AppSnapshot, actions: TrayActions): MenuItemConstructorOptions[] {
  const shown = snapshot.tunnels.filter(isShown)
  const running = new Set(shown.map(({ profile }) => profile))
  const others = snapshot.profiles.filter(({ id }) => !running.has(id))
  const connectItem = ({ id, name }: { readonly id: string; readonly name: string }) => ({
    label: connectTo(name),
    click: () => actions.connect(id),
  })
  const line: MenuItemConstructorOptions = { type: 'separator' }
  return [
    ...(shown.length === 0
      ? [{ label: WORDS.none, enabled: false }]
      : shown.flatMap((tunnel) => tunnelItems(tunnel, actions))),
    line,
    ...others.slice(0, NEAR).map(connectItem),
    ...(others.length > NEAR ? [{ label: WORDS.all, submenu: others.slice(0, MOST).map(connectItem) }] : []),
    ...(others.length > 0 ? [line] : []),
    { label: WORDS.open, click: actions.open },
    { label: WORDS.settings, click: actions.settings },
    { label: shown.some(isAlive) ? WORDS.quitAndDisconnect : WORDS.quit, click: actions.quit },
  ]
}

function tunnelItems(tunnel: TunnelSnapshot, actions: TrayActions): MenuItemConstructorOptions[] {
  return [
    { label: `${tunnel.name}: ${stateWords(tunnel)}`, enabled: false },
    ...(tunnel.retryAtMs === undefined
      ? []
      : [{ label: WORDS.retry, click: () => actions.retry(tunnel.profile) }]),
    ...(isAlive(tunnel)
      ? [{ label: disconnectFrom(tunnel.name), click: () => actions.disconnect(tunnel.profile) }]
      : [{ label: WORDS.again, click: () => actions.connect(tunnel.profile) }]),
    ...(isBlocked(tunnel) ? [{ label: WORDS.letOut, click: () => actions.letOut(tunnel.profile) }] : []),
  ]
}
