import type { Profile } from '../schema.ts'
import type { Losses } from './exported.ts'

/** An identity as strongSwan writes it. */
export function strongswanIdentity(id: string): string {
  const octets = /^keyid:0x((?:[0-9a-f]{2})+)$/i.exec(id)?.[1]
  if (octets !== undefined) return `@#${octets}`
  return id.replace(/^(?:ip|dn(?=:[^:]*=)):/, '')
}

const GROUP = /^(?:modp|ecp|curve)/

/** ESP suites with the groups that `pfs` asks for, or without any: there is no other word for it. */
export function espSuites(profile: Profile, losses: Losses): readonly string[] {
  const { pfs, proposals } = profile.esp
  if (pfs === undefined) return proposals
  const parts = proposals.map((suite) => suite.split('-'))
  if (!pfs) return parts.map((words) => words.filter((word) => !GROUP.test(word)).join('-'))
  if (parts.some((words) => words.some((word) => GROUP.test(word)))) return proposals
  const groups = profile.ike.proposals.flatMap((suite) => suite.split('-').filter((word) => GROUP.test(word)))
  losses.add('esp.pfs', 'said by the groups of the IKE suites in the ESP suites')
  return parts.map((words) => [...words, ...new Set(groups)].join('-'))
}

/** What is to be reached: named, or everything of the families that are asked for. */
export function remoteNetworks({
  remoteSubnets,
  requestAddresses,
  localSubnets,
}: Profile): readonly string[] {
  if (remoteSubnets !== undefined) return remoteSubnets
  const has = (mark: string): boolean => localSubnets.some((network) => network.includes(mark))
  return [
    ...(requestAddresses.ipv4 || has('.') ? ['0.0.0.0/0'] : []),
    ...(requestAddresses.ipv6 || has(':') ? ['::/0'] : []),
  ]
}
