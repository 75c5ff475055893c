import type { Secret } from '../bytes/secret.ts'
import { VpnFailure } from '../errors.ts'
import type { ConnectionConfig, OfferedProposal } from '../ike/config.ts'
import type { TrafficSelector } from '../wire/ikev2/traffic-selector.ts'
import { authenticationOf, localIdentityOf, remoteIdentityOf, secretIn } from './authentication.ts'
import { childTerms, hasAh, isHostToHost } from './child.ts'
import { selectorOf } from './networks.ts'
import type { Profile } from './schema.ts'
import { switchedOn, withoutNames } from './suite-sets.ts'
import {
  DEFAULT_AGGRESSIVE_SUITES,
  DEFAULT_IKE_SUITES,
  DEFAULT_IKEV1_SUITES,
  parseEspSuite,
  parseIkeSuite,
  withoutOptional,
} from './suites.ts'
import { type SystemAuthorities, systemAuthorities } from './system-authorities.ts'

/** IANA Transform Type of key exchange methods. */
const KEY_EXCHANGE = 4

/** Ours: often enough for the shortest mappings of home routers (30 s and more; RFC 3948 §4 says 20). */
const KEEPALIVE_SECONDS = 20

/**
 * A profile, its secrets by name (`psk`, `key`, `password`, `ppk`) and the gateway's address, as everything a session must know. The
 * secrets are taken over: whoever holds the configuration closes what is in it, and a failure closes them all.
 * Throws `VpnFailure` (`profileInvalid`, `weakAlgorithm`, `secretMissing`, `authFailed`).
 */
export function connectionConfig(
  profile: Profile,
  secrets: ReadonlyMap<string, Secret>,
  gatewayAddress: string,
  authorities: SystemAuthorities = systemAuthorities,
): ConnectionConfig {
  try {
    // Last, so that no key is opened for a profile that cannot be used.
    const negotiated = everythingElse(profile, gatewayAddress)
    const authentication = authenticationOf(profile, secrets, authorities)
    return { ...negotiated, authentication, ...ikev1Of(profile, secrets), ...ppkOf(profile, secrets) }
  } catch (thrown) {
    for (const secret of secrets.values()) secret.close()
    throw thrown
  }
}

/** What only IKEv1 asks, where the profile may come to it. */
function ikev1Of(profile: Profile, secrets: ReadonlyMap<string, Secret>): Pick<ConnectionConfig, 'ikev1'> {
  const { ike, xauth, weak, name } = profile
  if (ike.version === 2) return {}
  const context = { source: name, field: 'ike.proposals', weak }
  const suites = ike.aggressive === true ? DEFAULT_AGGRESSIVE_SUITES : DEFAULT_IKEV1_SUITES
  return {
    ikev1: {
      aggressive: ike.aggressive === true,
      ...(isDefault(ike.proposals)
        ? { ikeProposals: suites.map((suite) => parseIkeSuite(suite, context)) }
        : {}),
      ...(xauth === undefined
        ? {}
        : { xauth: { role: 'client', user: xauth.user, password: secretIn(profile, secrets, 'password') } }),
    },
  }
}

