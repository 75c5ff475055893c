import type { EspSpi } from '../../bytes/brands.ts'
import { Secret } from '../../bytes/secret.ts'
import type { PrfInfo } from '../../crypto/transforms.ts'
import type { AhSa, ChildMode, EspSa, IpsecSa } from '../../esp/engine.ts'
import { SecurityProtocol } from '../../iana/ikev1.ts'
import type { ChildSas } from '../v2/child-sa.ts'
import { spiBytes } from '../v2/payloads.ts'
import type { ChildSuite } from '../v2/suite.ts'
import { keymat } from './keys.ts'
import type { Named } from './phase2-suite.ts'

const ESP = SecurityProtocol.ESP.id
const AH = SecurityProtocol.AH.id

/** SPIs in both directions. */
export interface SpiPair {
  readonly inbound: EspSpi
  readonly outbound: EspSpi
}

/** Those of each protocol; one of the two is there. */
export interface ChildSpis {
  readonly esp?: SpiPair
  readonly ah?: SpiPair
}

/** By which it is known: those of ESP, or of AH where it is alone. */
export function mainSpis({ esp, ah }: ChildSpis): SpiPair {
  const pair = esp ?? ah
  if (pair === undefined) throw new RangeError('SAs of no protocol')
  return pair
}

/** One direction, as the messages name it; AH stands outside and first. */
export const spisToSay = ({ esp, ah }: ChildSpis, direction: keyof SpiPair): readonly Named[] => [
  ...(ah === undefined ? [] : [{ protocol: AH, spi: spiBytes(ah[direction]) }]),
  ...(esp === undefined ? [] : [{ protocol: ESP, spi: spiBytes(esp[direction]) }]),
]

/** What phase 1 and this quick mode make keys of. RFC 2409 §5.5 */
export interface KeySource {
  readonly prf: PrfInfo
  readonly d: Secret
  readonly shared: Secret | undefined
  readonly nonces: { readonly ni: Uint8Array; readonly nr: Uint8Array }
}

/** Both directions, each protocol with keys of its own: by its number and the SPI of whoever receives with it. RFC 2409 §5.5 */
export function childSas(source: KeySource, suite: ChildSuite, mode: ChildMode, spis: ChildSpis): ChildSas {
  return {
    inbound: oneWay(source, suite, mode, spis, 'inbound'),
    outbound: oneWay(source, suite, mode, spis, 'outbound'),
  }
}

function oneWay(
  { prf, d, shared, nonces }: KeySource,
  { encryption, keyBits, integrity, ah: authenticator, esn }: ChildSuite,
  mode: ChildMode,
  { esp, ah }: ChildSpis,
  direction: keyof SpiPair,
): IpsecSa {
  const keys = (protocol: number, spi: EspSpi, ...sizes: readonly number[]): Secret[] => {
    const all = sizes.reduce((sum, size) => sum + size, 0)
    const stream = keymat(prf, d, shared, { protocol, spi: spiBytes(spi) }, nonces, all)
    let at = 0
    const cut = sizes.map((size) => {
      at += size
      return new Secret(stream.slice(at - size, at))
    })
    stream.fill(0)
    return cut
  }
  const made: { mode: ChildMode; esp?: EspSa; ah?: AhSa } = { mode }
  if (esp !== undefined && encryption !== undefined) {
    const spi = esp[direction]
    const sizes = [keyBits / 8 + encryption.saltBytes, integrity?.keyBytes ?? 0]
    const [encryptionKey, integrityKey] = keys(ESP, spi, ...sizes) as [Secret, Secret]
    made.esp = {
      spi,
      encryption: { id: encryption.id, keyBits },
      encryptionKey,
      ...(integrity === undefined ? {} : { integrity: integrity.id, integrityKey }),
      esn,
    }
  }
  if (ah !== undefined && authenticator !== undefined) {
    const spi = ah[direction]
    const [integrityKey] = keys(AH, spi, authenticator.keyBytes) as [Secret]
    made.ah = { spi, integrity: authenticator.id, integrityKey, esn }
  }
  return made
}
