import { addressBytes } from '../bytes/address.ts'
import { concat } from '../bytes/octets.ts'
import type { Datapath, DatapathSocket } from '../esp/datapath.ts'
import { type IpsecSa, type SelectorPair, spiOf } from '../esp/engine.ts'
import type { NativeDatapath } from '../esp/native-engine.ts'
import { RawSocket } from '../esp/raw-socket.ts'
import type { TypescriptDatapathOptions } from '../esp/typescript-datapath.ts'
import { UdpPath } from '../esp/udp-path.ts'
import type { PacketReader } from '../native/addon.ts'
import { outerHeader, Protocol, readIp, settle } from '../wire/ip-packet.ts'
import { associationsOf } from './association.ts'
import { IpsecEngine } from './engine.ts'
import { repairChecksum } from './repair-checksum.ts'

/** A datapath for whatever was negotiated: AH and ESP, in both modes. */
export interface IpsecDatapath extends Omit<Datapath, 'addInbound' | 'useOutbound'> {
  addInbound(sa: IpsecSa, selectors: SelectorPair): void
  useOutbound(child: string, sa: IpsecSa, selectors: SelectorPair): void
}

interface Way {
  readonly udp: UdpPath
  readonly raw: readonly RawSocket[]
  readonly esp: RawSocket | undefined
  readonly ah: RawSocket | undefined
}

/** Whole IP packets between a device and raw sockets, or UDP for ESP behind a NAT; every packet passes through JavaScript. */
export function createIpsecDatapath(options: TypescriptDatapathOptions): IpsecDatapath {
  const { addon, registry, random, now, limits, onIke, onSocketError } = options
  let tun: { readonly fd: number; readonly reader: PacketReader } | undefined
  let way: Way | undefined
  const moved = { inbound: 0, outbound: 0 }
  const engine = new IpsecEngine({
    registry,
    random,
    now,
    toHost(packet) {
      moved.inbound++
      if (tun === undefined) return
      if (way?.udp.encapsulates) repairChecksum(packet)
      try {
        addon.writePacket(tun.fd, packet)
      } catch {
        // A device that is down or gone: its reader says so.
      }
    },
    toNetwork(packet) {
      moved.outbound++
      const ip = readIp(packet)
      if (ip === undefined) return
      if (ip.protocol === Protocol.ah) way?.ah?.send(packet)
      else if (way?.udp.encapsulates) way.udp.sendEsp(packet.subarray(ip.at, ip.length))
      else way?.esp?.send(packet)
    },
    ...(limits === undefined ? {} : { limits }),
    // Whoever hears of a limit may change SAs, which no packet on its way must see.
    onSoftLimit: (spi, reason) => queueMicrotask(() => options.onSoftLimit?.(spi, reason)),
    onHardLimit: (spi) => queueMicrotask(() => options.onHardLimit?.(spi)),
  })

  const ends = () => ({
    ours: addressBytes(way?.udp.socket.local.address ?? '0.0.0.0'),
    theirs: addressBytes(way?.udp.socket.remote.address ?? '0.0.0.0'),
  })

  /** As if it had come without UDP. RFC 3948 §3.2, §3.3 */
  function fromUdp(esp: Uint8Array): void {
    const { ours, theirs } = ends()
    const header = outerHeader({ source: theirs, destination: ours }, Protocol.esp, {
      trafficClass: 0,
      identification: 1,
    })
    const packet = concat(header, esp)
    settle(packet)
    engine.fromNetwork(packet)
  }

  function rawOf(socket: DatapathSocket, protocol: 50 | 51): RawSocket | undefined {
    const fd = protocol === Protocol.esp ? socket.raw?.esp : socket.raw?.ah
    if (fd === undefined) return undefined
    return new RawSocket({
      ...{ addon, fd, protocol, onError: onSocketError },
      ...{ local: socket.local.address, remote: socket.remote.address },
      onPacket: (packet) => engine.fromNetwork(packet),
    })
  }

  function leaveWay(): void {
    way?.udp.close()
    for (const raw of way?.raw ?? []) raw.close()
    way = undefined
  }

  return {
    kind: 'typescript',
    addInbound(sa, selectors) {
      const { ours, theirs } = ends()
      engine.addInbound(associationsOf(sa, { source: theirs, destination: ours }), selectors)
    },
    useOutbound(child, sa, selectors) {
      const { ours, theirs } = ends()
      engine.useOutbound(child, associationsOf(sa, { source: ours, destination: theirs }), selectors)
    },
    removeInbound: (spi) => engine.removeInbound(spi),
    removeOutbound: (spi) => engine.removeOutbound(spi),
    inbound: (spi) => engine.inbound(spi),
    outbound: (spi) => engine.outbound(spi),
    strays: () => ({ noSa: engine.counters.noSa, noSelector: engine.counters.noPolicy }),
    attachTun(fd) {
      tun?.reader.stop()
      const reader = addon.readPackets(
        fd,
        (packets) => {
          for (const packet of packets) engine.fromHost(packet)
        },
        options.onTunEnd,
      )
      tun = { fd, reader }
    },
    sendFirst(packets) {
      for (const packet of packets) engine.fromHost(packet)
    },
    usePath(socket) {
      leaveWay()
      const udp = new UdpPath(socket, { addon, onIke, onSocketError, onEsp: fromUdp })
      const [esp, ah] = [rawOf(socket, Protocol.esp), rawOf(socket, Protocol.ah)]
      way = { udp, esp, ah, raw: [esp, ah].filter((one) => one !== undefined) }
    },
    sendIke: (message) => way?.udp.sendIke(message),
    sendKeepalive: () => way?.udp.sendKeepalive(),
    offloads: () => undefined,
    traffic: () => ({ ...moved }),
    close() {
      tun?.reader.stop()
      tun = undefined
      leaveWay()
      engine.close()
    },
  }
}

