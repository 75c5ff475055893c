import { expect, test } from 'vitest'
import { Space } from '../../core/gateway/demo/space.ts'
import { slowSocket } from '../support/slow-socket.ts'

test('why the child could not make namespaces is told, even when its end is known before its words', async () => {
  const socket = slowSocket()
  const opened = Space.open({ addon: socket.addon, program: '/bin/false' }).catch((thrown) => thrown.error)
  await socket.childEnded()
  socket.deliver(Buffer.from('fail noPermission make network namespaces|unshare: Operation not permitted'))
  socket.end()
  expect(await opened).toEqual({
    kind: 'demoUnavailable',
    problem: 'make network namespaces: unshare: Operation not permitted',
  })
})

test('a child that ends without a word is told by how it ended', async () => {
  const socket = slowSocket()
  const opened = Space.open({ addon: socket.addon, program: '/bin/false' }).catch((thrown) => thrown.error)
  await socket.childEnded()
  socket.end()
  expect(await opened).toMatchObject({ kind: 'systemRefused', problem: 'it ended with code 1' })
})

test('whoever waits for an answer while the namespaces are given up is told', async () => {
  const socket = slowSocket()
  const opened = Space.open({ addon: socket.addon, program: '/bin/false' })
  socket.deliver(Buffer.from('ok'))
  const space = await opened
  const asked = space.boundUdp('here', '192.0.2.1', 500).catch((thrown) => thrown.error)
  await space.close()
  expect(await asked).toEqual({ kind: 'cancelled' })
})
