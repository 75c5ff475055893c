import { isIP } from 'node:net'
import { parseIdentity } from '../identity.ts'
import { isNetwork } from '../networks.ts'
import type { ProfileInput } from '../schema.ts'
import { weakWords } from '../suite-words.ts'
import { parseAhSuite } from '../suites.ts'
import type { SignIn, SlotName, Slots } from './description.ts'
import type { Outcome } from './report.ts'
import { onlyVersion } from './sign-ins.ts'
import { isKnownWord, usableSuites } from './suite-words.ts'

type Writable<T> = T extends readonly (infer Item)[]
  ? Item[]
  : T extends object
    ? { -readonly [K in keyof T]: Writable<T[K]> }
    : T

/** A profile in the making. */
export interface Making {
  readonly profile: Partial<Writable<ProfileInput>> & {
    ike: NonNullable<Writable<ProfileInput>['ike']>
    esp: NonNullable<Writable<ProfileInput>['esp']>
    dns: NonNullable<Writable<ProfileInput>['dns']>
  }
  readonly weak: Set<string>
  /** How we sign in, round by round. */
  readonly rounds: readonly SignIn[]
  /** We sign in by certificate; the gateway proves itself by one. */
  readonly certificates: { readonly ours: boolean; readonly theirs: boolean }
}

/** What becomes of a slot; `fatal` refuses the whole connection, for a reason that fits behind "because". */
export type Verdict = { readonly outcome: Outcome; readonly reason?: string; readonly fatal?: true }

const KEPT: Verdict = { outcome: 'kept' }
const changed = (reason: string): Verdict => ({ outcome: 'changed', reason })
const ignored = (reason: string): Verdict => ({ outcome: 'ignored', reason })
const refused = (reason: string): Verdict => ({ outcome: 'refused', reason })
const fatal = (reason: string): Verdict => ({ outcome: 'refused', reason, fatal: true })

const NOT_OURS = 'this sign-in does not use a certificate of yours'
const NOT_THEIRS = 'the gateway of this sign-in does not prove itself by a certificate'
const HOST_TO_HOST = 'transport mode is between this computer and the gateway alone'
const NOT_YET = 'this version of Culvert does not do it yet'

/** Kept where the value is what Culvert does anyway. */
const unless =
  <T>(usual: (value: T) => boolean, reason: string, verdict = refused) =>
  (value: T): Verdict =>
    usual(value) ? KEPT : verdict(reason)

const isFalse = (value: boolean): boolean => !value
const isTrue = (value: boolean): boolean => value

/**
 * What today's Culvert makes of every slot: the one place that changes when the profile learns to say more. The
 * sign-in has its own table, `sign-ins.ts`. Slots are judged in this order.
 */
