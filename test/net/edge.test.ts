import { expect, test } from 'vitest'
import type { VpnFailure } from '../../core/errors.ts'
import { HelperEdge } from '../../core/net/edge.ts'
import { slowSocket } from '../support/slow-socket.ts'

const outcome = (asked: Promise<unknown>): Promise<unknown> =>
  asked.then(
    () => 'answered',
    (thrown: VpnFailure) => thrown.error,
  )

/** A reply as the helper writes it: version, verb, id, and 0 for done or a status with two texts. */
const done = (id: number): Uint8Array => Uint8Array.of(1, 0x81, 0, id, 0)
const refused = (id: number, what: string, problem: string): Uint8Array =>
  Buffer.concat([
    Uint8Array.of(1, 0x81, 0, id, 1, what.length),
    Buffer.from(what),
    Uint8Array.of(problem.length),
    Buffer.from(problem),
  ])

test('the last reply of the helper counts, even when its end is known before it', async () => {
  const socket = slowSocket()
  const edge = new HelperEdge({ addon: socket.addon }, ['/bin/false'])
  const [first, second] = [edge.call({ verb: 'ping' }), edge.call({ verb: 'ping' })].map(outcome)
  await socket.childEnded()
  socket.deliver(done(1))
  socket.deliver(refused(2, 'open the device', 'busy'))
  socket.end()
  expect(await first).toBe('answered')
  expect(await second).toEqual({ kind: 'systemRefused', what: 'open the device', problem: 'busy' })
})

test('what a helper that ended did not answer is told by how it ended', async () => {
  const socket = slowSocket()
  const edge = new HelperEdge({ addon: socket.addon }, ['/bin/false'])
  const asked = outcome(edge.call({ verb: 'ping' }))
  await socket.childEnded()
  socket.end()
  expect(await asked).toMatchObject({ kind: 'systemRefused', problem: 'it ended with code 1' })
  expect(await outcome(edge.call({ verb: 'ping' }))).toMatchObject({ problem: 'it ended with code 1' })
})

test('a helper that cannot be started is told as such', async () => {
  const socket = slowSocket()
  const edge = new HelperEdge({ addon: socket.addon }, ['/nowhere/culvert-helper'])
  const asked = outcome(edge.call({ verb: 'ping' }))
  await socket.childEnded()
  socket.end()
  expect(await asked).toMatchObject({ kind: 'noPermission', what: 'start /nowhere/culvert-helper (ENOENT)' })
})

test('whoever waits for an answer while the edge is closed is told', async () => {
  const socket = slowSocket()
  const edge = new HelperEdge({ addon: socket.addon }, ['/bin/false'])
  const asked = outcome(edge.call({ verb: 'ping' }))
  await edge.close()
  expect(await asked).toEqual({ kind: 'cancelled' })
})
