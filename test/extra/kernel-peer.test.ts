import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { buildSync } from 'esbuild'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { IpsecCounters } from '../../core/ipsec/engine.ts'
import type { WrittenAssociation } from '../support/ipsec-host.ts'
import { projectRoot } from '../support/project-root.ts'

/**
 * Our IPsec on whole packets against the kernel of a guest (`CULVERT_VMLAB`: the folder that starts it), protocols 50 and
 * 51 without UDP, keys by hand. We are a computer behind a router, so that routers change what they may.
 */
const LAB = process.env.CULVERT_VMLAB
const able = LAB !== undefined && process.getuid?.() === 0
const ID = `k${process.pid % 1000}`
const CLIENT = `vml${ID}c`
const OWN = { 4: '10.88.0.77', 6: 'fd88::77' } as const
const PEER = { 4: '10.88.0.1', 6: 'fd88::1' } as const
const [OUT, IN] = [0x1001, 0x1002]
const KEY = '101112131415161718191a1b1c1d1e1f'
const SALT = 'a1a2a3a4'
const MAC = '404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f'
const HMAC_SHA2_256_128 = 12

type Family = 4 | 6
type Written = Omit<WrittenAssociation, 'spiOut' | 'spiIn'>

const AH = { protocol: 'ah', integrity: HMAC_SHA2_256_128, integrityKey: MAC } as const
const CBC = {
  protocol: 'esp',
  encryption: { id: 12, keyBits: 128 },
  encryptionKey: KEY,
  integrity: HMAC_SHA2_256_128,
  integrityKey: MAC,
} as const
const GCM = { protocol: 'esp', encryption: { id: 20, keyBits: 128 }, encryptionKey: `${KEY}${SALT}` } as const

const SETS: readonly (readonly [string, readonly Written[]])[] = [
  ['AH, transport', [{ ...AH, mode: 'transport' }]],
  ['AH, tunnel', [{ ...AH, mode: 'tunnel' }]],
  ['ESP with AES-GCM, transport', [{ ...GCM, mode: 'transport' }]],
  ['ESP with AES-GCM, tunnel', [{ ...GCM, mode: 'tunnel' }]],
  ['ESP with AES-CBC and HMAC, transport', [{ ...CBC, mode: 'transport' }]],
  ['ESP with AES-CBC and HMAC, tunnel', [{ ...CBC, mode: 'tunnel' }]],
  [
    'AH and ESP, transport',
    [
      { ...CBC, mode: 'transport' },
      { ...AH, mode: 'transport' },
    ],
  ],
  [
    'AH and ESP, tunnel',
    [
      { ...CBC, mode: 'tunnel' },
      { ...AH, mode: 'transport' },
    ],
  ],
]

/** Both engines where both can: one protocol at a time. */
const RUNS = SETS.flatMap(([name, set]) =>
  (set.length === 1 ? (['typescript', 'native'] as const) : (['typescript'] as const)).map(
    (engine) => [engine, name, set] as const,
  ),
)

