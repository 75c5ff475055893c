import { afterEach, beforeEach, expect, test } from 'vitest'
import { Secret } from '../../core/bytes/secret.ts'
import { systemRandom } from '../../core/crypto/system-random.ts'
import { VpnFailure } from '../../core/errors.ts'
import type { Authentication, Connection } from '../../core/ike/config.ts'
import { startConnection } from '../../core/ike/driver.ts'
import type { NativeAddon } from '../../core/native/addon.ts'
import type { OsEdge } from '../../core/net/plan.ts'
import { makeKey, makeRoot } from '../support/pki.ts'
import { pair, wholeRegistry } from '../support/two-peers.ts'

const root = makeRoot()
let own: Secret
let psk: Secret
let password: Secret
beforeEach(() => {
  own = makeKey().signing.secret
  psk = Secret.fromText('k')
  password = Secret.fromText('p')
})

/** A connection whose socket never opens, or fails to. */
function start(openUdp: OsEdge['openUdp']): {
  readonly connection: Connection
  readonly ended: Promise<unknown>
} {
  const key = { ...root.key.signing, secret: own }
  const chain = [root.certificate]
  const authentication: Authentication = {
    method: 'each',
    ours: { method: 'certificate', chain, key, pss: false, weakSha1: false },
    theirs: { method: 'psk', psk },
  }
  let end = (_error: unknown): void => {}
  const ended = new Promise((resolve) => {
    end = resolve
  })
  const connection = startConnection({
    config: {
      ...pair().client.n.config,
      authentication,
      ikev1: { xauth: { role: 'client', user: 'alice', password } },
    },
    edge: { openUdp } as OsEdge,
    addon: {} as NativeAddon,
    registry: wholeRegistry(),
    random: systemRandom,
    listener: {
      changed() {},
      message() {},
      note() {},
      established() {},
      ask: () => Promise.resolve(undefined),
      closed: (error) => end(error),
    },
  })
  connection.command({ type: 'connect' })
  return { connection, ended }
}

afterEach(() => expect([own, psk, password].map((s) => s.closed)).toEqual([true, true, true]))

test('the secrets of a connection are wiped when it is closed', () => {
  const { connection } = start(() => new Promise(() => {}))
  expect([own, psk, password].map((s) => s.closed)).toEqual([false, false, false])
  connection.close()
  connection.close()
})

test('when it is given up', async () => {
  const { connection, ended } = start(() => new Promise(() => {}))
  connection.command({ type: 'disconnect' })
  expect(await ended).toEqual({ kind: 'cancelled' })
})

test('and when it fails', async () => {
  const { ended } = start(() => Promise.reject(new VpnFailure({ kind: 'noPermission', what: 'sockets' })))
  expect(await ended).toEqual({ kind: 'noPermission', what: 'sockets' })
})
