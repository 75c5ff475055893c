import { asEspSpi, asNonce, type EspSpi, type Nonce } from '../../../bytes/brands.ts'
import type { Secret } from '../../../bytes/secret.ts'
import type { KeyExchangeBegun } from '../../../crypto/transforms.ts'
import type { SelectorPair } from '../../../esp/engine.ts'
import type { Payload } from '../../../wire/ikev2/payload.ts'
import type { TrafficSelector } from '../../../wire/ikev2/traffic-selector.ts'
import { espSas, freshEspSpi, lowestNonce } from '../child-sa.ts'
import type { IkeSa } from '../ike-sa.ts'
import type { Negotiation } from '../negotiation.ts'
import { CHOICE } from '../numbers.ts'
import { find, spiBytes, spiNumber } from '../payloads.ts'
import { knownSelectors } from '../selectors.ts'
import { type ChildSuite, checkChoice, childSuite, encodeChoice, encodeOffer, PROTOCOL } from '../suite.ts'
import { type ChildChoice, malformed, rekeyGroups, rekeyOffers } from './child-offer.ts'
import type { Answer } from './informational.ts'

/** What must be remembered between our CREATE_CHILD_SA request and its answer. */
export interface AskedChild {
  readonly inboundSpi: EspSpi
  readonly nonce: Nonce
  /** `undefined`: no perfect forward secrecy. */
  readonly group: number | undefined
  readonly exchange: KeyExchangeBegun | undefined
}

/** What both ends agreed to, with its keys. */
export interface AgreedChild {
  readonly inboundSpi: EspSpi
  readonly outboundSpi: EspSpi
  readonly suite: ChildSuite
  /** Ours and the peer's side, as the answer has them. */
  readonly selectors: SelectorPair
  readonly sas: ReturnType<typeof espSas>
  readonly lowestNonce: Uint8Array
}

/** The group that goes first: that of the SA to be replaced, or the most wanted. */
export const firstGroup = (n: Negotiation, inUse?: number): number | undefined =>
  rekeyGroups(n).find((id) => id === inUse) ?? rekeyGroups(n)[0]

export function askChild(n: Negotiation, group: number | undefined): AskedChild {
  return {
    inboundSpi: freshEspSpi(n.random, n.isTaken),
    nonce: asNonce(n.random.bytes(CHOICE.nonce)),
    group,
    exchange: group === undefined ? undefined : n.registry.keyExchange.get(group)?.begin(n.random),
  }
}

/** `SA, Ni, [KEi,] TSi, TSr`. RFC 7296 §1.3.1 */
export const askedPayloads = (n: Negotiation, asked: AskedChild, selectors: SelectorPair): Payload[] => [
  { type: 'SA', proposals: encodeOffer(rekeyOffers(n), PROTOCOL.ESP, spiBytes(asked.inboundSpi)) },
  { type: 'Nonce', nonce: asked.nonce },
  ...(asked.exchange === undefined
    ? []
    : [{ type: 'KE', group: asked.group!, data: asked.exchange.data } as const]),
  { type: 'TSi', selectors: selectors.local },
  { type: 'TSr', selectors: selectors.remote },
]

/** What the answer agrees to, or what is wrong with it. `objection`: what is wrong with its selectors, if anything. */
export function readChildAnswer(
  n: Negotiation,
  sa: IkeSa,
  asked: AskedChild,
  payloads: readonly Payload[],
  objection: (local: readonly TrafficSelector[], remote: readonly TrafficSelector[]) => string | undefined,
): AgreedChild | string {
  const proposals = find(payloads, 'SA')?.proposals
  const nonce = find(payloads, 'Nonce')
  const tsi = find(payloads, 'TSi')
  const tsr = find(payloads, 'TSr')
  if (proposals === undefined || nonce === undefined || tsi === undefined || tsr === undefined)
    return 'SA, Nonce, TSi or TSr is missing'
  const choice = checkChoice(rekeyOffers(n), PROTOCOL.ESP, 4, proposals)
  if (!choice.ok) return choice.problem
  const suite = childSuite(n.registry, choice.chosen)
  if (suite === undefined || spiNumber(choice.spi) < 256) return 'an algorithm or the SPI is missing'
  const selectors = { local: knownSelectors(tsi), remote: knownSelectors(tsr) }
  const wrong = objection(selectors.local, selectors.remote)
  if (wrong !== undefined) return wrong
  const shared = agreedSecret(suite.keyExchange?.id, asked, find(payloads, 'KE'))
  if (shared === 'refused') return 'the key exchange does not go with the proposal'
  const { inboundSpi } = asked
  const outboundSpi = asEspSpi(spiNumber(choice.spi))
  const nr = asNonce(nonce.nonce.slice())
  const nonces = { ni: asked.nonce, nr }
  const sas = espSas(sa.suite.prf, sa.keys.d, suite, shared, nonces, true, inboundSpi, outboundSpi)
  shared?.close()
  return { inboundSpi, outboundSpi, suite, selectors, sas, lowestNonce: lowestNonce(asked.nonce, nr) }
}

/** The shared secret of the group that was asked for, chosen and answered: all three must be the same. */
function agreedSecret(
  chosen: number | undefined,
  { group, exchange }: AskedChild,
  ke: Extract<Payload, { type: 'KE' }> | undefined,
): Secret | undefined | 'refused' {
  if (chosen === undefined) return ke === undefined && exchange === undefined ? undefined : 'refused'
  if (exchange === undefined || ke === undefined || chosen !== group || ke.group !== group) return 'refused'
  return exchange.finish(ke.data) ?? 'refused'
}

/** The other side: keys for what we chose of the peer's offer, and `SA, Nr, [KEr,] TSi, TSr`. RFC 7296 §1.3.1 */
export function answerChild(
  n: Negotiation,
  sa: IkeSa,
  { proposal, chosen, suite, ke }: ChildChoice,
  payloads: readonly Payload[],
  selectors: SelectorPair,
): { readonly agreed: AgreedChild; readonly payloads: readonly Payload[] } | Answer {
  const group = suite.keyExchange
  const exchange = group === undefined ? undefined : group.respond(n.random, ke!.data)
  if (group !== undefined && exchange === undefined)
    return malformed('the public value of the key exchange is not acceptable', 'RFC 6989 §2')
  const ni = asNonce(find(payloads, 'Nonce')!.nonce.slice())
  const nr = asNonce(n.random.bytes(CHOICE.nonce))
  const inboundSpi = freshEspSpi(n.random, n.isTaken)
  const outboundSpi = asEspSpi(spiNumber(proposal.spi))
  const nonces = { ni, nr }
  const sas = espSas(sa.suite.prf, sa.keys.d, suite, exchange?.secret, nonces, false, inboundSpi, outboundSpi)
  exchange?.secret.close()
  return {
    agreed: { inboundSpi, outboundSpi, suite, selectors, sas, lowestNonce: lowestNonce(ni, nr) },
    payloads: [
      {
        type: 'SA',
        proposals: [encodeChoice(proposal.number, PROTOCOL.ESP, spiBytes(inboundSpi), chosen)],
      },
      { type: 'Nonce', nonce: nr },
      ...(exchange === undefined ? [] : [{ type: 'KE', group: group!.id, data: exchange.data } as const]),
      // Their TSi is their side. RFC 7296 §2.9
      { type: 'TSi', selectors: selectors.remote },
      { type: 'TSr', selectors: selectors.local },
    ],
  }
}
