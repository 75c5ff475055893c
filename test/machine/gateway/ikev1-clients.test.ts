import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { encodePem } from '../../../core/cert/pem.ts'
import { DAY, type Issued, issue, makeGateway, makeKey, makeRoot, pkcs8Of } from '../../support/pki.ts'
import type { Program } from '../program.ts'
import { bundleCulvert } from './culvert.ts'
import { Ground, PSK, ReferenceClient, type ReferenceOptions } from './ground.ts'

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

const ping = (): Promise<string> => ground.onClient('ping', '-c', '3', '-i', '0.2', '-W', '3', '10.77.0.1')
/** Their output waits in a buffer: that packets pass is what tells that they are done. */
async function reachable(client: Program): Promise<void> {
  for (;;) {
    const passes = await ground.onClient('ping', '-c', '1', '-W', '1', '10.77.0.1').catch(() => undefined)
    if (passes !== undefined) return
    expect(client.child.exitCode).toBeNull()
  }
}
const file = (name: string, text: string): string => {
  const path = join(ground.folder, name)
  writeFileSync(path, text, { mode: 0o600 })
  return path
}
const stop = async (gateway: Program): Promise<void> => {
  expect(await gateway.end('SIGINT')).toBe(0)
  expect(ground.state(ground.gatewaySide)).toBe(before)
}

const pem = ({ der }: Issued): string => encodePem({ label: 'CERTIFICATE', der })
const keyPem = ({ key }: Issued): string => encodePem({ label: 'PRIVATE KEY', der: pkcs8Of(key) })
const today = { notBefore: Date.now() - DAY, notAfter: Date.now() + DAY }
function authority(kind: 'rsa' | 'P-256') {
  const root = makeRoot('C=CH, O=Culvert, CN=Root', today, makeKey(kind))
  const own = makeGateway(root, { ...today, san: ['dns:gateway.culvert.test'] }, makeKey(kind))
  const subject = 'C=CH, O=Culvert, CN=alice'
  const alice = issue(root, { ...today, subject, san: ['email:alice@culvert.test'] }, makeKey(kind))
  return { root, own, alice }
}
const users = () => [{ name: 'alice', passwordFile: file('alice', 'open sesame\n') }]
const byCertificate = ({ root, own }: ReturnType<typeof authority>) => ({
  auth: { method: 'certificate', certificate: pem(own) },
  clientAuth: { method: 'certificate', ca: pem(root) },
  keyFile: file('gateway.key', keyPem(own)),
})
const charonCertificate = ({ root, alice }: ReturnType<typeof authority>) => ({
  certificate: { own: pem(alice), key: keyPem(alice), ca: pem(root) },
})
/** CBC is all that phase 1 of IKEv1 knows, and strongSwan's default offer has it. */
const signIn = { user: 'alice', password: 'open sesame' }
const weakAggressive = { weak: ['aggressivepsk'] }

type Case = readonly [name: string, settings: () => object, options: () => ReferenceOptions]
const CASES: readonly Case[] = [
  ['main mode, pre-shared key', () => ({ ikev1: {} }), () => ({ ikev1: {} })],
  [
    'aggressive mode, pre-shared key',
    () => ({ ikev1: { aggressive: true }, ...weakAggressive }),
    () => ({ ikev1: { aggressive: true } }),
  ],
  ['main mode, pre-shared key and XAuth', () => ({ ikev1: { users: users() } }), () => ({ ikev1: signIn })],
]

