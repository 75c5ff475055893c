import { isIP } from 'node:net'
import { adviceFor } from '../advice.ts'
import type { Check, ChecksProgress } from '../contract/checks.ts'
import type { TunnelSnapshot } from '../contract/snapshot.ts'
import { VpnFailure } from '../errors.ts'
import type { Profile } from '../profile/schema.ts'
import { type Examined, thingsToExamine } from './doctor.ts'

export interface CheckNeeds {
  readonly profiles: Parameters<typeof thingsToExamine>[0]
  readonly keychain: Parameters<typeof thingsToExamine>[1]
  resolve(host: string): Promise<readonly string[]>
}

/** The connection the checks are about, and its tunnel as it is. */
export interface CheckSubject {
  readonly profile: Profile
  readonly tunnel: TunnelSnapshot | undefined
}

type Look = { readonly place: Check['place']; readonly name: string; look(): Examined | Promise<Examined> }

const ok = (detail: string): Examined => ({ state: 'ok', detail, tryThis: [] })

/**
 * Looks at this computer and, with a subject, at the way, the gateway and the inside of its tunnel. Changes nothing.
 * `tell` hears of each that is done. Resolves with all, or with those done when `signal` says to stop. Never throws.
 */
export async function runChecks(
  needs: CheckNeeds,
  subject: CheckSubject | undefined,
  tell: (progress: ChecksProgress) => void,
  signal: AbortSignal,
): Promise<ChecksProgress> {
  const looks = looksAt(needs, subject)
  const done = new Map<number, Check>()
  const progress = (): ChecksProgress => ({
    run: done.size,
    total: looks.length,
    checks: looks.flatMap((_, at) => done.get(at) ?? []),
  })
  const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
  const all = looks.map(async ({ place, name, look }, at) => {
    const examined = await Promise.resolve()
      .then(look)
      .catch((thrown: unknown) => fault(thrown))
    if (signal.aborted) return
    done.set(at, { place, name, ...examined })
    tell(progress())
  })
  await Promise.race([Promise.all(all), stopped])
  return progress()
}

function looksAt(needs: CheckNeeds, subject: CheckSubject | undefined): readonly Look[] {
  const here = thingsToExamine(needs.profiles, needs.keychain).map(({ name, look }) => ({
    place: 'here' as const,
    name,
    look,
  }))
  if (subject === undefined) return here
  const { profile, tunnel } = subject
  return [
    ...here,
    { place: 'way', name: 'name of the gateway', look: () => name(needs, profile) },
    ...(tunnel === undefined ? [] : tunnelLooks(tunnel)),
  ]
}

async function name({ resolve }: CheckNeeds, { gateway }: Profile): Promise<Examined> {
  if (isIP(gateway.host) !== 0) return ok(`${gateway.host} is an address already`)
  return ok(`${gateway.host} is ${(await resolve(gateway.host)).slice(0, 3).join(', ')}`)
}

/** What the connection itself has found out. */
function tunnelLooks({ phase1, phase2, error, network, state }: TunnelSnapshot): readonly Look[] {
  if (state !== 'connected' || phase1 === undefined) {
    if (error === undefined) return []
    const { title, detail, tryThis } = error
    const place = WHERE[error.kind] ?? 'gateway'
    return [
      {
        place,
        name: 'last try',
        look: () => ({ state: 'missing', detail: `${title}: ${detail}`, tryThis }),
      },
    ]
  }
  const drops = phase2.reduce((sum, { traffic }) => sum + traffic.replayDrops + traffic.otherDrops, 0)
  const received = phase2.reduce((sum, { traffic }) => sum + traffic.inPackets, 0)
  const sent = phase2.reduce((sum, { traffic }) => sum + traffic.outPackets, 0)
  return [
    {
      place: 'way',
      name: 'messages',
      look: () => ok(`${phase1.localEndpoint} reaches ${phase1.remoteEndpoint}`),
    },
    {
      place: 'gateway',
      name: 'identity',
      look: () => ok(`${phase1.remoteIdentity}, proved by ${phase1.remoteAuthentication}`),
    },
    { place: 'gateway', name: 'suite', look: () => ok(phase1.suite.join(', ')) },
    {
      place: 'inside',
      name: 'address',
      look: () => ok(network === undefined ? 'none' : `${network.addresses.join(', ')} on ${network.device}`),
    },
    { place: 'inside', name: 'replies', look: () => replies(sent, received) },
    { place: 'inside', name: 'dropped packets', look: () => dropped(drops, received) },
  ]
}

function replies(sent: number, received: number): Examined {
  if (sent < 10 || received > 0) return ok(`${sent} packets sent, ${received} came back`)
  return {
    state: 'warning',
    detail: `${sent} packets were sent and none came back`,
    tryThis: ['Ask the administrator whether the networks behind the gateway know the way to you'],
  }
}

function dropped(drops: number, received: number): Examined {
  if (drops * 100 <= received) return ok(`${drops} of ${received}`)
  return {
    state: 'warning',
    detail: `${drops} of ${received} packets were dropped: late, repeated or damaged`,
    tryThis: ['Try another network: this one may reorder or damage packets'],
  }
}

/** On which side a fault happened; all others at the gateway. */
const WHERE: Readonly<Record<string, Check['place']>> = {
  nameNotResolved: 'way',
  unreachable: 'way',
  noAnswer: 'way',
  noTun: 'here',
  noPermission: 'here',
  systemRefused: 'here',
  nativeMissing: 'here',
  secretMissing: 'here',
  keychainUnavailable: 'here',
  profileInvalid: 'here',
  weakAlgorithm: 'here',
  keysUsedUp: 'here',
  algorithmUnavailable: 'here',
  internal: 'here',
}

function fault(thrown: unknown): Examined {
  if (!(thrown instanceof VpnFailure)) return { state: 'missing', detail: String(thrown), tryThis: [] }
  const { title, detail, tryThis } = adviceFor(thrown.error, 'window')
  return { state: 'missing', detail: `${title}: ${detail}`, tryThis }
}