const folder = able ? mkdtempSync(join(tmpdir(), 'culvert-kernel-')) : ''
const lab = (...args: readonly string[]): string =>
  execFileSync(join(LAB!, 'vmlab'), args, {
    encoding: 'utf8',
    env: { ...process.env, VMLAB_ID: ID, VMLAB_BACKEND: process.env.VMLAB_BACKEND ?? 'qemu' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
const guest = (script: string): string => lab('exec', script)
const client = (...command: readonly string[]): string =>
  execFileSync('ip', ['netns', 'exec', CLIENT, ...command], { encoding: 'utf8' })

/** How the guest writes an algorithm. */
function algorithm({ protocol, encryption, encryptionKey, integrityKey }: Written): string {
  const mac = `auth-trunc "hmac(sha256)" 0x${integrityKey} 128`
  if (protocol === 'ah') return mac
  return encryption?.id === 20
    ? `aead "rfc4106(gcm(aes))" 0x${encryptionKey} 128`
    : `enc "cbc(aes)" 0x${encryptionKey} ${mac}`
}

/** The same associations in the guest's kernel. Its templates go from the inside out, as our associations do. */
function peerScript(family: Family, associations: readonly WrittenAssociation[]): string {
  const [own, peer] = [OWN[family], PEER[family]]
  const templates = (from: string, to: string) =>
    associations
      .map(({ protocol, mode }) => `tmpl src ${from} dst ${to} proto ${protocol} mode ${mode}`)
      .join(' ')
  return [
    'ip xfrm state flush',
    'ip xfrm policy flush',
    ...associations.flatMap((one) => [
      `ip xfrm state add src ${own} dst ${peer} proto ${one.protocol} spi ${one.spiOut} mode ${one.mode} replay-window 32 ${algorithm(one)}`,
      `ip xfrm state add src ${peer} dst ${own} proto ${one.protocol} spi ${one.spiIn} mode ${one.mode} ${algorithm(one)}`,
    ]),
    `ip xfrm policy add src ${peer} dst ${own} dir out ${templates(peer, own)}`,
    `ip xfrm policy add src ${own} dst ${peer} dir in ${templates(own, peer)}`,
  ].join('\n')
}

/** What the guest's kernel counts of one kind of trouble. */
const trouble = (name: string): number =>
  Number(new RegExp(`^${name}\\s+(\\d+)`, 'm').exec(guest('cat /proc/net/xfrm_stat'))?.[1] ?? 0)

interface Report {
  readonly answers: number
  readonly counters: IpsecCounters
}

class Host {
  readonly #child: ChildProcess
  readonly #lines: AsyncIterator<string>

  constructor(family: Family, associations: readonly WrittenAssociation[], engine: (typeof RUNS)[number][0]) {
    const args = [OWN[family], PEER[family], JSON.stringify(associations), engine]
    this.#child = spawn(
      'ip',
      [
        ...['netns', 'exec', CLIENT, join(folder, 'open-end'), 'host', '10.88.0.2', PEER[4], '4500', 'plain'],
        ...[process.execPath, join(folder, 'host.mjs'), ...args],
      ],
      {
        stdio: ['pipe', 'pipe', 'inherit'],
        env: { ...process.env, CULVERT_NATIVE: join(projectRoot(), 'dist/native/culvert.node') },
      },
    )
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]()
  }

  async ask(command: string): Promise<Report> {
    this.#child.stdin!.write(`${command}\n`)
    const { value, done } = await this.#lines.next()
    if (done) throw new Error('the host ended early')
    return JSON.parse(value) as Report
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('close', resolve))
    this.#child.stdin!.end()
    this.#child.kill()
    await ended
  }
}

describe.skipIf(!able)('a kernel with IPsec', () => {
  beforeAll(() => {
    lab('up', 'bare')
    execFileSync('g++', [
      ...['-std=c++17', '-O1', '-o', join(folder, 'open-end')],
      join(projectRoot(), 'test/support/tunnel/open-end.cc'),
    ])
    buildSync({
      entryPoints: [join(projectRoot(), 'test/support/ipsec-host.ts')],
      outfile: join(folder, 'host.mjs'),
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
    })
    for (const name of [
      'net.ipv4.ip_forward',
      'net.ipv6.conf.all.forwarding',
      'net.ipv4.conf.eth0.proxy_arp',
    ])
      client('sysctl', '-qw', `${name}=1`)
    client('sysctl', '-qw', 'net.ipv6.conf.eth0.proxy_ndp=1')
    client('ip', '-6', 'neigh', 'add', 'proxy', OWN[6], 'dev', 'eth0')
  }, 300_000)
  afterAll(() => {
    lab('down')
    rmSync(folder, { recursive: true, force: true })
  }, 60_000)

  describe.each([4, 6] as const)('IPv%i', (family) => {
    test.each(RUNS)(
      '%s, %s: pings both ways, copies and forgeries refused',
      { timeout: 120_000 },
      async (engine, _name, set) => {
        const associations = set.map((one, at) => ({ ...one, spiOut: OUT + 16 * at, spiIn: IN + 16 * at }))
        guest(peerScript(family, associations))
        const host = new Host(family, associations, engine)
        try {
          await host.ask('')
          client('ip', 'link', 'set', 'host', 'up')
          client('ip', 'route', 'replace', `${OWN[family]}/${family === 4 ? 32 : 128}`, 'dev', 'host')
          for (const bytes of [0, 56, 1000])
            expect(await host.ask(`ping ${bytes}`)).toMatchObject({ answers: 1 })
          expect(guest(`ping -c3 -i 0.2 -W 5 ${OWN[family]}`)).toMatch(/ 3 received/)
          const { counters } = await host.ask('')
          expect(counters).toMatchObject({
            failedIcv: 0,
            replayed: 0,
            malformed: 0,
            selectorMismatch: 0,
            noSa: 0,
          })

          const [copies, forgeries] = [trouble('XfrmInStateSeqError'), trouble('XfrmInStateProtoError')]
          await host.ask('replay')
          await expect.poll(() => trouble('XfrmInStateSeqError'), { timeout: 10_000 }).toBe(copies + 1)
          await host.ask('forge 1')
          await expect.poll(() => trouble('XfrmInStateProtoError'), { timeout: 10_000 }).toBe(forgeries + 1)
          expect(await host.ask('ping')).toMatchObject({ answers: 1 })
        } finally {
          await host.close()
        }
      },
    )
  })
})
