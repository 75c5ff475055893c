import { describe, expect, test } from 'vitest'
import { asEspSpi } from '../../core/bytes/brands.ts'
import { toHex } from '../../core/bytes/octets.ts'
import { Secret } from '../../core/bytes/secret.ts'
import { createRegistry } from '../../core/crypto/registry.ts'
import type { EncryptionInfo, IntegrityInfo } from '../../core/crypto/transforms.ts'
import type { EspSa } from '../../core/esp/engine.ts'
import { loadAddon } from '../../core/native/load.ts'
import { ENGINES, testEngine } from '../support/esp-engines.ts'
import { selector, udp4 } from '../support/inner-packets.ts'

const registry = createRegistry(loadAddon())
const SPI = asEspSpi(0x1234)
const every = {
  local: [selector('0.0.0.0', '255.255.255.255')],
  remote: [selector('0.0.0.0', '255.255.255.255')],
}

interface Combination {
  readonly name: string
  readonly encryption: EncryptionInfo
  readonly keyBits: number
  readonly integrity: IntegrityInfo | undefined
}

const combinations = [...registry.encryption.values()].flatMap((encryption) =>
  encryption.keyBits.flatMap((keyBits): Combination[] =>
    encryption.aead
      ? [{ encryption, keyBits, integrity: undefined, name: `${encryption.name} ${keyBits}` }]
      : [...registry.integrity.values()].map((integrity) => ({
          encryption,
          keyBits,
          integrity,
          name: `${encryption.name} ${keyBits} with ${integrity.name}`,
        })),
  ),
)

function saOf({ encryption, keyBits, integrity }: Combination, esn: boolean): EspSa {
  const key = (count: number) => new Secret(Uint8Array.from({ length: count }, (_, i) => 11 * i + 3))
  return {
    spi: SPI,
    encryption: { id: encryption.id, keyBits },
    encryptionKey: key(keyBits / 8 + encryption.saltBytes),
    ...(integrity === undefined ? {} : { integrity: integrity.id, integrityKey: key(integrity.keyBytes) }),
    esn,
  }
}

test('the registry offers what RFC 8221 §5 asks for', () => {
  expect([...registry.encryption.keys()]).toEqual(expect.arrayContaining([11, 12, 20]))
  expect([...registry.integrity.keys()]).toEqual(expect.arrayContaining([2, 12, 14]))
})

describe.each(combinations)('$name', (combination) => {
  test.each(ENGINES.flatMap((kind) => [false, true].map((esn) => ({ kind, esn }))))(
    'RFC 4303 §3: sealed, opened, and dropped when changed, $kind, ESN $esn',
    ({ kind, esn }) => {
      const engine = testEngine(kind, registry, { bytes: (count) => new Uint8Array(count).fill(0xa5) })
      engine.useOutbound('child', saOf(combination, esn), every)
      engine.addInbound(saOf(combination, esn), every)
      const packets = [0, 1, 2, 3, 15, 16, 17, 1300].map((n) =>
        udp4('10.0.0.1', '10.0.0.2', 1, 2, 'x'.repeat(n)),
      )
      for (const packet of packets) engine.fromTun(packet)
      for (const esp of engine.network) {
        const forged = esp.slice()
        forged[forged.length - 1]! ^= 1
        engine.fromNetwork(forged)
        engine.fromNetwork(esp)
      }
      expect(engine.tun.map(toHex)).toEqual(packets.map(toHex))
      expect(engine.inbound(SPI)).toMatchObject({ packets: 8, failedIcv: 8, malformed: 0, replayed: 0 })
    },
  )
})
