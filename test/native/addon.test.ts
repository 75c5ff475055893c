import { createSocket } from 'node:dgram'
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { afterEach, describe, expect, test } from 'vitest'
import { fromHex, toHex, utf8 } from '../../core/bytes/octets.ts'
import { loadAddon } from '../../core/native/load.ts'

const addon = loadAddon()
const open: number[] = []
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString()

/** A pair whose ends are closed after the test. */
function pair(): readonly [number, number] {
  const ends = addon.socketpair()
  open.push(...ends)
  return ends
}

/** Collects what a reader delivers; `enough` resolves once so many packets came. */
function collect(fd: number) {
  const packets: string[] = []
  const fds: number[] = []
  const batches: number[] = []
  let check = (): void => {}
  let end = (_code: string): void => {}
  const ended = new Promise<string>((resolve) => {
    end = resolve
  })
  const reader = addon.readPackets(
    fd,
    (some, someFds) => {
      batches.push(some.length)
      packets.push(...some.map(text))
      fds.push(...someFds)
      check()
    },
    (code) => end(code),
  )
  const enough = (count: number): Promise<void> =>
    new Promise((resolve) => {
      check = () => packets.length >= count && resolve()
      check()
    })
  return { packets, fds, batches, reader, ended, enough }
}

/** Closes one before the end of its test: once only, since its number may soon be somebody else's. */
function close(fd: number): void {
  open.splice(open.indexOf(fd), 1)
  addon.closeFd(fd)
}

afterEach(() => {
  for (const fd of open.splice(0)) addon.closeFd(fd)
})

describe('the addon brings its own libcrypto', () => {
  test('its version is not the one inside Node', () => {
    expect(addon.cryptoVersion).toMatch(/^OpenSSL 3\./)
  })

  test('a wrong ICV is undefined, a wrong key length throws', () => {
    const key = new Uint8Array(32)
    const nonce = new Uint8Array(12)
    const sealed = addon.aeadSeal('chacha20-poly1305', key, nonce, utf8('a'), utf8('plain'), 16)
    expect(text(addon.aeadOpen('chacha20-poly1305', key, nonce, utf8('a'), sealed, 16)!)).toBe('plain')
    sealed[0]! ^= 1
    expect(addon.aeadOpen('chacha20-poly1305', key, nonce, utf8('a'), sealed, 16)).toBeUndefined()
    expect(() => addon.aeadSeal('aes-128-ccm', key, nonce, utf8(''), utf8(''), 16)).toThrow(/key length/)
    expect(() => addon.aeadSeal('aes-128-cbc' as 'aes-128-gcm', key, nonce, utf8(''), utf8(''), 16)).toThrow()
  })

  test('arguments of the wrong kind throw and do not crash', () => {
    expect(() => addon.cipher('aes-128-cbc', true, 'key' as never, new Uint8Array(16), utf8(''))).toThrow(
      /octets/,
    )
    expect(() => (addon.modpPublic as (...args: unknown[]) => unknown)()).toThrow()
    expect(() => addon.modpPublic(99, new Uint8Array(32))).toThrow(/MODP/)
  })

  test('RFC 3713 appendix A: Camellia with a 128-bit key', () => {
    const key = fromHex('0123456789abcdeffedcba9876543210')
    expect(toHex(addon.cipher('camellia-128-cbc', true, key, new Uint8Array(16), key))).toBe(
      '67673138549669730857065648eabe43',
    )
  })
})

