// end SIDE SUITE ENGINE PROTECTION: one end of a tunnel whose keys both sides know, on descriptors 3 (TUN) and 4 (UDP). Answers
// every line it reads with its counters; ends with its input.
import { createInterface } from 'node:readline'
import { asEspSpi, asMillis } from '../../../core/bytes/brands.ts'
import { Secret } from '../../../core/bytes/secret.ts'
import { createRegistry } from '../../../core/crypto/registry.ts'
import { systemRandom } from '../../../core/crypto/system-random.ts'
import { type ChildMode, type EspSa, type IpsecSa, spiOf } from '../../../core/esp/engine.ts'
import type { EngineKind } from '../../../core/esp/open-datapath.ts'
import { openIpsecDatapath } from '../../../core/ipsec/open-datapath.ts'
import { loadAddon } from '../../../core/native/load.ts'
import { selector } from '../inner-packets.ts'
import { SUITES, type SuiteName } from './suites.ts'

const [side = 'a', suiteName = 'aes128gcm', engine = 'native', protection = 'esp tunnel'] =
  process.argv.slice(2)
const [protocol = 'esp', mode = 'tunnel'] = protection.split(' ')
const addon = loadAddon()
const registry = createRegistry(addon)
const suite = SUITES[suiteName as SuiteName]
const every = [
  selector('0.0.0.0', '255.255.255.255'),
  selector('::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'),
]

const keyOf = (from: string, count: number, seed: number): Secret =>
  new Secret(Uint8Array.from({ length: count }, (_, i) => 29 * i + seed + from.charCodeAt(0)))

const HMAC_SHA2_256_128 = 12

function saOf(from: string): IpsecSa {
  const ah = {
    spi: asEspSpi(0x2000 + from.charCodeAt(0)),
    integrity: HMAC_SHA2_256_128,
    integrityKey: keyOf(from, 32, 3),
    esn: true,
  }
  return {
    mode: mode as ChildMode,
    ...(protocol === 'ah' ? {} : { esp: espOf(from) }),
    ...(protocol === 'esp' ? {} : { ah }),
  }
}

function espOf(from: string): EspSa {
  const octets = (count: number, seed: number) => keyOf(from, count, seed)
  const { saltBytes } = registry.encryption.get(suite.encryption)!
  return {
    spi: asEspSpi(0x1000 + from.charCodeAt(0)),
    encryption: { id: suite.encryption, keyBits: suite.keyBits },
    encryptionKey: octets(suite.keyBits / 8 + saltBytes, 1),
    ...('integrity' in suite
      ? {
          integrity: suite.integrity,
          integrityKey: octets(registry.integrity.get(suite.integrity)!.keyBytes, 2),
        }
      : {}),
    esn: true,
  }
}

const residentKb = (): number => process.memoryUsage.rss() / 1024
const notes: string[] = []
const before = residentKb()
const datapath = openIpsecDatapath(
  { protocol, mode },
  {
    engine: engine as EngineKind,
    addon,
    registry,
    random: systemRandom,
    now: () => asMillis(performance.now()),
    onIke: () => notes.push('ike'),
    onTunEnd: (code) => notes.push(`tun ${code}`),
    onSocketError: (code) => notes.push(`socket ${code}`),
    onNote: (text) => notes.push(text),
  },
)
const peer = side === 'a' ? 'b' : 'a'
const spiOfEnd = (from: string) => spiOf(saOf(from))
const { local, remote } = addon.socketNames(4)
// Whatever the port of a wire of tests: 4500 means UDP, and 500 that there is a raw socket.
const sockets = { ...(protocol === 'ah' ? {} : { esp: 5 }), ...(protocol === 'esp' ? {} : { ah: 6 }) }
const raw = remote.port === 500 ? { raw: sockets } : {}
const port = remote.port === 500 ? 500 : 4500
// Transport mode is for the two ends alone.
const selectors =
  mode === 'tunnel'
    ? { local: every, remote: every }
    : {
        local: [selector(local.address, local.address)],
        remote: [selector(remote.address, remote.address)],
      }
// Before anything can come.
datapath.addInbound(saOf(peer), selectors)
datapath.usePath({ fd: 4, local, remote: { ...remote, port }, ...raw })
datapath.useOutbound('child', saOf(side), selectors)
datapath.attachTun(3)

const say = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`)
say({ kind: datapath.kind })
for await (const _ of createInterface({ input: process.stdin })) {
  say({
    inbound: datapath.inbound(spiOfEnd(peer)),
    outbound: { ...datapath.outbound(spiOfEnd(side)), sequence: undefined },
    strays: datapath.strays(),
    offloads: datapath.offloads(),
    notes,
    datapathKb: residentKb() - before,
  })
}
datapath.close()
process.exit(0)
