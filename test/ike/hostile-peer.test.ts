import { expect, test } from 'vitest'
import { CHOICE } from '../../core/ike/v2/numbers.ts'
import { encodePayloads } from '../../core/wire/ikev2/message.ts'
import type { Payload } from '../../core/wire/ikev2/payload.ts'
import { numberOf } from '../../core/wire/ikev2/payload-chain.ts'
import { cheapRegistry } from '../support/cheap-registry.ts'
import { SeededRandom } from '../support/seeded-random.ts'
import { type Pair, type Peer, pair } from '../support/two-peers.ts'

/** More by a switch: every run is a connection, some exchanges and an end, with damage decided by its number. */
const RUNS = Number(process.env.CULVERT_HOSTILE_RUNS ?? 50)

/** A payload whose body is damaged, under its own number. */
function damaged(payload: Payload, random: SeededRandom): Payload {
  const body = encodePayloads([payload]).bytes.slice(4)
  const [how = 0, at = 0, by = 0] = random.bytes(3)
  const where = body.length === 0 ? 0 : at % body.length
  const changed =
    how < 100 && body.length > 0
      ? body.map((octet, index) => (index === where ? octet ^ (by || 1) : octet))
      : how < 150
        ? body.subarray(0, where)
        : how < 200
          ? new Uint8Array([...body, ...random.bytes(1 + (by % 40))])
          : random.bytes(by)
  return {
    type: 'Unknown',
    payload: numberOf(payload),
    body: changed,
    ...(how % 16 === 0 ? { critical: true } : {}),
  }
}

/** What a peer protects goes through this, from the first IKE SA it has to the last. */
function spoil(peer: Peer, random: SeededRandom): void {
  const sa = peer.n.current
  if (sa === undefined || seen.has(sa)) return
  seen.add(sa)
  const seal = sa.seal.bind(sa)
  sa.seal = (exchange, id, response, payloads) => {
    const [whether = 0, which = 0, order = 0] = random.bytes(3)
    if (whether > 90 || payloads.length === 0) return seal(exchange, id, response, payloads)
    const one = which % payloads.length
    const list = payloads.map((payload, at) => (at === one ? damaged(payload, random) : payload))
    if (order < 40) list.push(list[one]!)
    if (order > 220) list.splice(one, 1)
    return seal(exchange, id, response, list)
  }
}
const seen = new WeakSet<object>()

/** One history; the numbers that must stay small whatever happens. */
function history(seed: number): Pair {
  const random = new SeededRandom(seed)
  const made = pair({ seed, registry: cheapRegistry, client: { mobike: true }, gateway: { mobike: true } })
  const { client, gateway, net } = made
  const hostile = seed % 2 === 0 ? gateway : client
  client.command('connect')
  for (let steps = 0; steps < 400 && net.step() !== undefined; steps++) spoil(hostile, random)
  for (const what of ['probe', 'rekeyChild', 'rekeyIke', 'rekeyChild', 'disconnect'] as const) {
    spoil(hostile, random)
    const [who = 0] = random.bytes(1)
    ;(who % 2 === 0 ? client : gateway).command(what)
    for (let steps = 0; steps < 400 && net.step() !== undefined; steps++) spoil(hostile, random)
    net.advance(20_000)
  }
  return made
}

test('whatever a peer with the keys puts into its payloads: a typed end or none, and little is kept', {
  timeout: 60_000 + RUNS * 1_000,
}, () => {
  let [ended, connected] = [0, 0]
  for (let seed = 1; seed <= RUNS; seed++) {
    const { client, gateway } = history(seed)
    for (const peer of [client, gateway]) {
      const error = peer.closed?.error
      // A fault of our own would say so.
      expect(error?.kind, `run ${seed}`).not.toBe('internal')
      expect(peer.n.children.size, `run ${seed}`).toBeLessThanOrEqual(CHOICE.mostChildren)
      expect(peer.timers.size, `run ${seed}`).toBeLessThan(20)
      if (error !== undefined) ended++
      if (peer.sent.length > 3) connected++
    }
  }
  // It was damage enough, and not only damage.
  expect(ended).toBeGreaterThan(RUNS / 10)
  expect(connected).toBeGreaterThan(RUNS / 10)
})
