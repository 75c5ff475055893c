import { asEspSpi, type EspSpi } from '../../../bytes/brands.ts'
import type { ChildMode } from '../../../esp/engine.ts'
import { SecurityProtocol } from '../../../iana/ikev1.ts'
import type { ConnectionConfig } from '../../config.ts'
import { freshEspSpi } from '../../v2/child-sa.ts'
import { proposalsOf } from '../../v2/exchanges/child-offer.ts'
import { spiNumber } from '../../v2/payloads.ts'
import { type ChildSpis, type SpiPair, spisToSay } from '../child-sas.ts'
import { isEncapsulated } from '../nat-discovery.ts'
import type { ChildSa, Negotiation } from '../negotiation.ts'
import { SPEC } from '../numbers.ts'
import { encapsulationOf, type Phase2Choice, type Phase2Offer, phase2Offers } from '../phase2-suite.ts'
import { lifeFor } from './phase1.ts'

// What a quick mode asks for and allows; the exchange itself is in quick-mode.ts.

const ESP = SecurityProtocol.ESP.id
const AH = SecurityProtocol.AH.id

/** What a client asks for, AH outside and first. */
export const askedProtocols = ({ protection }: ConnectionConfig): readonly number[] => {
  if (protection?.protocol === 'ah') return [AH]
  return protection?.protocol === 'ah+esp' ? [AH, ESP] : [ESP]
}

const MODES = {
  tunnel: ['tunnel'],
  transport: ['transport'],
  transportOrTunnel: ['transport', 'tunnel'],
} as const

/** How packets go through UDP, where they have to. RFC 3947 §5.1 */
const inUdp = (n: Negotiation): 'none' | 'rfc' | 'draft' =>
  isEncapsulated(n) ? (n.facts.peer.natTraversal === 'rfc' ? 'rfc' : 'draft') : 'none'

/** What a quick mode of ours is to make: what it renews, once more. */
export interface Terms {
  readonly protocols: readonly number[]
  readonly modes: readonly ChildMode[]
}

export const termsOf = ({ config }: Negotiation, renews: ChildSa | undefined): Terms =>
  renews === undefined
    ? { protocols: askedProtocols(config), modes: MODES[config.protection?.mode ?? 'tunnel'] }
    : {
        protocols: spisToSay(renews.spis, 'inbound').map(({ protocol }) => protocol),
        modes: [renews.mode],
      }

/** As a responder: whatever there are proposals of. A client takes back what it asked for, and nothing else. */
export const allowedTerms = (n: Negotiation): Terms => ({
  ...termsOf(n, undefined),
  ...(n.initiated ? {} : { protocols: [AH, ESP] }),
})

/** The transforms of these terms. `group`: for perfect forward secrecy. AH does not go through UDP. */
export function offersOf(
  n: Negotiation,
  { protocols, modes }: Terms,
  group: number | undefined,
): Phase2Offer[] {
  const udp = inUdp(n)
  return protocols
    .filter((protocol) => protocol === ESP || udp === 'none')
    .flatMap((protocol) =>
      modes.flatMap((mode) =>
        phase2Offers(n.registry, protocol, proposalsOf(n, protocol), encapsulationOf(mode, udp), group),
      ),
    )
}

/** Fresh ones of ours for each protocol. */
export function freshSpis(n: Negotiation): (protocol: number) => EspSpi {
  const drawn = new Map<number, EspSpi>()
  return (protocol) => {
    const taken = (spi: number): boolean => n.isTaken(spi) || [...drawn.values()].includes(spi as EspSpi)
    const spi = drawn.get(protocol) ?? freshEspSpi(n.random, taken)
    drawn.set(protocol, spi)
    return spi
  }
}

/** Ours and the peer's for each protocol; `undefined`: one of the peer's is a reserved one. RFC 2408 §3.5 */
export function spisOf(ours: (protocol: number) => EspSpi, { parts }: Phase2Choice): ChildSpis | undefined {
  if (parts.some(({ spi }) => spi.length !== 4 || spiNumber(spi) < 256)) return undefined
  const pair = (protocol: number): SpiPair | undefined => {
    const part = parts.find((one) => one.protocol === protocol)
    return part && { inbound: ours(protocol), outbound: asEspSpi(spiNumber(part.spi)) }
  }
  const [esp, ah] = [pair(ESP), pair(AH)]
  return { ...(esp === undefined ? {} : { esp }), ...(ah === undefined ? {} : { ah }) }
}

/** Groups for perfect forward secrecy that IKEv1 has numbers for, the most wanted first. */
export const pfsGroups = (n: Negotiation): number[] => {
  const groups = n.config.pfsGroups.filter((id) => id <= SPEC.lastGroup && n.registry.keyExchange.has(id))
  const wanted = n.pfsWanted
  if (groups.length > 0 || wanted === undefined) return groups
  const row = n.registry.keyExchange.get(wanted)
  // A weak one needs the person's consent, which the profile gives by naming it for phase 1.
  const fine = row?.weakness === undefined || wanted === n.current?.suite.keyExchange.id
  return row !== undefined && fine ? [wanted] : []
}

/** Seconds we offer; never more than what is renewed was given, for the peer may hold to that without saying so. */
export const lifeOf = (n: Negotiation, renews?: ChildSa): number =>
  Math.min(
    lifeFor(n.config.lifetimes.childRekeySeconds, SPEC.phase2Seconds),
    renews?.lifeSeconds ?? Number.POSITIVE_INFINITY,
  )
