import { createSocket, type Socket } from 'node:dgram'
import type { Server } from 'node:net'
import type { GatewayHost, InsidePlan } from '../host.ts'
import type { Space } from './space.ts'

const DEVICE = 'culvert0'

/** The far side of a space: the gateway's outer addresses lie on its loopback, its device beside them. */
export function spaceHost(space: Space, addresses: readonly string[]): GatewayHost {
  return {
    addresses: () => addresses,
    fixed: true,
    bindUdp: async (address, port) => {
      const fd = await space.boundUdp('there', address, port)
      return bound(fd, address.includes(':') ? 'udp6' : 'udp4')
    },
    listen: async (server, address, port) =>
      listening(server, await space.listeningTcp('there', address, port)),
    openDevice: (plan) => openDevice(space, plan),
    // The space goes as a whole; whoever opened it closes it.
    close: async () => {},
  }
}

async function openDevice(space: Space, { mtu, addresses, clients }: InsidePlan): Promise<number> {
  const { fd } = await space.openDevice('there', DEVICE)
  for (const address of addresses) {
    await space.addAddress('there', DEVICE, `${address}/${address.includes(':') ? 128 : 32}`)
  }
  await space.bringUp('there', DEVICE, mtu)
  for (const network of clients) await space.addRoute('there', DEVICE, network)
  return fd
}

function bound(fd: number, type: 'udp4' | 'udp6'): Promise<Socket> {
  const socket = createSocket(type)
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.bind({ fd }, () => {
      socket.removeAllListeners('error')
      resolve(socket)
    })
  })
}

function listening(server: Server, fd: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ fd }, () => resolve())
  })
}