export const SLOT_RULES: { readonly [K in SlotName]: (value: Slots[K], making: Making) => Verdict } = {
  name: (value, { profile }) => {
    profile.name = value.slice(0, 80)
    return value.length > 80 ? changed('cut to 80 characters') : KEPT
  },
  uuid: () => KEPT,
  version: (value, { profile, rounds }) => {
    const only = value === 'auto' ? onlyVersion(rounds) : undefined
    profile.ike.version = only?.version ?? value
    return only === undefined ? KEPT : changed(only.because)
  },
  aggressive: (value, { profile, rounds, weak }) => {
    if (!value) return KEPT
    if (profile.ike.version === 2 || profile.ike.version === undefined)
      return ignored('aggressive mode is a part of IKEv1')
    profile.ike.aggressive = true
    if (rounds[0] === 'psk') weak.add('aggressivepsk')
    return KEPT
  },
  auth: () => KEPT,
  gatewayAuth: () => KEPT,
  host: (value, { profile }) => {
    profile.gateway = { host: value }
    return KEPT
  },
  otherHosts: unless((hosts) => hosts.length === 0, `only the first gateway is kept: ${NOT_YET}`),
  port: (value) =>
    value === 500 ? KEPT : fatal(`its gateway listens on port ${value}, and Culvert begins on port 500`),
  localId: (value, { profile }) => identity(value, 'its own identity', (id) => (profile.localId = id)),
  remoteId: (value, { profile }) =>
    identity(value, "the gateway's identity", (id) => (profile.remoteId = id)),
  user: () => KEPT,
  aaaId: () => KEPT,
  ownCertificates: (_, { certificates }) => (certificates.ours ? KEPT : ignored(NOT_OURS)),
  caCertificates: (_, { certificates }) => (certificates.theirs ? KEPT : ignored(NOT_THEIRS)),
  gatewayCertificates: () => refused('Culvert trusts authorities, not one certificate by itself'),
  gatewayNames: () => ignored('the certificate must be for the remote ID, or for the host'),
  sendCertificateRequest: unless(isTrue, 'Culvert always names the authorities it trusts', ignored),
  revocation: (_, { certificates }) => (certificates.theirs ? KEPT : ignored(NOT_THEIRS)),
  rsaPss: (_, { certificates }) => (certificates.ours ? KEPT : ignored(NOT_OURS)),
  ikeProposals: (value, making) => suites(value, 'ike', making),
  espProposals: (value, making) => suites(value, 'esp', making),
  ahProposals: (list, making) => {
    if (list.length === 0) return KEPT
    const named = list.filter((suite) => suite !== 'default').map((suite) => suite.replace(/!$/, ''))
    const usable = named.filter(isAhSuite)
    if (named.length > 0 && usable.length === 0)
      return fatal(`none of its AH suites can be used: ${named.join(', ')}`)
    const { profile, weak } = making
    profile.child = {
      ...profile.child,
      protocol: 'ah',
      ...(usable.length === 0 ? {} : { ahProposals: usable }),
    }
    for (const { word } of usable.flatMap(weakWords)) weak.add(word)
    return usable.length === named.length ? KEPT : changed(`only ${usable.join(', ')}`)
  },
  pfs: (value, { profile }) => {
    profile.esp.pfs = value
    return KEPT
  },
  ikeRekeySeconds: (value, { profile }) => seconds(value, 10, (at) => (profile.ike.rekeySeconds = at)),
  reauthSeconds: unless((value) => value === 0, `${NOT_YET}; keys are renewed without signing in again`),
  childRekeySeconds: (value, { profile }) => seconds(value, 10, (at) => (profile.esp.rekeySeconds = at)),
  childRekeyOctets: unless((value) => value === 0, 'keys are renewed by their age, not by their use'),
  dpdSeconds: (value, { profile }) => seconds(value, 0, (at) => (profile.ike.dpdSeconds = at)),
  keepaliveSeconds: unless((value) => value === 20, 'Culvert sends one every 20 seconds', ignored),
  mode: (value, { profile }) => {
    // strongSwan takes a tunnel where the other end wants one.
    if (value === 'transport') profile.child = { ...profile.child, mode: 'transportOrTunnel' }
    return KEPT
  },
  ipcomp: unless(isFalse, 'Culvert does not compress', ignored),
  sha256Truncated: unless(isFalse, 'its gateway cuts SHA-256 to 96 bits, which Culvert does not do', fatal),
  replayWindow: unless((value) => value > 0, 'Culvert always checks for replays, over 4096 packets', ignored),
  requestAddresses: (value, { profile }) => {
    profile.requestAddresses = { ...value }
    return KEPT
  },
  localSubnets: (value, { profile }) =>
    profile.child?.mode === undefined
      ? networks(value, (list) => (profile.localSubnets = list))
      : ignored(HOST_TO_HOST),
  remoteSubnets: (value, { profile }) =>
    profile.child?.mode === undefined
      ? networks(value, (list) => (profile.remoteSubnets = list))
      : ignored(HOST_TO_HOST),
  selectorPorts: unless((list) => list.length === 0, 'without its ports and protocols', changed),
  excludedSubnets: unless((list) => list.length === 0, `${NOT_YET}: these networks go through the tunnel`),
  fullTunnel: (value, { profile }) =>
    value || profile.remoteSubnets !== undefined
      ? KEPT
      : changed('everything the gateway allows goes through the tunnel'),
  dnsServers: (value, { profile }) => {
    const usable = value.filter((address) => isIP(address) !== 0)
    if (usable.length > 0) profile.dns.servers = [...usable]
    return usable.length === value.length ? KEPT : changed('only numeric addresses are kept')
  },
  dnsSearch: (value, { profile }) => {
    profile.dns.search = [...value]
    return KEPT
  },
  dnsMatch: (value, { profile }) => {
    profile.dns.search = [...new Set([...(profile.dns.search ?? []), ...value])]
    return changed('kept as search domains')
  },
  dnsFromGateway: (value, { profile }) => {
    profile.dns.fromGateway = value
    return KEPT
  },
  mtu: (value, { profile }) => {
    profile.mtu = Math.min(9000, Math.max(576, value))
    return profile.mtu === value ? KEPT : changed(`${profile.mtu}`)
  },
  allowLan: (value, { profile }) => {
    profile.allowLan = value
    return KEPT
  },
  forceEncapsulation: (value, { profile }) => {
    profile.forceEncapsulation = value
    return KEPT
  },
  natTraversal: unless(isTrue, 'Culvert always finds out about NAT', ignored),
  fragmentation: (value, { profile }) => {
    profile.ike.fragmentation = value
    return KEPT
  },
  mobike: (value, { profile }) => {
    profile.ike.mobike = value
    return KEPT
  },
  redirect: (value, { profile }) => {
    profile.ike.redirect = value
    return KEPT
  },
  childless: (value, { profile }) => {
    if (value === 'allow') return KEPT
    profile.ike.childless = value !== 'no'
    return value === 'force' ? changed('wherever the gateway can') : KEPT
  },
  tcp: (value) =>
    value.use === 'always'
      ? fatal('it wants IPsec inside TCP, which this version of Culvert does not do yet')
      : refused(`no falling back to TCP: ${NOT_YET}`),
  ppkId: (value, { profile }) => {
    if (profile.ike.version === 1) return ignored('IKEv1 has no such keys')
    profile.ppk = { id: value, required: false }
    return KEPT
  },
  ppkRequired: (value, { profile }) => {
    if (profile.ppk !== undefined) profile.ppk.required = value
    else if (value) return fatal('it requires a post-quantum pre-shared key and does not say which')
    return KEPT
  },
  postQuantum: (list, { profile }) => {
    if (list.length === 0) return KEPT
    const added = list.map((word, at) => `ke${at + 1}_${word}`)
    if (profile.ike.proposals === undefined || !added.every(isKnownWord)) {
      return refused('these key exchanges are not known')
    }
    profile.ike.proposals = profile.ike.proposals.map((suite) => [suite, ...added].join('-'))
    return KEPT
  },
  onDemand: unless(isFalse, `connect it yourself: ${NOT_YET}`),
  openedByTraffic: (value, { profile }) => {
    if (value) profile.onDemand = true
    return KEPT
  },
  idleSeconds: (value, { profile }) => {
    if (value <= 0) return KEPT
    profile.idleSeconds = Math.min(value, 604_800)
    return KEPT
  },
  blockIpv4: unless(isFalse, NOT_YET),
  blockIpv6: unless(isFalse, 'IPv6 that the tunnel does not carry never leaks beside a full tunnel', ignored),
  proxy: () => refused('Culvert does not set a proxy'),
  vendor: unless((value) => value === 'cisco', NOT_YET, ignored),
}

