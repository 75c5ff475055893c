import { createSocket, type Socket } from 'node:dgram'
import type { Server } from 'node:net'
import { networkInterfaces } from 'node:os'
import { VpnFailure } from '../errors.ts'
import type { NativeAddon } from '../native/addon.ts'
import type { OsEdge } from '../net/plan.ts'
import type { GatewayHost, InsidePlan } from './host.ts'

/** Ours: a device no tunnel of a client takes. */
const DEVICE = 'culvert900'

/** This machine, as root: its own addresses, and a device that the helper makes and takes away again. */
export function machineHost(
  edge: OsEdge,
  addon: NativeAddon,
  listen: readonly string[] | undefined,
): GatewayHost {
  return {
    addresses: () => listen ?? ownAddresses(),
    bindUdp: (address, port) => bound(addon, address, port),
    listen: (server, address, port) => listening(server, address, port),
    openDevice: (plan) => openDevice(edge, plan),
    close: () => edge.close(),
  }
}

async function openDevice(edge: OsEdge, { mtu, addresses, clients }: InsidePlan): Promise<number> {
  const { fd, device } = await edge.openTun(DEVICE)
  await edge.apply({
    device,
    mtu,
    addresses: addresses.map((address) => `${address}/${address.includes(':') ? 128 : 32}`),
    routes: clients,
    bypass: [],
    unreachable: [],
  })
  return fd
}

/** All but those inside, and link-local ones, which would need to say on which link. */
function ownAddresses(): readonly string[] {
  return Object.entries(networkInterfaces())
    .flatMap(([device, list]) => (device === DEVICE ? [] : (list ?? [])))
    .map(({ address }) => address)
    .filter((address) => !/^fe[89ab]/i.test(address) && !address.startsWith('169.254.'))
}

function bound(addon: NativeAddon, address: string, port: number): Promise<Socket> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void => {
      socket.close()
      reject(refused(`listen on ${address} port ${port}`, error))
    }
    socket.once('error', fail)
    try {
      socket.bind({ fd: addon.bindUdp(address, port) }, () => {
        socket.off('error', fail)
        resolve(socket)
      })
    } catch (error) {
      fail(error as NodeJS.ErrnoException)
    }
  })
}

function listening(server: Server, address: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(refused(`listen on ${address} port ${port}`, error)))
    server.listen(port, address, () => resolve())
  })
}

function refused(what: string, error: NodeJS.ErrnoException): VpnFailure {
  if (error.code === 'EACCES' || error.code === 'EPERM') return new VpnFailure({ kind: 'noPermission', what })
  const problem =
    error.code === 'EADDRINUSE' ? 'somebody else listens there (another IKE service?)' : error.message
  return new VpnFailure({ kind: 'systemRefused', what, problem })
}
