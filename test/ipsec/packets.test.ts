import { describe, expect, test } from 'vitest'
import { asEspSpi, asMillis } from '../../core/bytes/brands.ts'
import { fromHex, toHex } from '../../core/bytes/octets.ts'
import { Secret } from '../../core/bytes/secret.ts'
import type { AhSa } from '../../core/esp/engine.ts'
import { ReplayWindow } from '../../core/esp/replay-window.ts'
import { integrityOf, openAh, protectByAh } from '../../core/ipsec/ah.ts'
import type { Association, Mode } from '../../core/ipsec/association.ts'
import { IpsecEngine } from '../../core/ipsec/engine.ts'
import { readIp } from '../../core/wire/ip-packet.ts'
import { wholeRegistry } from '../support/bench.ts'
import { selector } from '../support/inner-packets.ts'
import { vectorJson } from '../support/vectors.ts'

interface Case {
  readonly name: string
  readonly protocol: 'ah' | 'esp'
  readonly mode: 'transport' | 'tunnel'
  readonly esn: boolean
  readonly spi: number
  readonly sequence: number
  readonly plain: string
  readonly protected: string
  readonly integrity?: number
  readonly integrityKey?: string
  readonly encryption?: readonly [number, number]
  readonly encryptionKey?: string
  readonly iv?: string
}

/** Every packet there is. */
const ALL = [
  selector('0.0.0.0', '255.255.255.255'),
  selector('::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'),
]

const { cases } = vectorJson<{ cases: readonly Case[] }>('ipsec/packets.json')
const registry = wholeRegistry()

const ahOf = (one: Case): AhSa => ({
  spi: asEspSpi(one.spi),
  integrity: one.integrity!,
  integrityKey: new Secret(fromHex(one.integrityKey!)),
  esn: one.esn,
  // As the one who computed them wants it: 8 octets in IPv4 too.
  ...(ahLength(one) % 8 === 0 ? { boundary: 8 as const } : {}),
})

/** Octets of the AH. */
const ahLength = (one: Case): number => {
  const packet = fromHex(one.protected)
  return (packet[readIp(packet)!.at + 1]! + 2) * 4
}

function associationOf(one: Case): Association {
  // Addresses are for the way out alone.
  const none = new Uint8Array(4)
  const mode: Mode =
    one.mode === 'tunnel' ? { mode: 'tunnel', source: none, destination: none } : { mode: 'transport' }
  if (one.protocol === 'ah') return { ...mode, protocol: 'ah', sa: ahOf(one) }
  const [id, keyBits] = one.encryption!
  return {
    ...mode,
    protocol: 'esp',
    sa: {
      spi: asEspSpi(one.spi),
      encryption: { id, keyBits },
      encryptionKey: new Secret(fromHex(one.encryptionKey!)),
      ...(one.integrity === undefined
        ? {}
        : { integrity: one.integrity, integrityKey: new Secret(fromHex(one.integrityKey!)) }),
      esn: one.esn,
    },
  }
}

/** What comes out of an engine with these associations, the innermost first. */
function received(packet: string, inbound: readonly Association[]) {
  const packets: string[] = []
  const engine = new IpsecEngine({
    registry,
    now: () => asMillis(0),
    random: { bytes: (count) => new Uint8Array(count) },
    policies: [{ name: 'all', selectors: { local: ALL, remote: ALL }, outbound: [], inbound }],
    toHost: (one) => packets.push(toHex(one)),
    toNetwork: () => {},
  })
  engine.fromNetwork(fromHex(packet))
  return { packets, counters: engine.counters }
}

const plainCases = cases.filter(({ esn }) => !esn)

describe('packets another implementation protected', () => {
  test.each(plainCases.map((one) => [one.name, one] as const))('%s is opened', (_name, one) => {
    const { packets, counters } = received(one.protected, [associationOf(one)])
    expect(packets).toEqual([one.plain])
    expect(counters).toMatchObject({ received: 1, failedIcv: 0 })
  })

  test.each(plainCases.map((one) => [one.name, one] as const))(
    '%s, one bit changed: counted, and dropped',
    (_name, one) => {
      const packet = fromHex(one.protected)
      packet[packet.length - 20]! ^= 1
      const { packets, counters } = received(toHex(packet), [associationOf(one)])
      expect(packets).toEqual([])
      expect(counters).toMatchObject({ failedIcv: 1, received: 0 })
    },
  )
})

describe('the same octets leave', () => {
  const transport = cases.filter(({ protocol, mode }) => protocol === 'ah' && mode === 'transport')
  test.each(transport.map((one) => [one.name, one] as const))('RFC 4302 §3.3: %s', (_name, one) => {
    const packet = fromHex(one.plain)
    const sa = ahOf(one)
    const made = protectByAh(packet, readIp(packet)!, {
      sa,
      integrity: integrityOf(registry, sa),
      sequence: BigInt(one.sequence),
    })
    expect(toHex(made!)).toBe(one.protected)
  })

  test('RFC 4302 §2.5.1: the half of an extended sequence number that is not sent is covered', () => {
    const one = cases.find(({ esn }) => esn)!
    const packet = fromHex(one.protected)
    const sa = ahOf(one)
    const integrity = integrityOf(registry, sa)
    const window = new ReplayWindow()
    window.accept(3n << 32n)
    const opened = openAh(packet, readIp(packet)!, { sa, integrity, window })
    expect(opened).toMatchObject({ ok: true, sequence: (3n << 32n) | 5n })
    expect(openAh(packet, readIp(packet)!, { sa, integrity, window: new ReplayWindow() })).toEqual({
      ok: false,
      fault: 'failedIcv',
    })
  })
})
