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
      'it is locked, and was not unlocked',
    ],
    ["Couldn't access platform storage: Secret Service: no result found", 'it has no place for secrets yet'],
    [
      'Platform failure: DBus error: Did not receive a reply. Possible causes include: the message bus security policy blocked the reply',
      'it does not answer',
    ],
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

describe('while the desktop waits for the password of a keychain', () => {
  /** A keychain that is unlocked when `unlock` is called; `calls`: what reached it. */
  function locked() {
    const calls: string[] = []
    let unlock = (): void => {}
    const unlocked = new Promise<void>((resolve) => (unlock = resolve))
    const keychain = new KeyringSecrets(async (_service, account) => {
      calls.push(account)
      return { ...entry, getSecret: () => unlocked.then(() => [0x61]) }
    }, 1)
    return { keychain, calls, unlock }
  }

  test('one call waits with it, and none stands behind it', async () => {
    const { keychain, calls } = locked()
    const all = await Promise.allSettled(['psk', 'password', 'key'].map((name) => keychain.get('a', name)))
    expect(all.map((one) => one.status === 'rejected' && one.reason.error.problem)).toEqual([
      'it did not answer within 0.001 seconds',
      'it still waits to be unlocked',
      'it still waits to be unlocked',
    ])
    expect(calls).toEqual(['a/psk'])
    expect(await keychain.settled(1)).toBe(false)
  })

  test('once it is unlocked it is used again', async () => {
    const { keychain, calls, unlock } = locked()
    await expect(keychain.get('a', 'psk')).rejects.toThrow()
    unlock()
    expect(await keychain.settled(60_000)).toBe(true)
    expect((await keychain.get('a', 'psk'))?.use((bytes) => [...bytes])).toEqual([0x61])
    expect(calls).toHaveLength(2)
  })

  test('a keychain nobody has asked is settled', async () => {
    expect(await new KeyringSecrets(async () => entry).settled(60_000)).toBe(true)
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
