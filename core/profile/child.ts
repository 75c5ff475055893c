import * as v from 'valibot'
import { VpnFailure } from '../errors.ts'
import type { ConnectionConfig } from '../ike/config.ts'
import { switchedOn } from './suite-sets.ts'
import { DEFAULT_AH_SUITES, parseAhSuite } from './suites.ts'

/** What protects packets, and around what. RFC 4301 §3.2 */
export const childSchema = v.strictObject({
  /** `ah+esp`: both on one packet, which only IKEv1 can agree on. */
  protocol: v.optional(v.picklist(['esp', 'ah', 'ah+esp'], '"esp", "ah" or "ah+esp" is expected'), 'esp'),
  /** `transport`: between this computer and the gateway alone, or nothing; `transportOrTunnel`: as the gateway likes. */
  mode: v.optional(
    v.picklist(
      ['tunnel', 'transport', 'transportOrTunnel'],
      '"tunnel", "transport" or "transportOrTunnel" is expected',
    ),
    'tunnel',
  ),
  ahProposals: v.optional(
    v.pipe(
      v.array(v.string('a text is expected'), 'a list of suites is expected'),
      v.minLength(1, 'at least one suite is needed'),
    ),
    () => [...DEFAULT_AH_SUITES],
  ),
})

export type ChildSettings = v.InferOutput<typeof childSchema>

/** What is said of it, as far as these rules look. */
interface Around {
  readonly child?: ChildSettings | undefined
  readonly ike: { readonly version: 1 | 2 | 'auto' }
  readonly localSubnets: readonly string[]
  readonly remoteSubnets?: readonly string[] | undefined
  readonly killSwitch?: boolean | undefined
  readonly weak: readonly string[]
  readonly auth: { readonly method: string }
}

/** Whether it is between the two ends of the path and nobody behind them. */
export const isHostToHost = ({ child }: Pick<Around, 'child'>): boolean =>
  child !== undefined && child.mode !== 'tunnel'

/** AH is a part of it, which goes through no NAT and in no UDP. */
export const hasAh = ({ child }: Pick<Around, 'child'>): boolean =>
  child !== undefined && child.protocol !== 'esp'

/** Throws `VpnFailure` (`profileInvalid`, `weakAlgorithm`). */
export function checkChild(profile: Around, source: string): void {
  const { child, ike, auth, localSubnets, remoteSubnets, killSwitch } = profile
  if (child === undefined) return
  const invalid = (field: string, problem: string): VpnFailure =>
    new VpnFailure({ kind: 'profileInvalid', source, field, problem })
  ahOffers(profile, source)
  if (child.protocol === 'ah+esp' && ike.version !== 1 && auth.method !== 'manual')
    throw invalid(
      'child.protocol',
      'only IKEv1 can agree on AH and ESP for one packet: "ike": { "version": 1 }',
    )
  if (!isHostToHost(profile)) return
  const only = 'transport mode is between this computer and the gateway alone: leave it out'
  if (localSubnets.length > 0) throw invalid('localSubnets', only)
  if (remoteSubnets !== undefined) throw invalid('remoteSubnets', only)
  if (killSwitch === true)
    throw invalid('killSwitch', 'in transport mode it would hold back the way to the gateway itself')
}

function ahOffers({ child, weak }: Around, source: string) {
  const context = { source, field: 'child.ahProposals', weak: switchedOn([], weak) }
  return (child?.ahProposals ?? []).map((suite) => parseAhSuite(suite, context))
}

/** What of a configuration it decides. Throws `VpnFailure` (`profileInvalid`, `weakAlgorithm`). */
export function childTerms(
  profile: Around,
  source: string,
): Pick<ConnectionConfig, 'protection' | 'ahProposals'> {
  const { child } = profile
  if (child === undefined) return {}
  return {
    protection: { protocol: child.protocol, mode: child.mode },
    ...(hasAh(profile) ? { ahProposals: ahOffers(profile, source) } : {}),
  }
}
