import { describe, expect, test } from 'vitest'
import { Secret } from '../../core/bytes/secret.ts'
import { type VpnError, VpnFailure } from '../../core/errors.ts'
import { manualConfig } from '../../core/profile/manual.ts'
import { type Profile, requireProfile, secretNames } from '../../core/profile/schema.ts'

const PEER = '192.0.2.1'
const AUTH = { method: 'manual', suite: 'aes128-sha256', spi: { in: '0x1001', out: '0x1002' } }
const KEYS = {
  'encryption.in': '11'.repeat(16),
  'encryption.out': '22'.repeat(16),
  'integrity.in': '33'.repeat(32),
  'integrity.out': '44'.repeat(32),
}
const AH_KEYS = { 'ah.in': '55'.repeat(32), 'ah.out': '66'.repeat(32) }

const written = (keys: object): string =>
  Object.entries(keys)
    .map(([name, hex]) => `${name}=${hex}`)
    .join('\n')

const profile = (change: object = {}): Profile =>
  requireProfile(
    {
      ...{ format: 'culvert-profile', version: 1, id: 'lab', name: 'Lab', gateway: { host: PEER } },
      ...{ auth: AUTH, weak: ['manualkeys'], child: { mode: 'transport' } },
      ...change,
    },
    'test',
  )

function errorOf(act: () => unknown): VpnError {
  try {
    act()
  } catch (thrown) {
    if (thrown instanceof VpnFailure) return thrown.error
    throw thrown
  }
  throw new Error('nothing was thrown')
}

const hex = (secret: Secret | undefined): string | undefined =>
  secret?.use((octets) => Buffer.from(octets).toString('hex'))

const config = (change: object, text: string) =>
  manualConfig(profile(change), new Map([['keys', Secret.fromText(text)]]), PEER)

describe('RFC 4301 §4.5.1: keys by hand', () => {
  test('both ways, each with its SPI and keys', () => {
    const secret = Secret.fromText(`# of the lab\n${written(KEYS)}\n`)
    const made = manualConfig(profile(), new Map([['keys', secret]]), PEER)
    expect(made).toMatchObject({
      gatewayAddress: PEER,
      inbound: { mode: 'transport', esp: { spi: 0x1001, encryption: { id: 12, keyBits: 128 }, esn: false } },
      outbound: { mode: 'transport', esp: { spi: 0x1002, integrity: 12 } },
    })
    expect(made.selectors).toBeUndefined()
    expect(hex(made.inbound.esp?.encryptionKey)).toBe(KEYS['encryption.in'])
    expect(hex(made.outbound.esp?.encryptionKey)).toBe(KEYS['encryption.out'])
    expect(hex(made.inbound.esp?.integrityKey)).toBe(KEYS['integrity.in'])
    expect(hex(made.outbound.esp?.integrityKey)).toBe(KEYS['integrity.out'])
    expect(secret.closed).toBe(true)
    expect(secretNames(profile())).toEqual(['keys'])
  })

  test('AH around ESP in a tunnel, with the networks of both sides and an SPI of its own', () => {
    const change = {
      auth: { ...AUTH, ahSpi: { in: '0x2001', out: '0x2002' } },
      child: { protocol: 'ah+esp' },
      ...{ localSubnets: ['10.1.0.0/24'], remoteSubnets: ['10.2.0.0/24', '10.3.0.0/24'] },
    }
    const made = config(change, written({ ...KEYS, ...AH_KEYS }))
    expect(made).toMatchObject({
      inbound: { mode: 'tunnel', esp: { spi: 0x1001 }, ah: { spi: 0x2001, integrity: 12 } },
      outbound: { ah: { spi: 0x2002 } },
    })
    expect(hex(made.outbound.ah?.integrityKey)).toBe(AH_KEYS['ah.out'])
    expect([made.selectors?.local.length, made.selectors?.remote.length]).toEqual([1, 2])
  })

  test('AH alone needs no key of ESP, and NULL none for encryption', () => {
    const ah = config({ child: { protocol: 'ah', mode: 'transport' } }, written(AH_KEYS))
    expect([ah.inbound.esp, ah.inbound.ah?.spi]).toEqual([undefined, 0x1001])
    const change = { auth: { ...AUTH, suite: 'null-sha256' }, weak: ['manualkeys', 'null'] }
    const none = config(
      change,
      written({ 'integrity.in': KEYS['integrity.in'], 'integrity.out': KEYS['integrity.out'] }),
    )
    expect(none.inbound.esp?.encryptionKey.length).toBe(0)
  })

  test('they are weak by what they are, and must be switched on', () => {
    expect(errorOf(() => profile({ weak: [] }))).toMatchObject({
      kind: 'weakAlgorithm',
      switch: '"weak": ["manualkeys"]',
    })
  })

  test.each([
    ['aes128gcm16', 'counts from the beginning'],
    ['aes128ctr-sha256', 'counts from the beginning'],
    ['chacha20poly1305', 'counts from the beginning'],
    ['aes128-aes256-sha256', 'one algorithm of a kind'],
    ['aes128-sha256-ecp256', 'one algorithm of a kind'],
    ['aes128-sha256-esn', 'sequence numbers of 64 bits'],
  ])('RFC 8221 §3: not with %s', (suite, problem) => {
    const error = errorOf(() => profile({ auth: { ...AUTH, suite } }))
    expect(error).toMatchObject({ kind: 'profileInvalid', field: 'auth.suite' })
    expect(error).toMatchObject({ problem: expect.stringContaining(problem) })
  })

  test.each([
    [{ auth: { ...AUTH, spi: { in: '0xff', out: '0x1002' } } }, 'auth.spi.in'],
    [{ auth: { ...AUTH, spi: { in: '0x1001', out: '0x00001001' } } }, 'auth.spi'],
    [{ child: { mode: 'transportOrTunnel' } }, 'child.mode'],
    [{ child: undefined, remoteSubnets: ['10.2.0.0/24'] }, 'localSubnets'],
    [{ child: undefined, localSubnets: ['10.1.0.1'] }, 'remoteSubnets'],
    [{ gatewayAuth: { method: 'psk' } }, 'gatewayAuth'],
    [{ ppk: { id: 'p' } }, 'ppk'],
  ])('%# what cannot be says where', (change, field) => {
    expect(errorOf(() => profile(change))).toMatchObject({ kind: 'profileInvalid', field })
  })

  test.each([
    [
      written({ ...KEYS, 'integrity.in': undefined }).replace('integrity.in=undefined', ''),
      '"integrity.in=" is missing',
    ],
    [written({ ...KEYS, ...AH_KEYS }), 'there is nothing for "ah.in" to protect'],
    [`${written(KEYS)} encryption.in=00`, '"encryption.in=" stands there twice'],
    [
      written({ ...KEYS, 'encryption.in': '123' }),
      'keys are written as encryption.in=… integrity.in=… and so on, in hex',
    ],
    ['deadbeefdeadbeef', 'keys are written as encryption.in=… integrity.in=… and so on, in hex'],
  ])('%# keys that cannot be used are not repeated in what is said of them', (text, problem) => {
    expect(errorOf(() => config({}, text))).toMatchObject({ kind: 'profileInvalid', field: 'keys', problem })
  })
})
