import { asEspSpi, type EspSpi, type Millis } from '../../bytes/brands.ts'
import { compare } from '../../bytes/octets.ts'
import type { Random } from '../../bytes/random.ts'
import type { Secret } from '../../bytes/secret.ts'
import type { PrfInfo } from '../../crypto/transforms.ts'
import type { ChildMode, IpsecSa, SelectorPair } from '../../esp/engine.ts'
import { childKeys } from './keys.ts'
import { spiNumber } from './payloads.ts'
import type { ChildSuite } from './suite.ts'

/** A pair of SAs, of ESP or of AH. RFC 7296 §1.3, §2.8 */
export interface ChildSa {
  /** Stays the same across rekeys. */
  readonly name: string
  readonly inboundSpi: EspSpi
  readonly outboundSpi: EspSpi
  readonly suite: ChildSuite
  readonly mode: ChildMode
  readonly selectors: SelectorPair
  readonly establishedAt: Millis
  readonly rekeyAt: Millis | undefined
  /** We asked for it (its nonces decide a collision). */
  readonly ours: boolean
  /** The SA to send with, while the peer may not be ready for it. */
  pendingOutbound?: IpsecSa
  /**
   * `rekeying`: our request to replace it is out. `replaced`: another one carries on, and the peer will delete this
   * one. `deleting`: we will, or our request to do so is out. RFC 7296 §2.25.1
   */
  state: 'installed' | 'rekeying' | 'replaced' | 'deleting'
  /** Our request to replace it waits for its turn. */
  rekeyQueued?: boolean
  /** Our Delete is out, and not only queued. */
  deleteSent?: boolean
  /** Our answer made it, and the peer may not have that yet: nothing can be asked about it. */
  unconfirmed?: boolean
  /** What to ask then. */
  deferred?: 'rekey' | 'delete'
  /** It was asked for again after the peer had closed it. */
  remade?: boolean
  /** The peer refused to replace it: since when, and when we ask again. */
  refused?: { readonly since: Millis; readonly retryAt: Millis }
  /** The SA that replaces this one: made by our exchange, or by the peer's. */
  successorOfOurs?: { readonly child: ChildSa; readonly lowestNonce: Uint8Array }
  successorOfTheirs?: { readonly child: ChildSa; readonly lowestNonce: Uint8Array }
}

/** Both directions, with their keys. */
export interface ChildSas {
  readonly inbound: IpsecSa
  readonly outbound: IpsecSa
}

export const lowestNonce = (a: Uint8Array, b: Uint8Array): Uint8Array => (compare(a, b) <= 0 ? a : b)

/** A fresh inbound SPI, none of `taken`. */
export function freshEspSpi(random: Random, taken: (spi: number) => boolean): EspSpi {
  for (;;) {
    const spi = spiNumber(random.bytes(4))
    if (spi >= 256 && !taken(spi)) return asEspSpi(spi)
  }
}

/**
 * The two SAs of a CHILD_SA. `initiator`: we sent the request of the exchange that made it, which
 * decides whose half of KEYMAT comes first. RFC 7296 §2.17
 */
export function childSas(
  prf: PrfInfo,
  d: Secret,
  suite: ChildSuite,
  mode: ChildMode,
  shared: Secret | undefined,
  nonces: { readonly ni: Uint8Array; readonly nr: Uint8Array },
  initiator: boolean,
  inboundSpi: EspSpi,
  outboundSpi: EspSpi,
  more: readonly Secret[] = [],
): ChildSas {
  const keys = childKeys(prf, d, suite, shared, nonces.ni, nonces.nr, more)
  const { encryption, keyBits, integrity, ah, esn } = suite
  const sa = (spi: EspSpi, encryptionKey: Secret, integrityKey: Secret): IpsecSa => ({
    mode,
    ...(encryption === undefined
      ? {}
      : {
          esp: {
            spi,
            encryption: { id: encryption.id, keyBits },
            encryptionKey,
            ...(integrity === undefined ? {} : { integrity: integrity.id, integrityKey }),
            esn,
          },
        }),
    ...(ah === undefined ? {} : { ah: { spi, integrity: ah.id, integrityKey, esn } }),
  })
  const towardsResponder = (spi: EspSpi) => sa(spi, keys.ei, keys.ai)
  const towardsInitiator = (spi: EspSpi) => sa(spi, keys.er, keys.ar)
  return initiator
    ? { inbound: towardsInitiator(inboundSpi), outbound: towardsResponder(outboundSpi) }
    : { inbound: towardsResponder(inboundSpi), outbound: towardsInitiator(outboundSpi) }
}