describe("strongSwan's client in IKEv1 at the built-in gateway", () => {
  const connects = async (settings: object, options: ReferenceOptions): Promise<void> => {
    const gateway = await ground.gateway(settings)
    await client.start({ vips: '0.0.0.0', ...options })
    expect(await client.connect()).toContain('initiate completed successfully')
    expect(await ping()).toContain(' 0% packet loss')
    // Nobody renews what was made a moment ago.
    expect(client.log()).not.toContain('is initiating a')
    await client.swanctl('--terminate', '--ike', 'culvert')
    await gateway.line(/"event":"disconnected"/).catch((error: Error) => {
      throw new Error(`${error.message}\n${client.log()}`)
    })
    await client.stop()
    await stop(gateway)
  }

  test.each(CASES)('%s', (_, settings, options) => connects(settings(), options()))

  test.each(['rsa', 'P-256'] as const)('RFC 2409 §5.1, RFC 4754: certificates, %s', async (kind) => {
    const pki = authority(kind)
    await connects({ ikev1: {}, ...byCertificate(pki) }, { ikev1: {}, ...charonCertificate(pki) })
  })

  test('certificates and XAuth, in aggressive mode', async () => {
    const pki = authority('rsa')
    await connects(
      { ikev1: { aggressive: true, users: users() }, ...byCertificate(pki) },
      { ikev1: { aggressive: true, ...signIn }, ...charonCertificate(pki) },
    )
  })

  test.each([false, true])('hybrid, aggressive mode: %s', async (aggressive) => {
    const pki = authority('rsa')
    await connects(
      { ikev1: { hybrid: true, aggressive, users: users() }, ...byCertificate(pki) },
      { ikev1: { hybrid: true, aggressive, ...signIn }, certificate: { ca: pem(pki.root) } },
    )
  })

  test('a wrong password of XAuth is refused, and nothing is kept', async () => {
    const gateway = await ground.gateway({ ikev1: { users: users() } })
    await client.start({ vips: '0.0.0.0', ikev1: { ...signIn, password: 'open barley' } })
    await expect(client.connect()).rejects.toThrow(/XAuth authentication of 'alice' \(myself\) failed/)
    expect(gateway.lines.join('\n')).not.toContain('"event":"connected"')
    await client.stop()
    await stop(gateway)
  })

  test('RFC 2409 §5.5, RFC 2408 §4.3: new keys of both phases, asked for by either end', async () => {
    const gateway = await ground.gateway({ ikev1: {}, esp: { rekeySeconds: 4 }, ike: { rekeySeconds: 6 } })
    await client.start({ vips: '0.0.0.0', ikev1: {} })
    await client.connect()
    const pings = ground.start(ground.clientSide, ['ping', '-i', '0.1', '-W', '2', '10.77.0.1'])
    for (let round = 0; round < 2; round++) {
      await client.swanctl('--rekey', '--child', 'net')
      await pings.line(new RegExp(`icmp_seq=${(round + 1) * 40} `))
      await client.swanctl('--rekey', '--ike', 'culvert')
    }
    await pings.line(/icmp_seq=140 /)
    await pings.end('SIGINT')
    // A packet may be on its way in the old SAs when they end; a renewal that went wrong costs seconds.
    expect(pings.lines.join('\n')).toMatch(/ [0-4]% packet loss/)
    expect(gateway.lines.join('\n').match(/"event":"connected"/g)).toHaveLength(1)
    await client.stop()
    await stop(gateway)
  })
})

describe('vpnc at the built-in gateway', () => {
  const vpncConf = (more: string): string =>
    file(
      'vpnc.conf',
      `IPSec gateway ${ground.gatewayAddress}\nIPSec ID road warriors\nIPSec secret ${PSK}\nXauth username alice\nXauth password open sesame\nNAT Traversal Mode natt\nLocal Port 0\nScript ${join(ground.folder, 'script')}\n${more}`,
    )

  test('aggressive mode, a group with a key, XAuth, addresses and networks by Mode Config', async () => {
    mkdirSync(ground.folder, { recursive: true })
    const gateway = await ground.gateway({
      // It knows no other hash.
      ikev1: { aggressive: true, users: users(), proposals: ['aes256-aes128-sha1-modp2048'] },
      esp: { proposals: ['aes256-aes128-sha1'] },
      weak: ['aggressivepsk', 'sha1', 'modp1024'],
    })
    // What vpnc's usual script does with what the gateway gave, without touching this machine's names.
    const seen = join(ground.folder, 'seen')
    const script = [
      '#!/bin/sh',
      `env | grep -E '^(INTERNAL|CISCO|reason|TUNDEV)' >> ${seen}`,
      '[ "$reason" = connect ] || exit 0',
      'ip link set "$TUNDEV" up mtu 1300',
      'ip addr add "$INTERNAL_IP4_ADDRESS/32" dev "$TUNDEV"',
      'ip route add "$CISCO_SPLIT_INC_0_ADDR/$CISCO_SPLIT_INC_0_MASKLEN" dev "$TUNDEV"',
    ].join('\n')
    writeFileSync(join(ground.folder, 'script'), script, { mode: 0o755 })
    const conf = vpncConf('IKE DH Group dh14\nPerfect Forward Secrecy nopfs\n')
    const vpnc = ground.start(ground.clientSide, ['vpnc', '--no-detach', '--non-inter', conf])
    await gateway.line(/"event":"connected","identity":"alice"/)
    await reachable(vpnc)
    expect(await ping()).toContain(' 0% packet loss')
    const given = await ground.onClient('cat', seen)
    expect(given).toContain('CISCO_SPLIT_INC_0_ADDR=10.77.0.0')
    expect(given).toContain('CISCO_DEF_DOMAIN=culvert.test')
    expect(given).toContain('INTERNAL_IP4_DNS=10.77.0.1')
    await vpnc.end('SIGTERM')
    await gateway.line(/"event":"disconnected"/)
    await stop(gateway)
  })
})

