import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { bundleCulvert } from './culvert.ts'
import { Ground, ip, PSK } from './ground.ts'

beforeAll(bundleCulvert)

let ground: Ground
beforeEach(() => {
  ground = new Ground()
})
afterEach(() => ground.remove())

/** A rule for what comes to the gateway. */
const nft = (rules: string) =>
  execFileSync('ip', ['netns', 'exec', ground.gatewaySide, 'nft', rules], { stdio: 'pipe' })
const INPUT = 'chain inet block in { type filter hook input priority 0; }'
const block = (what: string) => nft(`add table inet block; add ${INPUT}; add rule inet block in ${what}`)

async function connect(ike: object, env: NodeJS.ProcessEnv = {}) {
  const profiles = join(ground.folder, `home-${ground.clientSide}`, 'profiles')
  mkdirSync(profiles, { recursive: true })
  const profile = {
    ...{ format: 'culvert-profile', version: 1, id: 'inside', name: 'Inside', localId: 'bob@culvert.test' },
    ...{
      gateway: { host: ground.gatewayAddress },
      remoteId: 'gateway.culvert.test',
      auth: { method: 'psk' },
    },
    ike,
  }
  writeFileSync(join(profiles, 'inside.json'), JSON.stringify(profile))
  const client = ground.culvert(ground.clientSide, ['connect', 'inside', '--secrets-stdin', '--json'], env)
  client.child.stdin.end(`psk=${PSK}\n`)
  return { client, connected: await client.line(/"state":"connected"/) }
}

const ping = () => ground.onClient('ping', '-c', '3', '-i', '0.2', '-W', '5', '10.77.0.1')

const quiet = { encoding: 'utf8', stdio: 'pipe' } as const

/** The octets of either direction, in hex, as Wireshark puts the segments together: the client's first. */
const streamsIn = (file: string): readonly string[] => {
  const said = execFileSync('tshark', ['-r', file, '-q', '-z', 'follow,tcp,raw,0'], quiet)
  const lines = said.split('\n').filter((line) => /^\t?[0-9a-f]+$/.test(line))
  return [false, true].map((theirs) =>
    lines
      .filter((line) => line.startsWith('\t') === theirs)
      .map((line) => line.trim())
      .join(''),
  )
}

/** The prefix, then each message of either direction, in hex: read once more here, by RFC 9329 §3 alone. */
function framesOf([client = '', gateway = '']: readonly string[]): readonly string[] {
  const split = (hex: string): string[] => {
    const digits = 2 * Number.parseInt(hex.slice(0, 4), 16)
    return hex === '' ? [] : [hex.slice(4, digits), ...split(hex.slice(digits))]
  }
  const prefix = Buffer.from(client.slice(0, 12), 'hex').toString('latin1')
  return [prefix, ...split(client.slice(12)), ...split(gateway)]
}

/** What Wireshark makes of these where they come in UDP: the same octets, RFC 9329 §3. */
function asUdp(frames: readonly string[], file: string) {
  const dump = frames.map((hex) => `0000 ${hex.replace(/../g, '$& ')}\n`).join('')
  execFileSync('text2pcap', ['-q', '-u', '4500,4500', '-', file], { input: dump, stdio: 'pipe' })
  const fields = ['-T', 'fields', '-e', 'isakmp.exchangetype', '-e', 'esp.sequence']
  const rows = execFileSync('tshark', ['-r', file, ...fields], quiet).split('\n')
  const column = (at: number) => rows.map((row) => row.split('\t')[at] ?? '').filter((one) => one !== '')
  return { exchanges: column(0).sort(), numbers: column(1) }
}

describe('RFC 9329: IKE and ESP over TCP', () => {
  test('where UDP is blocked, the tunnel stands by TCP all the same, and carries a page and a large one', async () => {
    block('meta l4proto udp drop')
    const gateway = await ground.gateway()
    const { client, connected } = await connect({})
    expect(connected).toContain('TCP 4500 (RFC 9329)')
    expect(await ping()).toContain(' 0% packet loss')
    const got = await ground.onClient(
      'curl',
      '-sS',
      '--max-time',
      '60',
      'http://10.77.0.1/3000000',
      '-o',
      '/dev/null',
      '-w',
      '%{size_download}',
    )
    expect(got).toBe('3000000')
    expect(await client.end('SIGINT')).toBe(0)
    await gateway.line(/"event":"disconnected"/)
  })

  test.each(['native', 'typescript'])('the %s datapath; Wireshark reads the stream', async (engine) => {
    await ground.gateway({ tcpPort: 4500 })
    const file = join(ground.folder, 'wire.pcap')
    const dump = ground.start(ground.clientSide, [
      'tcpdump',
      '-i',
      'wan1',
      '-U',
      '--immediate-mode',
      '-w',
      file,
      'tcp port 4500',
    ])
    await new Promise<void>((resolve) => dump.child.stderr.once('data', () => resolve()))
    const { client } = await connect({ tcp: 'always' }, { CULVERT_ENGINE: engine })
    expect(await ping()).toContain(' 0% packet loss')
    expect(await client.end('SIGINT')).toBe(0)
    await dump.end('SIGINT')
    const [first = '', ...frames] = framesOf(streamsIn(file))
    expect(first).toBe('IKETCP')
    const { exchanges, numbers } = asUdp(frames, join(ground.folder, 'udp.pcap'))
    // IKE_SA_INIT, IKE_AUTH and the Delete, each with its answer.
    expect(exchanges).toEqual(['34', '34', '35', '35', '37', '37'])
    expect(numbers.length).toBeGreaterThanOrEqual(6)
  })

  test('a connection that breaks is opened anew, and the SAs stay', async () => {
    const gateway = await ground.gateway()
    const { client } = await connect({ tcp: 'always' })
    expect(await ping()).toContain(' 0% packet loss')
    // What the client sends next is answered with a reset, as a NAT that has forgotten the connection would.
    block('tcp dport 4500 reject with tcp reset')
    await ground.onClient('ping', '-c', '1', '-W', '1', '10.77.0.1').catch(() => '')
    nft('delete table inet block')
    await ground.onClient('ping', '-c', '1', '-w', '20', '10.77.0.1')
    expect(await ping()).toContain(' 0% packet loss')
    expect(ip(ground.clientSide, '-o addr')).toContain('culvert0')
    expect(gateway.lines.filter((line) => line.includes('"event":"connected"'))).toHaveLength(1)
    expect(await client.end('SIGINT')).toBe(0)
  })
})
