// end SIDE SUITE ENGINE: one end of a tunnel whose keys both sides know, on descriptors 3 (TUN) and 4 (UDP). Answers
// every line it reads with its counters; ends with its input.
import { createInterface } from 'node:readline'
import { asEspSpi, asMillis } from '../../../core/bytes/brands.ts'
import { Secret } from '../../../core/bytes/secret.ts'
import { createRegistry } from '../../../core/crypto/registry.ts'
import { systemRandom } from '../../../core/crypto/system-random.ts'
import type { EspSa } from '../../../core/esp/engine.ts'
import { type EngineKind, openDatapath } from '../../../core/esp/open-datapath.ts'
import { loadAddon } from '../../../core/native/load.ts'
import { selector } from '../inner-packets.ts'
import { SUITES, type SuiteName } from './suites.ts'

const [side = 'a', suiteName = 'aes128gcm', engine = 'native'] = process.argv.slice(2)
const addon = loadAddon()
const registry = createRegistry(addon)
const suite = SUITES[suiteName as SuiteName]
const every = [
  selector('0.0.0.0', '255.255.255.255'),
  selector('::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'),
]

function saOf(from: string): EspSa {
  const octets = (count: number, seed: number) =>
    new Secret(Uint8Array.from({ length: count }, (_, i) => 29 * i + seed + from.charCodeAt(0)))
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
const datapath = openDatapath({
  engine: engine as EngineKind,
  addon,
  registry,
  random: systemRandom,
  now: () => asMillis(performance.now()),
  onIke: () => notes.push('ike'),
  onTunEnd: (code) => notes.push(`tun ${code}`),
  onSocketError: (code) => notes.push(`socket ${code}`),
  onNote: (text) => notes.push(text),
})
const [peer] = side === 'a' ? ['b'] : ['a']
const { local, remote } = addon.socketNames(4)
datapath.attachTun(3)
datapath.addInbound(saOf(peer!), { local: every, remote: every })
datapath.useOutbound('child', saOf(side), { local: every, remote: every })
// Whatever the port of a wire of tests: 4500 means UDP, and 500 that there is a raw socket.
const raw = remote.port === 500 ? { raw: { esp: 5, ah: 6 } } : {}
const port = remote.port === 500 ? 500 : 4500
datapath.usePath({ fd: 4, local, remote: { ...remote, port }, ...raw })

const say = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`)
say({ kind: datapath.kind })
for await (const _ of createInterface({ input: process.stdin })) {
  say({
    inbound: datapath.inbound(asEspSpi(0x1000 + peer!.charCodeAt(0))),
    outbound: { ...datapath.outbound(asEspSpi(0x1000 + side.charCodeAt(0))), sequence: undefined },
    strays: datapath.strays(),
    offloads: datapath.offloads(),
    notes,
    datapathKb: residentKb() - before,
  })
}
datapath.close()
process.exit(0)
