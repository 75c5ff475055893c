import type { Millis } from '../bytes/brands.ts'
import type { Random } from '../bytes/random.ts'
import type { CryptoRegistry } from '../crypto/transforms.ts'
import type { PacketReader } from '../native/addon.ts'
import { type Datapath, type DatapathOptions, type DatapathSocket, ENCAPSULATION_PORT } from './datapath.ts'
import { createTypescriptEngine } from './typescript-engine.ts'
import { classifyPort4500, NAT_KEEPALIVE, withNonEspMarker } from './udp-encapsulation.ts'

export interface TypescriptDatapathOptions extends DatapathOptions {
  readonly registry: CryptoRegistry
  readonly random: Random
  readonly now: () => Millis
}

/** The TypeScript engine with its descriptors: every packet passes through JavaScript. */
export function createTypescriptDatapath(options: TypescriptDatapathOptions): Datapath {
  const { addon, registry, random, now, limits } = options
  let tun: { readonly fd: number; readonly reader: PacketReader } | undefined
  let path: (DatapathSocket & { readonly reader: PacketReader }) | undefined
  let inbound = 0
  let outbound = 0
  const engine = createTypescriptEngine({
    registry,
    random,
    now,
    toTun(packet) {
      inbound++
      if (tun === undefined) return
      try {
        addon.writePacket(tun.fd, packet)
      } catch {
        // A device that is down or gone: its reader says so.
      }
    },
    toNetwork(esp) {
      outbound++
      send(esp)
    },
    ...(limits === undefined ? {} : { limits }),
    // Whoever hears of a limit may change SAs, which no packet on its way must see.
    onSoftLimit: (spi, reason) => queueMicrotask(() => options.onSoftLimit?.(spi, reason)),
    onHardLimit: (spi) => queueMicrotask(() => options.onHardLimit?.(spi)),
  })

  function send(bytes: Uint8Array): void {
    if (path === undefined) return
    try {
      addon.writePacket(path.fd, bytes)
    } catch (error) {
      options.onSocketError((error as NodeJS.ErrnoException).code ?? String(error))
    }
  }

  function receive(datagram: Uint8Array, socket: DatapathSocket): void {
    if (socket.remote.port !== ENCAPSULATION_PORT) return options.onIke(datagram, socket)
    const what = classifyPort4500(datagram)
    if (what.kind === 'esp') engine.fromNetwork(what.packet)
    else if (what.kind === 'ike') options.onIke(what.message, socket)
  }

  function leavePath(): void {
    path?.reader.stop()
    if (path !== undefined) addon.closeFd(path.fd)
    path = undefined
  }

  return {
    ...engine,
    attachTun(fd) {
      tun?.reader.stop()
      const reader = addon.readPackets(
        fd,
        (packets) => {
          for (const packet of packets) engine.fromTun(packet)
        },
        options.onTunEnd,
      )
      tun = { fd, reader }
    },
    usePath(socket) {
      leavePath()
      const reader = addon.readPackets(
        socket.fd,
        (packets) => {
          for (const packet of packets) {
            if (path?.fd === socket.fd) receive(packet, socket)
          }
        },
        options.onSocketError,
      )
      path = { ...socket, reader }
    },
    sendIke(message) {
      send(path?.remote.port === ENCAPSULATION_PORT ? withNonEspMarker(message) : message)
    },
    sendKeepalive() {
      send(NAT_KEEPALIVE)
    },
    offloads: () => undefined,
    traffic: () => ({ inbound, outbound }),
    close() {
      tun?.reader.stop()
      tun = undefined
      leavePath()
      engine.close()
    },
  }
}