describe('descriptors', () => {
  test('a message keeps its boundaries, and descriptors arrive with their message, close-on-exec', async () => {
    const [ours, theirs] = pair()
    const file = openSync(import.meta.filename, 'r')
    const seen = collect(ours)
    addon.sendMessage(theirs, utf8('one'), [])
    addon.sendMessage(theirs, utf8('two'), [file])
    closeSync(file)
    await seen.enough(2)
    expect(seen.packets).toEqual(['one', 'two'])
    expect(seen.fds).toHaveLength(1)
    const [received] = seen.fds
    expect(fstatSync(received!).ino).toBe(fstatSync(openedNow()).ino)
    expect(readSync(received!, Buffer.alloc(6))).toBe(6)
    closeSync(received!)
    seen.reader.stop()
  })

  test('the other end closing is EOF, after everything it sent', async () => {
    const [ours, theirs] = pair()
    addon.sendMessage(theirs, utf8('last'), [])
    close(theirs)
    const seen = collect(ours)
    expect(await seen.ended).toBe('EOF')
    expect(seen.packets).toEqual(['last'])
  })

  test('another end that closes without reading all it was sent: its last words still come', async () => {
    const [ours, theirs] = pair()
    addon.sendMessage(ours, utf8('never read'), [])
    for (const word of ['one', 'two']) addon.sendMessage(theirs, utf8(word), [])
    close(theirs)
    const seen = collect(ours)
    expect(await seen.ended).toBe('EOF')
    expect(seen.packets).toEqual(['one', 'two'])
  })

  test('nothing is delivered after stop, and the descriptor stays open', async () => {
    const [ours, theirs] = pair()
    const seen = collect(ours)
    seen.reader.stop()
    seen.reader.stop()
    addon.sendMessage(theirs, utf8('later'), [])
    const again = collect(ours)
    await again.enough(1)
    again.reader.stop()
    expect(seen.packets).toEqual([])
    expect(again.packets).toEqual(['later'])
  })

  test('a full pipe is false, not an error, and nothing that was taken is lost', async () => {
    const [ours, theirs] = pair()
    let sent = 0
    while (addon.writePacket(theirs, utf8(`${sent}`))) sent++
    const seen = collect(ours)
    await seen.enough(sent)
    expect(seen.packets).toEqual(Array.from({ length: sent }, (_, i) => `${i}`))
    expect(Math.max(...seen.batches)).toBeLessThanOrEqual(64)
    seen.reader.stop()
  })

  test('a reader may stop itself inside its callback', async () => {
    const [ours, theirs] = pair()
    for (let i = 0; i < 200; i++) addon.sendMessage(theirs, utf8('x'), [])
    let calls = 0
    await new Promise<void>((resolve) => {
      const reader = addon.readPackets(
        ours,
        () => {
          calls++
          reader.stop()
          setImmediate(resolve)
        },
        () => {
          calls += 100
        },
      )
    })
    expect(calls).toBe(1)
  })

  test('a closed descriptor has a code', () => {
    expect(() => addon.closeFd(1_000_000)).toThrow(expect.objectContaining({ code: 'EBADF' }))
    expect(() => addon.sendMessage(1_000_000, utf8('x'), [])).toThrow(
      expect.objectContaining({ code: 'EBADF' }),
    )
    expect(() => addon.writePacket(1_000_000, utf8('x'))).toThrow(expect.objectContaining({ code: 'EBADF' }))
    expect(() => collect(1_000_000)).toThrow(expect.objectContaining({ code: 'EBADF' }))
  })

  test('both ends of a connected UDP socket are named', async () => {
    const far = createSocket('udp4')
    await new Promise<void>((resolve) => far.bind(0, '127.0.0.1', resolve))
    const near = createSocket('udp4')
    await new Promise<void>((resolve) => near.connect(far.address().port, '127.0.0.1', resolve))
    const fd = (near as unknown as { _handle: { fd: number } })._handle.fd
    expect(addon.socketNames(fd)).toEqual({
      local: { address: '127.0.0.1', port: near.address().port },
      remote: { address: '127.0.0.1', port: far.address().port },
    })
    near.close()
    far.close()
  })
})

/** This very file, opened for comparison. */
function openedNow(): number {
  const fd = openSync(import.meta.filename, 'r')
  open.push(fd)
  return fd
}
