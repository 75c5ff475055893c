import { asEspSpi, asNonce, type EspSpi, type Millis, type Nonce } from '../../../bytes/brands.ts'
import type { Secret } from '../../../bytes/secret.ts'
import type { KeyExchangeBegun } from '../../../crypto/transforms.ts'
import { type ChildMode, closeSa, type SelectorPair } from '../../../esp/engine.ts'
import type { Payload } from '../../../wire/ikev2/payload.ts'
import type { TrafficSelector } from '../../../wire/ikev2/traffic-selector.ts'
import { type ChildSa, type ChildSas, childSas, freshEspSpi, lowestNonce } from '../child-sa.ts'
import type { Established } from '../established.ts'
import type { IkeSa } from '../ike-sa.ts'
import type { Negotiation } from '../negotiation.ts'
import { CHOICE } from '../numbers.ts'
import { find, spiBytes, spiNumber } from '../payloads.ts'
import { knownSelectors } from '../selectors.ts'
import { type ChildSuite, checkChoice, childSuite, encodeChoice, encodeOffer } from '../suite.ts'
import { answeredMode, asSeenHere, transportNotify, wantsTransport } from '../transport-mode.ts'
import {
  askedProtocol,
  type ChildChoice,
  malformed,
  protocolOf,
  rekeyGroups,
  rekeyOffers,
} from './child-offer.ts'
import { beginSeries, followUp } from './followup-ke.ts'
import type { Answer } from './informational.ts'

/** What must be remembered between our CREATE_CHILD_SA request and its answer. */
export interface AskedChild {
  readonly inboundSpi: EspSpi
  readonly nonce: Nonce
  /** AH or ESP, and whether transport mode was asked for. */
  readonly protocol: number
  readonly transport: boolean
  /** `undefined`: no perfect forward secrecy. */
  readonly group: number | undefined
  readonly exchange: KeyExchangeBegun | undefined
}

/** What both ends agreed to, with its keys. */
export interface AgreedChild {
  readonly inboundSpi: EspSpi
  readonly outboundSpi: EspSpi
  readonly suite: ChildSuite
  readonly mode: ChildMode
  /** Ours and the peer's side, as the answer has them. */
  readonly selectors: SelectorPair
  readonly sas: ChildSas
  readonly lowestNonce: Uint8Array
}

/** The group that goes first: that of the SA to be replaced, or the most wanted. */
export const firstGroup = (n: Negotiation, inUse?: number): number | undefined =>
  rekeyGroups(n).find((id) => id === inUse) ?? rekeyGroups(n)[0]

/** `like`: what it is to replace, with the same protocol and in the same mode. */
export function askChild(
  n: Negotiation,
  group: number | undefined,
  like?: Pick<ChildSa, 'suite' | 'mode'>,
): AskedChild {
  return {
    protocol: like === undefined ? askedProtocol(n.config) : protocolOf(like.suite),
    transport: like === undefined ? wantsTransport(n.config) : like.mode === 'transport',
    inboundSpi: freshEspSpi(n.random, n.isTaken),
    nonce: asNonce(n.random.bytes(CHOICE.nonce)),
    group,
    exchange: group === undefined ? undefined : n.registry.keyExchange.get(group)?.begin(n.random),
  }
}

/** `[N(USE_TRANSPORT_MODE),] SA, Ni, [KEi,] TSi, TSr`. RFC 7296 §1.3.1 */
export const askedPayloads = (n: Negotiation, asked: AskedChild, selectors: SelectorPair): Payload[] => [
  ...transportNotify(asked.transport),
  {
    type: 'SA',
    proposals: encodeOffer(rekeyOffers(n, asked.protocol), asked.protocol, spiBytes(asked.inboundSpi)),
  },
  { type: 'Nonce', nonce: asked.nonce },
  ...(asked.exchange === undefined
    ? []
    : [{ type: 'KE', group: asked.group!, data: asked.exchange.data } as const]),
  { type: 'TSi', selectors: selectors.local },
  { type: 'TSr', selectors: selectors.remote },
]

/** Keys that nobody will use. */
export function closeUnused({ sas }: AgreedChild): void {
  closeSa(sas.inbound)
  closeSa(sas.outbound)
}

/** No CHILD_SA came of it. */
export interface Unmade {
  readonly problem: string
  /** The peer believes that there is one. */
  readonly onlyThere: boolean
}

/**
 * What the answer agrees to, once all key exchanges are done, or what went wrong. `objection`: what is wrong with its
 * selectors, if anything. RFC 7296 §1.3.1, RFC 9370 §2.2.4
 */
