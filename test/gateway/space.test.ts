import { expect, test } from 'vitest'
import { Space } from '../../core/gateway/demo/space.ts'
import type { NativeAddon } from '../../core/native/addon.ts'

/** A socket to the child that delivers when the test says so. */
function slowSocket() {
  let deliver: (text: string) => void = () => {}
  let end: () => void = () => {}
  const addon = {
    socketpair: () => [100, 'ignore'],
    closeFd: () => {},
    sendMessage: () => {},
    readPackets: (
      _: number,
      onPackets: (packets: readonly Uint8Array[], fds: readonly number[]) => void,
      onEnd: (code: string) => void,
    ) => {
      deliver = (text) => onPackets([Buffer.from(text)], [])
      end = () => onEnd('EOF')
      return { stop: () => {} }
    },
  } as unknown as NativeAddon
  return { addon, deliver: (text: string) => deliver(text), end: () => end() }
}

const exited = () => new Promise((resolve) => setTimeout(resolve, 200))

test('why the child could not make namespaces is told, even when its end is known before its words', async () => {
  const socket = slowSocket()
  const opened = Space.open({ addon: socket.addon, program: '/bin/false' }).catch((thrown) => thrown.error)
  await exited()
  socket.deliver('fail noPermission make network namespaces|unshare: Operation not permitted')
  socket.end()
  expect(await opened).toEqual({
    kind: 'demoUnavailable',
    problem: 'make network namespaces: unshare: Operation not permitted',
  })
})

test('a child that ends without a word is told by how it ended', async () => {
  const socket = slowSocket()
  const opened = Space.open({ addon: socket.addon, program: '/bin/false' }).catch((thrown) => thrown.error)
  await exited()
  socket.end()
  expect(await opened).toMatchObject({ kind: 'systemRefused', problem: 'it ended with code 1' })
})
