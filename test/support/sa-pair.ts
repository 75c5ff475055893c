import { asIkeSpi, asMillis } from '../../core/bytes/brands.ts'
import { Secret } from '../../core/bytes/secret.ts'
import type { OfferedProposal } from '../../core/ike/config.ts'
import { IkeSa } from '../../core/ike/v2/ike-sa.ts'
import { ikeKeys } from '../../core/ike/v2/keys.ts'
import { ikeSuite, TYPE } from '../../core/ike/v2/suite.ts'
import { SeededRandom } from './seeded-random.ts'
import { wholeRegistry } from './two-peers.ts'

const ECP256 = { type: TYPE.KE, id: 19 }

/** An AEAD, and a block cipher whose integrity check is another algorithm. */
export const SUITES = {
  'AES-GCM-16': [{ type: TYPE.ENCR, id: 20, keyBits: 256 }, { type: TYPE.PRF, id: 5 }, ECP256],
  'AES-CBC with HMAC-SHA2-256': [
    { type: TYPE.ENCR, id: 12, keyBits: 128 },
    { type: TYPE.PRF, id: 5 },
    { type: TYPE.INTEG, id: 12 },
    ECP256,
  ],
} as const satisfies Record<string, OfferedProposal>

/** Both ends of one IKE SA as IKE_SA_INIT leaves it: the first request will be number 1. */
export function saPair(proposal: OfferedProposal = SUITES['AES-GCM-16']): {
  readonly client: IkeSa
  readonly gateway: IkeSa
} {
  const suite = ikeSuite(wholeRegistry(), proposal)!
  const spiI = asIkeSpi(Uint8Array.from({ length: 8 }, (_, i) => 0x11 + i))
  const spiR = asIkeSpi(Uint8Array.from({ length: 8 }, (_, i) => 0x91 + i))
  const nonce = new Uint8Array(32).fill(7)
  const end = (initiator: boolean): IkeSa => {
    const keys = ikeKeys(suite, new Secret(new Uint8Array(32).fill(3)), nonce, nonce, spiI, spiR)
    const [localSpi, remoteSpi] = initiator ? [spiI, spiR] : [spiR, spiI]
    const random = new SeededRandom(initiator ? 1 : 2)
    const sa = new IkeSa({ localSpi, remoteSpi, initiator }, suite, keys, random, asMillis(0))
    sa.nextId = initiator ? 1 : 0
    sa.expectedId = initiator ? 0 : 1
    return sa
  }
  return { client: end(true), gateway: end(false) }
}
