import { describe, expect, test } from 'vitest'
import { Secret } from '../../core/bytes/secret.ts'
import { type KeyringEntry, KeyringSecrets } from '../../core/secrets/keyring.ts'

const entry: KeyringEntry = {
  getSecret: async () => [0x61],
  setSecret: async () => {},
  deleteCredential: async () => true,
}

const failing = (message: string) =>
  new KeyringSecrets(async () => ({ ...entry, getSecret: () => Promise.reject(new Error(message)) }))

describe('what a keychain that cannot be used says', () => {
  test.each([
    [
      'Platform failure: DBus error: Using X11 for dbus-daemon autolaunch was disabled at compile time',
      'no keychain of a desktop is running here',
    ],
    [
      'Platform failure: DBus error: Failed to connect to socket /run/user/1000/bus: No such file or directory',
      'no keychain of a desktop is running here',
    ],
    [
      'Platform failure: DBus error: The name org.freedesktop.secrets was not provided by any .service files',
      'no keychain of a desktop is running here',
    ],
    [
      "Couldn't access platform storage: No DBus session or Secret Service provider found",
      'no keychain of a desktop is running here',
    ],
    ["Couldn't access platform storage: Secret Service: object locked", 'it is locked'],
    [
      "Couldn't access platform storage: Secret Service: unlock prompt was dismissed",
      'unlocking it was cancelled',
    ],
    ["Couldn't access platform storage: Secret Service: no result found", 'it has no place for secrets yet'],
    ['Something else.', 'Something else'],
  ])('%s', async (said, problem) => {
    await expect(failing(said).get('office', 'psk')).rejects.toMatchObject({
      error: { kind: 'keychainUnavailable', problem },
    })
  })

  test('one that is silent is given up on in time', async () => {
    const silent = new KeyringSecrets(async () => ({ ...entry, getSecret: () => new Promise(() => {}) }), 1)
    await expect(silent.get('office', 'psk')).rejects.toMatchObject({
      error: { problem: 'it did not answer within 0.001 seconds' },
    })
  })
})

test('the keychain gets a copy, which is wiped once it is saved', async () => {
  let given = new Uint8Array()
  const keychain = new KeyringSecrets(async () => ({
    ...entry,
    setSecret: async (bytes) => {
      given = bytes as Uint8Array<ArrayBuffer>
      expect(Buffer.from(given).toString()).toBe('hunter2')
    },
  }))
  const secret = Secret.fromText('hunter2')
  await keychain.set('office', 'psk', secret)
  expect([...given]).toEqual([0, 0, 0, 0, 0, 0, 0])
  expect(secret.closed).toBe(false)
})
