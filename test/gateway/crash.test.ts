import { expect, test } from 'vitest'
import { Secret } from '../../core/bytes/secret.ts'
import { GATEWAY4, gatewayConfig, World } from './world.ts'

const withSecret = () => ({ config: { ...gatewayConfig(), crashSecret: Secret.fromText('on disk') } })

/** A client of a gateway that is started anew without anything it knew; its next question goes to the new one. */
function restarted(before: object, after: object) {
  const [world, reborn] = [new World(before), new World(after)]
  const alice = world.client('198.51.100.1').connect()
  expect(alice.connected).toBe(true)
  world.lose = (packet) => {
    if (packet.to.address === GATEWAY4) reborn.transmit(packet)
    return true
  }
  alice.command('probe')
  world.settle()
  reborn.settle()
  world.lose = () => false
  for (const packet of reborn.nowhere) world.transmit(packet)
  world.settle()
  return { alice, reborn }
}

test('RFC 6290 §4.3: a gateway that lost everything proves it, and the client knows at once', () => {
  const { alice, reborn } = restarted(withSecret(), withSecret())
  expect(alice.ended).toMatchObject({ kind: 'closedByGateway' })
  expect(reborn.gateway.drops.noSession).toBe(1)
})

test('RFC 7296 §2.21.4: without a secret, or with another, nothing is said and nothing believed', () => {
  const other = { config: { ...gatewayConfig(), crashSecret: Secret.fromText('another') } }
  for (const [before, after] of [
    [{}, {}],
    [withSecret(), {}],
    [withSecret(), other],
  ] as const) {
    const { alice, reborn } = restarted(before, after)
    expect([alice.ended, reborn.nowhere.length]).toEqual([undefined, after === other ? 1 : 0])
  }
})

test('the answers are as rare as newcomers: nobody can have floods sent to others', () => {
  const { reborn } = restarted(withSecret(), withSecret())
  const [answer] = reborn.nowhere
  const asked = { from: answer!.to, to: answer!.from, bytes: answer!.bytes.slice() }
  // The same message as a request again.
  const at = asked.bytes[0] === 0 && asked.bytes[3] === 0 ? 4 : 0
  asked.bytes[at + 19] = 0x08
  for (let count = 0; count < 100; count++) reborn.transmit(asked)
  reborn.settle()
  expect(reborn.nowhere.length).toBeLessThanOrEqual(21)
  expect(reborn.nowhere.length).toBeGreaterThan(1)
})