function everythingElse(
  profile: Profile,
  gatewayAddress: string,
): Omit<ConnectionConfig, 'authentication' | 'ikev1'> {
  const source = profile.name
  const weak = profile.weak
  const [ikeNames, espNames] = [profile.ike.proposals, profile.esp.proposals]
  const espContext = { source, field: 'esp.proposals', weak: switchedOn(espNames, weak) }
  const esp = withoutNames(espNames, 'esp').flatMap((suite) =>
    withoutOptional(parseEspSuite(suite, espContext)),
  )
  const ikeContext = { source, field: 'ike.proposals', weak: switchedOn(ikeNames, weak) }
  const ike = withoutNames(ikeNames, 'ike').flatMap((suite) =>
    withoutOptional(parseIkeSuite(suite, ikeContext)),
  )
  const terms = childTerms(profile, source)
  const alone = isHostToHost(profile)
  const ah = terms.ahProposals ?? []
  const groups = pfsGroups(profile.esp.pfs, ike, profile.child?.protocol === 'ah' ? ah : esp)
  return {
    version: profile.ike.version,
    gatewayAddress,
    gatewayHost: profile.gateway.host,
    localIdentity: localIdentityOf(profile),
    remoteIdentity: remoteIdentityOf(profile),
    // A name nobody wrote down is what we expect, yet a gateway need not know itself by it.
    asksForIdentity: profile.remoteId !== undefined,
    ikeProposals: ike,
    // The first CHILD_SA has no key exchange of its own; groups are for its rekeys. RFC 7296 §1.2
    espProposals: esp.map(withoutExchange),
    ...terms,
    ...(terms.ahProposals === undefined ? {} : { ahProposals: ah.map(withoutExchange) }),
    // In transport mode both ends have the addresses they have.
    requestAddresses: alone ? { ipv4: false, ipv6: false } : profile.requestAddresses,
    localSelectors: profile.localSubnets.map((network) => selectorIn(network, source, 'localSubnets')),
    remoteSelectors: alone ? [] : remoteSelectors(profile),
    fragmentation: profile.ike.fragmentation,
    // There is no AH in UDP. RFC 3948 §1
    forceEncapsulation: profile.forceEncapsulation && !hasAh(profile),
    lifetimes: {
      ikeRekeySeconds: profile.ike.rekeySeconds,
      childRekeySeconds: profile.esp.rekeySeconds,
    },
    dpdSeconds: profile.ike.dpdSeconds,
    keepaliveSeconds: KEEPALIVE_SECONDS,
    // A tunnel that moves may come behind a NAT, where only ESP in UDP gets through. RFC 4555 §3.1, §3.3
    mobike: profile.ike.mobike && profile.forceEncapsulation && !alone && !hasAh(profile),
    redirect: profile.ike.redirect,
    // Nor does an AH go through TCP. RFC 9329 §3
    ...(hasAh(profile) ? {} : tcpOf(profile)),
    pfsGroups: groups,
    // Who writes `pfs` wants it.
    secrecyOptional: profile.esp.pfs !== true,
    childless: profile.ike.childless ?? groups.length > 0,
  }
}

const tcpOf = ({ ike: { tcp = 'fallback', tcpPort } }: Profile): Pick<ConnectionConfig, 'tcp'> =>
  tcp === 'never' ? {} : { tcp: { use: tcp, port: tcpPort ?? 4500 } }

const withoutExchange = (proposal: OfferedProposal): OfferedProposal =>
  proposal.filter((transform) => transform.type !== KEY_EXCHANGE)

const isDefault = (suites: readonly string[]): boolean =>
  withoutNames(suites, 'ike').join() === DEFAULT_IKE_SUITES.join()

function ppkOf(profile: Profile, secrets: ReadonlyMap<string, Secret>): Pick<ConnectionConfig, 'ppk'> {
  const { ppk } = profile
  if (ppk === undefined) return {}
  const secret = secrets.get('ppk')
  if (secret === undefined)
    throw new VpnFailure({ kind: 'secretMissing', what: 'ppk', profile: profile.name })
  return { ppk: { id: new TextEncoder().encode(ppk.id), secret, required: ppk.required, early: true } }
}

function pfsGroups(
  wanted: boolean | undefined,
  ike: readonly OfferedProposal[],
  esp: readonly OfferedProposal[],
): readonly number[] {
  if (wanted === false) return []
  const named = groupsOf(esp)
  return wanted === true && named.length === 0 ? groupsOf(ike) : named
}

const groupsOf = (proposals: readonly OfferedProposal[]): readonly number[] => [
  ...new Set(proposals.flat().flatMap(({ type, id }) => (type === KEY_EXCHANGE ? [id] : []))),
]

/** `remoteSubnets`, or everything of the families we will have an inner address of. */
function remoteSelectors(profile: Profile): readonly TrafficSelector[] {
  const networks =
    profile.remoteSubnets ?? familiesOf(profile).map((family) => (family === 4 ? '0.0.0.0/0' : '::/0'))
  return networks.map((network) => selectorIn(network, profile.name, 'remoteSubnets'))
}

function familiesOf(profile: Profile): readonly (4 | 6)[] {
  const { ipv4, ipv6 } = profile.requestAddresses
  const has = (mark: string): boolean => profile.localSubnets.some((network) => network.includes(mark))
  return [...(ipv4 || has('.') ? [4 as const] : []), ...(ipv6 || has(':') ? [6 as const] : [])]
}

function selectorIn(network: string, source: string, field: string): TrafficSelector {
  const selector = selectorOf(network)
  if (selector === undefined) {
    throw new VpnFailure({ kind: 'profileInvalid', source, field, problem: `"${network}" is not a network` })
  }
  return selector
}