export function concludeChild(
  e: Established,
  sa: IkeSa,
  asked: AskedChild,
  payloads: readonly Payload[],
  objection: (local: readonly TrafficSelector[], remote: readonly TrafficSelector[]) => string | undefined,
  now: Millis,
  done: (result: AgreedChild | Unmade, now: Millis) => void,
): void {
  const read = readChildAnswer(e.n, asked, payloads, objection)
  if (typeof read === 'string') return done({ problem: read, onlyThere: true }, now)
  const { shared, nonces, ...terms } = read
  followUp(e, sa, terms.suite.additional, payloads, now, (more, at) => {
    if (typeof more === 'string') {
      shared?.close()
      return done({ problem: more, onlyThere: false }, at)
    }
    const { inboundSpi, outboundSpi, suite, mode } = terms
    const sas = childSas(
      sa.suite.prf,
      sa.keys.d,
      suite,
      mode,
      shared,
      nonces,
      true,
      inboundSpi,
      outboundSpi,
      more,
    )
    for (const secret of [shared, ...more]) secret?.close()
    done({ ...terms, sas }, at)
  })
}

type Read = Omit<AgreedChild, 'sas'> & {
  readonly shared: Secret | undefined
  readonly nonces: { readonly ni: Nonce; readonly nr: Nonce }
}

function readChildAnswer(
  n: Negotiation,
  asked: AskedChild,
  payloads: readonly Payload[],
  objection: (local: readonly TrafficSelector[], remote: readonly TrafficSelector[]) => string | undefined,
): Read | string {
  const proposals = find(payloads, 'SA')?.proposals
  const nonce = find(payloads, 'Nonce')
  const tsi = find(payloads, 'TSi')
  const tsr = find(payloads, 'TSr')
  if (proposals === undefined || nonce === undefined || tsi === undefined || tsr === undefined)
    return 'SA, Nonce, TSi or TSr is missing'
  const choice = checkChoice(rekeyOffers(n, asked.protocol), asked.protocol, 4, proposals)
  if (!choice.ok) return choice.problem
  const suite = childSuite(n.registry, choice.chosen, asked.protocol)
  if (suite === undefined || spiNumber(choice.spi) < 256) return 'an algorithm or the SPI is missing'
  const mode = answeredMode(payloads, asked.transport)
  if (mode === undefined) return 'transport mode was not asked for'
  const selectors = asSeenHere(n, mode, { local: knownSelectors(tsi), remote: knownSelectors(tsr) })
  const wrong = objection(selectors.local, selectors.remote)
  if (wrong !== undefined) return wrong
  const shared = agreedSecret(suite.keyExchange?.id, asked, find(payloads, 'KE'))
  if (shared === 'refused') return 'the key exchange does not go with the proposal'
  const { inboundSpi } = asked
  const outboundSpi = asEspSpi(spiNumber(choice.spi))
  const nr = asNonce(nonce.nonce.slice())
  const lowest = lowestNonce(asked.nonce, nr)
  const nonces = { ni: asked.nonce, nr }
  return { inboundSpi, outboundSpi, suite, mode, selectors, shared, nonces, lowestNonce: lowest }
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

/**
 * The other side: `SA, Nr, [KEr,] TSi, TSr` for what we chose of the peer's offer. `install`: what to do with it once all
 * key exchanges are done. RFC 7296 §1.3.1, RFC 9370 §2.2.4
 */
export function answerChild(
  e: Established,
  sa: IkeSa,
  { proposal, chosen, suite, mode, ke }: ChildChoice,
  payloads: readonly Payload[],
  selectors: SelectorPair,
  now: Millis,
  install: (agreed: AgreedChild, now: Millis) => void,
): Answer {
  const { n } = e
  const group = suite.keyExchange
  const exchange = group === undefined ? undefined : group.respond(n.random, ke!.data)
  if (group !== undefined && exchange === undefined)
    return malformed('the public value of the key exchange is not acceptable', 'RFC 6989 §2')
  const ni = asNonce(find(payloads, 'Nonce')!.nonce.slice())
  const nr = asNonce(n.random.bytes(CHOICE.nonce))
  const inboundSpi = freshEspSpi(n.random, n.isTaken)
  const outboundSpi = asEspSpi(spiNumber(proposal.spi))
  const { prf } = sa.suite
  const finish = (more: readonly Secret[], at: Millis): void => {
    const shared = exchange?.secret
    const nonces = { ni, nr }
    const sas = childSas(prf, sa.keys.d, suite, mode, shared, nonces, false, inboundSpi, outboundSpi, more)
    for (const secret of [shared, ...more]) secret?.close()
    install({ inboundSpi, outboundSpi, suite, mode, selectors, sas, lowestNonce: lowestNonce(ni, nr) }, at)
  }
  const answer: Payload[] = [
    ...transportNotify(mode === 'transport'),
    {
      type: 'SA',
      proposals: [encodeChoice(proposal.number, proposal.protocol, spiBytes(inboundSpi), chosen)],
    },
    { type: 'Nonce', nonce: nr },
    ...(exchange === undefined ? [] : [{ type: 'KE', group: group!.id, data: exchange.data } as const]),
    // Their TSi is their side. RFC 7296 §2.9
    { type: 'TSi', selectors: selectors.remote },
    { type: 'TSr', selectors: selectors.local },
  ]
  if (suite.additional === undefined) {
    finish([], now)
    return { payloads: answer }
  }
  const link = beginSeries(e, sa, suite.additional, now, {
    finish: (more, at) => {
      finish(more, at)
      return {}
    },
    abandon: () => exchange?.secret.close(),
  })
  return { payloads: [...answer, link] }
}