describe('charon-cmd at the built-in gateway', () => {
  test('a certificate of the gateway, name and password of the client: hybrid', async () => {
    const pki = authority('rsa')
    const gateway = await ground.gateway({
      ikev1: { hybrid: true, users: users() },
      ...byCertificate(pki),
    })
    const ca = file('ca.pem', pem(pki.root))
    const config = file('charon-cmd.conf', CHARON_CMD)
    const program = ground.start(
      ground.clientSide,
      [
        'charon-cmd',
        ...['--host', ground.gatewayAddress, '--remote-identity', 'gateway.culvert.test', '--cert', ca],
        ...['--profile', 'ikev1-hybrid', '--identity', 'alice', '--remote-ts', '10.77.0.0/24'],
      ],
      { ...process.env, STRONGSWAN_CONF: config },
    )
    program.child.stdin.write('open sesame\n')
    await gateway.line(/"event":"connected","identity":"alice"/)
    await reachable(program)
    expect(await ping()).toContain(' 0% packet loss')
    await program.end('SIGINT')
    await gateway.line(/"event":"disconnected"/)
    await stop(gateway)
  })
})

describe('ike-scan at the built-in gateway', () => {
  const scan = (...more: readonly string[]): Promise<string> =>
    ground.onClient('ike-scan', '--sport=0', '--retry=2', ...more, ground.gatewayAddress)
  /** Encryption 7 is AES, with key length 14; hash 4 is SHA2-256; authentication 1 a key; group 14 MODP2048. RFC 2409 Appendix A */
  const GOOD = '--trans=(1=7,14=256,2=4,3=1,4=14)'

  test('RFC 2409 Appendix A: it takes what its settings say, and refuses the rest in words', async () => {
    const gateway = await ground.gateway({ ikev1: {} })
    const accepted = await scan(GOOD)
    expect(accepted).toContain('Main Mode Handshake returned')
    expect(accepted).toContain('Enc=AES KeyLength=256 Hash=SHA2-256')
    expect(accepted).toContain('Auth=PSK')
    expect(accepted).toContain('Dead Peer Detection')
    // 3DES, DES and group 2 are what it offers when it is not told otherwise.
    expect(await scan()).toContain('Notify message 14 (NO-PROPOSAL-CHOSEN)')
    expect(await scan('--aggressive', '--id=road', '--dhgroup=14', GOOD)).toContain(
      '0 returned handshake; 0 returned notify',
    )
    await stop(gateway)
  })

  test('RFC 2409 §5: without the setting nothing is answered to IKEv1', async () => {
    const gateway = await ground.gateway()
    expect(await scan(GOOD)).toContain('0 returned handshake; 0 returned notify')
    await stop(gateway)
  })
})

const CHARON_CMD = `
charon-cmd {
  load = nonce random drbg openssl aes sha1 sha2 hmac kdf gcm ctr curve25519 pem pkcs1 pkcs8 x509 pubkey constraints kernel-libipsec kernel-netlink socket-default xauth-generic
  plugins {
    kernel-netlink { fwmark = !0x42 }
    socket-default { fwmark = 0x42 }
    kernel-libipsec { allow_peer_ts = yes }
  }
}
`