/** Whether it is a whole suite of AH, weak or not. */
function isAhSuite(suite: string): boolean {
  try {
    parseAhSuite(suite, { source: '', field: '', weak: suite.toLowerCase().split('-') })
    return true
  } catch {
    return false
  }
}

function identity(value: string, whose: string, keep: (id: string) => void): Verdict {
  const parsed = parseIdentity(value)
  if ('problem' in parsed) return fatal(`${whose} cannot be used: ${parsed.problem}`)
  keep(value)
  return KEPT
}

function suites(listed: readonly string[], protocol: 'ike' | 'esp', making: Making): Verdict {
  const named = listed.filter((suite) => suite !== 'default')
  if (named.length === 0) return KEPT
  const { suites: usable, weak, changes } = usableSuites(named, protocol)
  if (usable.length === 0) {
    if (named.length < listed.length) return changed("Culvert's own choice: no other suite can be used")
    return fatal(
      `none of its ${protocol === 'ike' ? 'IKE' : 'ESP'} suites can be used: ${changes.join(', ')}`,
    )
  }
  making.profile[protocol].proposals = [...usable]
  for (const word of weak) making.weak.add(word)
  return changes.length === 0 ? KEPT : changed(changes.join(', '))
}

function seconds(value: number, least: number, keep: (seconds: number) => void): Verdict {
  const most = 604_800
  // In most formats 0 means never; Culvert always renews its keys in time.
  if (value === 0 && least > 0) return ignored('Culvert always renews keys, at its usual age')
  const used = Math.min(most, Math.max(least, value))
  keep(used)
  return used === value ? KEPT : changed(`${used} seconds`)
}

/** `10.0.0.0/255.0.0.0` as `10.0.0.0/8`. */
function withPrefix(network: string): string {
  const match = /^([\d.]+)\/(\d+\.\d+\.\d+\.\d+)$/.exec(network)
  if (match === null || isIP(match[2] ?? '') !== 4) return network
  const bits = (match[2] ?? '')
    .split('.')
    .map((part) => Number(part).toString(2).padStart(8, '0'))
    .join('')
  return /^1*0*$/.test(bits) ? `${match[1]}/${bits.replace(/0/g, '').length}` : network
}

function networks(listed: readonly string[], keep: (list: string[]) => void): Verdict {
  const dynamic = listed.map(withPrefix).filter((network) => network !== 'dynamic')
  const usable = dynamic.filter(isNetwork)
  if (dynamic.length === 0 && listed.length > 0) return changed('everything the gateway allows is asked for')
  if (usable.length > 0) keep(usable)
  if (usable.length === dynamic.length) return KEPT
  const wrong = dynamic.filter((network) => !isNetwork(network)).join(', ')
  return usable.length === 0 && listed.length > 0
    ? fatal(`its networks cannot be used: ${wrong}`)
    : changed(`left out ${wrong}, which is no network Culvert can ask for`)
}
