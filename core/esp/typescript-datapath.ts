import { addressBytes } from '../bytes/address.ts'
import type { Millis } from '../bytes/brands.ts'
import { concat } from '../bytes/octets.ts'
import type { Random } from '../bytes/random.ts'
import type { CryptoRegistry } from '../crypto/transforms.ts'
import type { PacketReader } from '../native/addon.ts'
import { identifications, outerHeader, Protocol, readIp, settle, trafficClassOf } from '../wire/ip-packet.ts'
import type { Datapath, DatapathOptions, DatapathSocket } from './datapath.ts'
import { RawSocket } from './raw-socket.ts'
import { createTypescriptEngine } from './typescript-engine.ts'
import { UdpPath } from './udp-path.ts'

export interface TypescriptDatapathOptions extends DatapathOptions {
  readonly registry: CryptoRegistry
  readonly random: Random
  readonly now: () => Millis
}

/** The TypeScript engine with its descriptors: every packet passes through JavaScript. */
export function createTypescriptDatapath(options: TypescriptDatapathOptions): Datapath {
  const { addon, registry, random, now, limits } = options
  let tun: { readonly fd: number; readonly reader: PacketReader } | undefined
  let path: { readonly udp: UdpPath; readonly raw: RawSocket | undefined } | undefined
  const nextIdentification = identifications(random)
  /** Of the inner packet that is on its way out. */
  let trafficClass = 0
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
      if (path?.raw === undefined) path?.udp.sendEsp(esp)
      else path.raw.send(inIp(esp, path.udp.socket))
    },
    ...(limits === undefined ? {} : { limits }),
    // Whoever hears of a limit may change SAs, which no packet on its way must see.
    onSoftLimit: (spi, reason) => queueMicrotask(() => options.onSoftLimit?.(spi, reason)),
    onHardLimit: (spi) => queueMicrotask(() => options.onHardLimit?.(spi)),
  })

  function inIp(esp: Uint8Array, { local, remote }: DatapathSocket): Uint8Array {
    const ends = { source: addressBytes(local.address), destination: addressBytes(remote.address) }
    const fields = { trafficClass, identification: nextIdentification() }
    const packet = concat(outerHeader(ends, Protocol.esp, fields), esp)
    settle(packet)
    return packet
  }

  function fromIp(packet: Uint8Array): void {
    const ip = readIp(packet)
    if (ip?.protocol === Protocol.esp) engine.fromNetwork(packet.subarray(ip.at, ip.length))
  }

  function rawOf({ raw, local, remote }: DatapathSocket): RawSocket | undefined {
    if (raw?.esp === undefined) return undefined
    return new RawSocket({
      ...{ addon, fd: raw.esp, protocol: Protocol.esp, onPacket: fromIp, onError: options.onSocketError },
      ...{ local: local.address, remote: remote.address },
    })
  }

  function leavePath(): void {
    path?.udp.close()
    path?.raw?.close()
    path = undefined
  }

  return {
    ...engine,
    attachTun(fd) {
      tun?.reader.stop()
      const reader = addon.readPackets(
        fd,
        (packets) => {
          for (const packet of packets) {
            trafficClass = trafficClassOf(packet)
            engine.fromTun(packet)
          }
        },
        options.onTunEnd,
      )
      tun = { fd, reader }
    },
    sendFirst(packets) {
      for (const packet of packets) {
        trafficClass = trafficClassOf(packet)
        engine.fromTun(packet)
      }
    },
    usePath(socket) {
      leavePath()
      const { onIke, onSocketError } = options
      const udp = new UdpPath(socket, {
        addon,
        onIke,
        onSocketError,
        onEsp: (esp) => engine.fromNetwork(esp),
      })
      path = { udp, raw: rawOf(socket) }
    },
    sendIke: (message) => path?.udp.sendIke(message),
    sendKeepalive: () => path?.udp.sendKeepalive(),
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
