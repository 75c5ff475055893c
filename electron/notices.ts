import type { AppSnapshot, TunnelSnapshot } from '../core/contract/snapshot.ts'
import {
  askingNotice,
  blockedNotice,
  connectedNotice,
  failedNotice,
  isBlocked,
  type Notice,
  reconnectingNotice,
} from './words.ts'

export interface ProfileNotice extends Notice {
  readonly profile: string
}

/** What a person who does not look at the window should hear of, from one snapshot to the next. */
export class Notices {
  #states = new Map<string, TunnelSnapshot['state']>()
  #asked = new Set<number>()

  /** `seen`: the window is before their eyes, so nothing needs to be said. */
  next({ tunnels, prompts }: AppSnapshot, seen: boolean): readonly ProfileNotice[] {
    const before = this.#states
    const asked = this.#asked
    this.#states = new Map(tunnels.map(({ profile, state }) => [profile, state]))
    this.#asked = new Set(prompts.map(({ id }) => id))
    if (seen) return []
    const names = new Map(tunnels.map(({ profile, name }) => [profile, name]))
    return [
      ...tunnels.flatMap((tunnel) => {
        const notice = before.get(tunnel.profile) === tunnel.state ? undefined : noticeOf(tunnel)
        return notice === undefined ? [] : [{ profile: tunnel.profile, ...notice }]
      }),
      ...prompts
        .filter(({ id }) => !asked.has(id))
        .map(({ profile }) => ({ profile, ...askingNotice(names.get(profile) ?? profile) })),
    ]
  }
}

function noticeOf(tunnel: TunnelSnapshot): Notice | undefined {
  if (isBlocked(tunnel)) return blockedNotice(tunnel.name, tunnel.error)
  switch (tunnel.state) {
    case 'connected':
      return connectedNotice(tunnel)
    case 'reconnecting':
      return reconnectingNotice(tunnel.name, tunnel.error)
    case 'failed':
      return tunnel.error?.kind === 'cancelled' ? undefined : failedNotice(tunnel.name, tunnel.error)
    default:
      return undefined
  }
}
