import { createRegistry } from '../crypto/registry.ts'
import { systemRandom } from '../crypto/system-random.ts'
import { engineChoice } from '../esp/engine-choice.ts'
import { openDemo } from '../gateway/demo/demo.ts'
import { startConnection } from '../ike/driver.ts'
import { startManual } from '../ike/manual.ts'
import { RevocationDesk } from '../ike/revocation.ts'
import { loadAddon } from '../native/load.ts'
import { openEdge } from '../net/edge.ts'
import { isForwarding } from '../net/forwarding.ts'
import { localNetworks, ownAddresses } from '../net/local-networks.ts'
import type { TunnelPlan } from '../net/plan.ts'
import { isFullTunnel, type PlanChoices, planFor } from '../net/plan-for.ts'
import { resolveHost } from '../net/resolve.ts'
import type { Profile } from '../profile/schema.ts'
import { withDemo } from './demo.ts'
import { type Agreement, type ManagerDependencies, systemClock } from './dependencies.ts'
import type { History } from './history.ts'
import type { HoldRecord } from './hold.ts'
import { Manager } from './manager.ts'

export interface EngineOptions {
  readonly profiles: ManagerDependencies['profiles']
  readonly secret: ManagerDependencies['secret']
  readonly attended?: NonNullable<ManagerDependencies['attended']>
  readonly keep?: NonNullable<ManagerDependencies['keep']>
  /** Hears what the privileged helper has to say. */
  readonly onNote?: (note: string) => void
  /** Where connections that were are written down; left out: nowhere. */
  readonly history?: Pick<History, 'add'>
  /** Where traffic that is held back is written down; left out: nowhere. */
  readonly holds?: HoldRecord
}

/**
 * The manager on the real machine: this computer's clock, resolver, keys and network. The command line and the
 * window host the same one. Throws `VpnFailure` (`nativeMissing`).
 */
export function openManager(options: EngineOptions): Manager {
  const addon = loadAddon()
  const registry = createRegistry(addon)
  const revocation = new RevocationDesk()
  const { onNote, history, holds } = options
  const machine: ManagerDependencies = {
    profiles: options.profiles,
    secret: options.secret,
    ...(options.attended === undefined ? {} : { attended: options.attended }),
    ...(options.keep === undefined ? {} : { keep: options.keep }),
    resolve: resolveHost,
    openEdge: () => openEdge({ addon, ...(onNote === undefined ? {} : { onNote }) }),
    startConnection: ({ config, edge, listener }) =>
      startConnection({
        ...{ config, edge, listener, addon, registry, revocation },
        random: systemRandom,
        ...engineChoice(),
      }),
    startManual: (started) => startManual({ ...started, addon, registry, random: systemRandom }),
    planFor: planOf,
    nearby: localNetworks,
    forwards: isForwarding,
    ...(holds === undefined ? {} : { holds }),
    closeFd: (fd) => addon.closeFd(fd),
    watchDevice: (fd, onPackets, onEnd) => {
      const reader = addon.readPackets(fd, onPackets, onEnd)
      return () => reader.stop()
    },
    record: (profile, past) => void history?.add(profile.id, past),
    clock: systemClock,
    random: systemRandom,
  }
  const listener = { note: (text: string) => onNote?.(`the demo's gateway: ${text}`) }
  return new Manager(withDemo(machine, () => openDemo({ addon, registry, random: systemRandom, listener })))
}

/** What a gateway agreed to and the person chose, as a plan. */
export function planOf(
  agreement: Agreement,
  nearby: () => readonly string[] = localNetworks,
  own: () => readonly string[] = ownAddresses,
): TunnelPlan {
  const { profile, device, configuration, local, remote } = agreement
  const choices = choicesOf(profile)
  const known = { device, configuration, local, remote, own: own() }
  const plan = planFor({ ...known, choices })
  // Only a tunnel for everything would take the local network along.
  if (!profile.allowLan || !isFullTunnel(plan.routes)) return plan
  return planFor({ ...known, choices: { ...choices, bypass: nearby() } })
}

function choicesOf({ mtu, dns }: Profile): PlanChoices {
  return {
    ...(mtu === undefined ? {} : { mtu }),
    keepDns: !dns.fromGateway && dns.servers.length === 0,
    dnsServers: dns.servers,
    searchDomains: dns.search,
  }
}
