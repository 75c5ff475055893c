import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { encodePem } from '../../../core/cert/pem.ts'
import { DAY, type Issued, issue, makeGateway, makeKey, makeRoot, pkcs8Of } from '../../support/pki.ts'
import type { Program } from '../program.ts'
import { bundleCulvert } from './culvert.ts'
import { Ground, ip, PSK, ReferenceClient } from './ground.ts'

beforeAll(bundleCulvert)

let ground: Ground
let client: ReferenceClient
let before: string

beforeEach(() => {
  ground = new Ground()
  client = new ReferenceClient(ground)
  before = ground.state(ground.gatewaySide)
})
afterEach(() => ground.remove())

const ping = (address: string) => ground.onClient('ping', '-c', '3', '-i', '0.2', '-W', '3', address)
const fetch = (url: string) => ground.onClient('curl', '-sS', '--max-time', '10', url)

/** Pings every 50 ms until told to stop; resolves with how many were lost. */
function steadyPing(): { stop(): Promise<{ readonly sent: number; readonly lost: number }> } {
  const program = ground.start(ground.clientSide, ['ping', '-i', '0.05', '-W', '2', '10.77.0.1'])
  return {
    stop: async () => {
      await program.end('SIGINT')
      const [, sent, received] =
        /(\d+) packets transmitted, (\d+) received/.exec(program.lines.join('\n')) ?? []
      // The last one may still be on its way.
      return { sent: Number(sent), lost: Math.max(0, Number(sent) - Number(received) - 1) }
    },
  }
}

const pem = ({ der }: Issued) => encodePem({ label: 'CERTIFICATE', der })
const keyPem = ({ key }: Issued) => encodePem({ label: 'PRIVATE KEY', der: pkcs8Of(key) })
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const stop = async (gateway: Program): Promise<void> => {
  expect(await gateway.end('SIGINT')).toBe(0)
  expect(ground.state(ground.gatewaySide)).toBe(before)
}

describe("strongSwan's client at the built-in gateway", () => {
  test('pre-shared key, an address of each family, ping, names and pages; nothing is left behind', async () => {
    // RFC 3948 §3.4: no outer packet says Don't Fragment, or it would be lost where a link is too small and nobody tells.
    await ground.onClient('nft', 'add table inet small')
    await ground.onClient('nft', 'add chain inet small raw { type filter hook prerouting priority raw ; }')
    const dontFragment = 'ip frag-off & 0x4000 != 0 udp sport { 500, 4500 } drop'
    await ground.onClient('nft', `add rule inet small raw ${dontFragment}`)
    const gateway = await ground.gateway()
    await client.start()
    expect(await client.connect()).toContain('initiate completed successfully')
    expect(gateway.lines.join('\n')).toContain(
      '"identity":"alice@culvert.test","addresses":["10.78.0.1","fd78::1"]',
    )
    for (const address of ['10.77.0.1', 'fd77::1']) expect(await ping(address)).toContain(' 0% packet loss')
    expect(await fetch('http://10.77.0.1/')).toMatch(
      /Hello alice@culvert\.test.*10\.78\.0\.1\.\nPhase 1: IKEv2/,
    )
    expect(JSON.parse(await fetch('http://[fd77::1]/status.json'))).toMatchObject({
      address: 'fd78::1',
      phase2: [{ protocol: 'ESP', suite: ['ENCR_AES_GCM_16_128'] }],
    })
    expect((await fetch('http://10.77.0.1/1000000')).length).toBe(1_000_000)
    // Its resolve plugin has put the gateway's name servers into the resolv.conf of this side.
    expect(await ground.onClient('getent', 'ahostsv4', 'www.culvert.test')).toMatch(/^10\.77\.0\.1 /)
    expect(await ground.onClient('getent', 'ahostsv6', 'www.culvert.test')).toMatch(/^fd77::1 /)
    expect(await ground.onClient('getent', 'hosts', '10.77.0.1')).toContain('gateway.culvert.test')
    await client.swanctl('--terminate', '--ike', 'culvert')
    await gateway.line(/"event":"disconnected"/)
    await stop(gateway)
  })

  test.each([
    ['RSA', 'rsa', /RSA/],
    ['ECDSA', 'P-256', /ECDSA/],
  ] as const)(
    'RFC 7427: both ends by %s certificates; beside them one with a key of its own',
    async (_, kind, scheme) => {
      const today = { notBefore: Date.now() - DAY, notAfter: Date.now() + DAY }
      const root = makeRoot('C=CH, O=Culvert, CN=Root', today, makeKey(kind))
      const own = makeGateway(root, { ...today, san: ['dns:gateway.culvert.test'] }, makeKey(kind))
      const alice = issue(
        root,
        { ...today, subject: 'C=CH, O=Culvert, CN=alice', san: ['email:alice@culvert.test'] },
        makeKey(kind),
      )
      const keyFile = join(ground.folder, 'gateway.key')
      writeFileSync(keyFile, keyPem(own), { mode: 0o600 })
      const bobFile = join(ground.folder, 'bob.psk')
      writeFileSync(bobFile, 'of bob alone', { mode: 0o600 })
      const gateway = await ground.gateway({
        auth: { method: 'certificate', certificate: pem(own) },
        clientAuth: { method: 'certificate', ca: pem(root) },
        keyFile,
        clients: [
          {
            id: 'bob@culvert.test',
            auth: { method: 'psk' },
            clientAuth: { method: 'psk' },
            pskFile: bobFile,
          },
        ],
      })
      await client.start({ certificate: { own: pem(alice), key: keyPem(alice), ca: pem(root) } })
      expect(await client.connect()).toContain('initiate completed successfully')
      expect(await ping('10.77.0.1')).toContain(' 0% packet loss')
      expect(JSON.parse(await fetch('http://10.77.0.1/status.json')).provenBy).toMatch(scheme)
      await client.swanctl('--terminate', '--ike', 'culvert')
      await client.stop()
      await client.start({ identity: 'bob@culvert.test', psk: 'of bob alone' })
      expect(await client.connect()).toContain('initiate completed successfully')
      await client.stop()
      await stop(gateway)
    },
  )

  test('RFC 7296 §2.19: who brings an address of its own is told to ask for one', async () => {
    const gateway = await ground.gateway()
    await client.start({ vips: '' })
    await expect(client.connect()).rejects.toThrow(/FAIL_CP_REQ|FAILED_CP_REQUIRED/)
    await stop(gateway)
  })

  test('RFC 7296 §2.8: new keys of both phases, asked for by either end; no ping is lost', async () => {
    const gateway = await ground.gateway({ esp: { rekeySeconds: 3 }, ike: { rekeySeconds: 5 } })
    await client.start()
    await client.connect()
    const pings = steadyPing()
    for (let round = 0; round < 3; round++) {
      await client.swanctl('--rekey', '--child', 'net')
      await sleep(700)
      await client.swanctl('--rekey', '--ike', 'culvert')
      await sleep(700)
    }
    await sleep(8_000)
    const { sent, lost } = await pings.stop()
    expect(sent).toBeGreaterThan(100)
    expect(lost).toBe(0)
    const log = client.log()
    expect(log + gateway.lines.join('\n')).toMatch(/CREATE_CHILD_SA/)
    await stop(gateway)
  })

  test('the gateway ends: the client is told', async () => {
    const gateway = await ground.gateway()
    await client.start()
    await client.connect()
    await stop(gateway)
    await sleep(300)
    expect(await client.swanctl('--list-sas')).toBe('')
  })

  test('RFC 7296 §2.6: every newcomer has to show a cookie', async () => {
    const gateway = await ground.gateway({ limits: { cookiesFrom: 1 } })
    // One that begins and never goes on: from now on cookies are demanded.
    const flood = ground.start(ground.clientSide, ['python3', 'test/lab/halfopen.py', ground.gatewayAddress])
    await flood.exited
    await client.start()
    const said = await client.connect()
    expect(said).toContain('COOKIE')
    expect(said).toContain('initiate completed successfully')
    await stop(gateway)
  })
})

