import { expect, test } from 'vitest'
import { Secret } from '../../core/bytes/secret.ts'
import { encodePem } from '../../core/cert/pem.ts'
import { encodeKeyPem } from '../../core/cert/private-key.ts'
import { VpnFailure } from '../../core/errors.ts'
import type { ManagerDependencies } from '../../core/manager/dependencies.ts'
import { issue, makeRoot } from '../support/pki.ts'
import { profileOf, World } from './world.ts'

const root = makeRoot()
const alice = issue(root, { subject: 'CN=alice', san: ['email:alice@example.org'] })
const certificate = encodePem({ label: 'CERTIFICATE', der: alice.der })

/** A world in which Office needs a key and a pre-shared key, and all that was handed out. */
function world(
  other: Partial<ManagerDependencies> = {},
  auth: object = { method: 'certificate', certificate },
) {
  const lent: Secret[] = []
  const made = new World({
    secret: async (_profile, name) => {
      const secret = name === 'key' ? encodeKeyPem(alice.key.signing) : Secret.fromText('k')
      lent.push(secret)
      return secret
    },
    ...other,
  })
  made.profiles = [profileOf('Office', { auth, gatewayAuth: { method: 'psk' } })]
  return { made, lent, closed: () => lent.map((secret) => secret.closed) }
}

test('secrets are asked for by name; the text of the key is forgotten once it is read', async () => {
  const { made, closed } = world()
  await made.up()
  expect(closed()).toEqual([true, false])
  expect(made.connection.config.authentication).toMatchObject({
    ours: { method: 'certificate' },
    theirs: { method: 'psk' },
  })
  await made.manager.disconnect()
})

test('the second one is missing: the first one is closed', async () => {
  const first = Secret.fromText('k')
  const { made } = world({
    secret: async (profile, name) => {
      if (name === 'key') return first
      throw new VpnFailure({ kind: 'secretMissing', what: name, profile: profile.name })
    },
  })
  await expect(made.manager.connect('office')).rejects.toMatchObject({ error: { kind: 'secretMissing' } })
  expect(first.closed).toBe(true)
})

test('the profile cannot be used: all are closed', async () => {
  const { made, closed } = world({}, { method: 'certificate' })
  await expect(made.manager.connect('office')).rejects.toMatchObject({ error: { kind: 'profileInvalid' } })
  expect(closed()).toEqual([true, true])
})

test('the session cannot be started: what it would have closed is closed', async () => {
  const { made, closed } = world({
    startConnection: () => {
      throw new VpnFailure({ kind: 'internal', problem: 'no' })
    },
  })
  await expect(made.manager.connect('office')).rejects.toMatchObject({ error: { kind: 'internal' } })
  expect(closed()).toEqual([true, true])
})

test('given up while a secret is looked for: it is closed when it comes', async () => {
  const secret = Secret.fromText('k')
  let give = (_secret: Secret): void => {}
  const { made } = world({
    secret: () =>
      new Promise((resolve) => {
        give = resolve
      }),
  })
  const connecting = made.manager.connect('office')
  connecting.catch(() => {})
  await made.settle()
  await made.manager.disconnect()
  give(secret)
  await made.settle()
  give(Secret.fromText('x'))
  await made.settle()
  expect(secret.closed).toBe(true)
})