/** A datapath for ESP in tunnel mode, as one for whatever was negotiated. What it cannot carry it refuses. */
export function espAlone(datapath: Datapath): IpsecDatapath {
  const espOf = (sa: IpsecSa) => {
    if (sa.esp !== undefined && sa.ah === undefined && sa.mode === 'tunnel') return sa.esp
    throw new RangeError(`${spiOf(sa)}: this datapath carries ESP in tunnel mode alone`)
  }
  return {
    ...whateverIsCarried(datapath),
    addInbound: (sa, selectors) => datapath.addInbound(espOf(sa), selectors),
    useOutbound: (child, sa, selectors) => datapath.useOutbound(child, espOf(sa), selectors),
  }
}

/** The native datapath with whatever it can carry. */
export const natively = (datapath: NativeDatapath): IpsecDatapath => ({
  ...whateverIsCarried(datapath),
  addInbound: (sa, selectors) => datapath.addInboundSa(sa, selectors),
  useOutbound: (child, sa, selectors) => datapath.useOutboundSa(child, sa, selectors),
})

function whateverIsCarried(datapath: Datapath): Omit<IpsecDatapath, 'addInbound' | 'useOutbound'> {
  return {
    kind: datapath.kind,
    removeInbound: (spi) => datapath.removeInbound(spi),
    removeOutbound: (spi) => datapath.removeOutbound(spi),
    inbound: (spi) => datapath.inbound(spi),
    outbound: (spi) => datapath.outbound(spi),
    strays: () => datapath.strays(),
    attachTun: (fd) => datapath.attachTun(fd),
    sendFirst: (packets) => datapath.sendFirst(packets),
    usePath: (socket) => datapath.usePath(socket),
    sendIke: (message) => datapath.sendIke(message),
    sendKeepalive: () => datapath.sendKeepalive(),
    offloads: () => datapath.offloads(),
    traffic: () => datapath.traffic(),
    close: () => datapath.close(),
  }
}