describe('hostile load on a running gateway', () => {
  const SPOOFED = '198.18.41.0'
  const kilobytes = (gateway: Program): number => {
    // `ip netns exec` becomes the program.
    const status = readFileSync(`/proc/${gateway.child.pid}/status`, 'utf8')
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1])
  }

  test('RFC 7296 §2.6: 10,000 IKE_SA_INITs from made-up addresses: a real client gets in, and little is kept', async () => {
    // Answers to the made-up addresses go out and are lost.
    ip(ground.gatewaySide, `route add ${SPOOFED}/24 via ${ground.clientAddress}`)
    const beforeFlood = ground.state(ground.gatewaySide)
    const gateway = await ground.gateway({ listen: undefined })
    await client.start()
    const lean = kilobytes(gateway)
    const flood = ground.start(ground.clientSide, [
      'python3',
      'test/lab/halfopen.py',
      ground.gatewayAddress,
      '10000',
      SPOOFED,
    ])
    await flood.line(/sent/)
    const said = await client.connect()
    expect(said).toContain('COOKIE')
    expect(said).toContain('initiate completed successfully')
    expect([await flood.exited, flood.complaints]).toEqual([0, []])
    expect(await ping('10.77.0.1')).toContain(' 0% packet loss')
    expect(kilobytes(gateway) - lean).toBeLessThan(64 * 1024)
    // Meanwhile it listens where it did not before.
    ip(ground.gatewaySide, 'addr add 198.18.40.9/24 dev wan0')
    await gateway.line(/listens on 198\.18\.40\.9 too/)
    await ground.onClient('python3', 'test/lab/halfopen.py', '198.18.40.9')
    ip(ground.gatewaySide, 'addr del 198.18.40.9/24 dev wan0')
    await gateway.line(/no longer listens on 198\.18\.40\.9/)
    await client.stop()
    expect(await gateway.end('SIGINT')).toBe(0)
    expect(ground.state(ground.gatewaySide)).toBe(beforeFlood)
  })
})

test('no key given: the gateway makes one and shows it once', async () => {
  const gateway = ground.culvert(ground.gatewaySide, ['gateway', '--json'])
  const said = JSON.parse(await gateway.line(/"event":"listening"/)) as { psk: string; addresses: string[] }
  expect(said.psk).toMatch(/^[\w-]{24}$/)
  expect(said.psk).not.toBe(PSK)
  expect(said.addresses).toContain(ground.gatewayAddress)
  await stop(gateway)
})
