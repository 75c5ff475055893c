import { createSocket } from 'node:dgram'
import { describe, expect, test } from 'vitest'
import { createRegistry } from '../../core/crypto/registry.ts'
import { Asker, type Asking } from '../../core/probe/asker.ts'
import { probeIkev1 } from '../../core/probe/ikev1.ts'
import { probeIkev2 } from '../../core/probe/ikev2.ts'
import { parseIkeSuite } from '../../core/profile/suites.ts'
import { GATEWAY4, gatewayConfig, seededRandom, World } from '../gateway/world.ts'

const weak = ['3des', 'sha1', 'prfsha1', 'modp1024', 'aggressivepsk']
const suites = (...words: readonly string[]) =>
  words.map((word) => parseIkeSuite(word, { source: 'test', field: 'suite', weak }))
const registry = createRegistry(undefined)
const from = { address: '198.51.100.7', port: 40_000 }
const to = { address: GATEWAY4, port: 500 }

/** Asks the built-in gateway, and counts. */
function asked(options: ConstructorParameters<typeof World>[0]) {
  const world = new World({ limits: { burst: 1_000, sessions: 1_000, halfOpen: 1_000 }, ...options })
  let packets = 0
  const hear = (message: Uint8Array): Uint8Array | undefined => {
    packets++
    world.nowhere.length = 0
    world.gateway.receive(to, from, message)
    world.negotiate()
    return world.nowhere[0]?.bytes
  }
  const asking: Asking = {
    ask: async (message) => hear(message),
    tell: async (message) => void hear(message),
  }
  return { world, asking, packets: () => packets }
}

describe('RFC 7296 §1.2: what IKE_SA_INIT tells', () => {
  const config = () => ({
    ...gatewayConfig(),
    ikeProposals: suites('aes256gcm16-prfsha384-ecp384', 'aes128-sha256-ecp256-curve25519'),
  })

  test('each algorithm the gateway would take, and no other; nothing stays half-open', async () => {
    const { world, asking, packets } = asked({ config: config() })
    expect(await probeIkev2(asking, seededRandom(3))).toEqual({
      state: 'accepts',
      encryption: ['ENCR_AES_GCM_16_256', 'ENCR_AES_CBC_128'],
      integrity: ['AUTH_HMAC_SHA2_256_128'],
      prf: ['PRF_HMAC_SHA2_256', 'PRF_HMAC_SHA2_384'],
      groups: ['CURVE25519', 'ECP_256', 'ECP_384'],
      cookie: false,
      says: ['NO_PROPOSAL_CHOSEN'],
    })
    expect(packets()).toBeLessThan(60)
    expect([world.gateway.sessions, world.gateway.halfOpen]).toEqual([0, 0])
  })

  test('RFC 7296 §2.6: a gateway that wants a cookie gets it', async () => {
    const { asking } = asked({ config: config(), limits: { cookiesFrom: 0, burst: 1_000 } })
    const report = await probeIkev2(asking, seededRandom(3))
    expect([report.state, report.cookie]).toEqual(['accepts', true])
  })
})

describe("RFC 2409 §5: what main mode's first answer tells", () => {
  const configV1 = (aggressive: boolean) => ({
    ...gatewayConfig(),
    ikeProposals: suites('aes256-aes128-sha256-ecp384-ecp256', '3des-sha1-modp1024'),
    ikev1: { aggressive },
  })

  test.each([false, true])('each algorithm with those beside it; aggressive mode: %s', async (aggressive) => {
    const { asking, packets } = asked({ configV1: configV1(aggressive) })
    const report = await probeIkev1(asking, registry, seededRandom(3))
    expect(report).toMatchObject({
      state: 'accepts',
      authentication: ['PRE_SHARED_KEY'],
      encryption: ['AES_CBC_256', 'AES_CBC_128'],
      hash: ['SHA2_256'],
      aggressive,
    })
    expect(report.groups).toHaveLength(2)
    expect(report.vendorIds).toContain('DPD (RFC 3706)')
    expect(packets()).toBeLessThan(60)
  })

  test('nothing of it: silence is said to be silence', async () => {
    const { asking, packets } = asked({})
    expect((await probeIkev1(asking, registry, seededRandom(3))).state).toBe('silent')
    expect(packets()).toBe(1)
  })
})

test('answers that cannot be read are none', async () => {
  const noise: Asking = {
    ask: async (message) => message.slice(0, 20),
    tell: async () => {},
  }
  expect((await probeIkev2(noise, seededRandom(3))).state).toBe('silent')
  expect((await probeIkev1(noise, registry, seededRandom(3))).state).toBe('silent')
})

test('a question that is called off has no answer, at once, nor has any after it', async () => {
  // Somebody who listens and never answers.
  const silent = createSocket('udp4')
  const heard: Buffer[] = []
  silent.on('message', (bytes) => heard.push(bytes))
  await new Promise<void>((bound) => silent.bind(0, '127.0.0.1', bound))
  const asker = await Asker.open('127.0.0.1', silent.address().port)
  const first = asker.ask(new Uint8Array(28).fill(1))
  await new Promise((arrived) => silent.once('message', arrived))
  asker.stop()
  expect(await first).toBeUndefined()
  expect(await asker.ask(new Uint8Array(28).fill(2))).toBeUndefined()
  expect([heard.length, asker.packets]).toEqual([1, 1])
  asker.close()
  silent.close()
})
