import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Program } from '../program.ts'
import { bundleCulvert } from './culvert.ts'
import { Ground, PSK } from './ground.ts'

// OpenSSL's own responder stands beside the gateway and is asked: by the client, or by the gateway for it.

beforeAll(bundleCulvert)

const PORT = 2560
let ground: Ground
let url: string
beforeEach(() => {
  ground = new Ground()
  url = `http://${ground.gatewayAddress}:${PORT}/`
  makeCertificates()
})
afterEach(() => ground.remove())

const at = (name: string): string => join(ground.folder, name)
const pem = (name: string): string => readFileSync(at(name), 'utf8')
const openssl = (...args: readonly string[]): string =>
  execFileSync('openssl', args, { cwd: ground.folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

function makeCertificates(): void {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  const ca = ['-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=Authority', '-days', '30']
  openssl('req', '-x509', ...key, ...ca, '-addext', 'keyUsage=critical,keyCertSign,cRLSign')
  openssl('req', ...key, '-keyout', 'gw.key', '-out', 'gw.csr', '-subj', '/CN=gateway')
  writeFileSync(
    at('extensions'),
    [
      'subjectAltName=DNS:gateway.culvert.test',
      'extendedKeyUsage=serverAuth',
      `authorityInfoAccess=OCSP;URI:${url}`,
    ].join('\n'),
  )
  const issue = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-set_serial', '0x1234', '-days', '30']
  openssl('x509', '-req', '-in', 'gw.csr', ...issue, '-extfile', 'extensions', '-out', 'gw.pem')
}

/** `openssl ocsp`, which says of the gateway's certificate what the index says. */
async function respond(status: 'good' | 'revoked'): Promise<Program> {
  const [until, since] = ['491231235959Z', '260101000000Z']
  const row = status === 'good' ? ['V', until, ''] : ['R', until, since]
  writeFileSync(at('index'), `${[...row, '1234', 'unknown', '/CN=gateway'].join('\t')}\n`)
  const who = ['-CA', at('ca.pem'), '-rsigner', at('ca.pem'), '-rkey', at('ca.key')]
  const where = ['-index', at('index'), '-port', String(PORT), '-nmin', '10']
  const program = ground.start(ground.gatewaySide, ['openssl', 'ocsp', ...where, ...who])
  await listening()
  return program
}

async function listening(): Promise<void> {
  const sockets = () =>
    execFileSync('ip', ['netns', 'exec', ground.gatewaySide, 'ss', '-Hltn'], { encoding: 'utf8' })
  while (!sockets().includes(`:${PORT} `)) await new Promise((resolve) => setTimeout(resolve, 50))
}

const gateway = (certificate: string): Promise<Program> =>
  ground.gateway({
    auth: { method: 'certificate', certificate },
    keyFile: at('gw.key'),
    clientAuth: { method: 'psk' },
  })

/** What the client says in all until it is connected or has given up. */
async function connect(revocation: 'strict' | 'ifAvailable'): Promise<string> {
  const profiles = join(ground.folder, `home-${ground.clientSide}`, 'profiles')
  mkdirSync(profiles, { recursive: true })
  const profile = {
    ...{ format: 'culvert-profile', version: 1, id: 'inside', name: 'Inside' },
    ...{ localId: 'bob@culvert.test', remoteId: 'gateway.culvert.test' },
    gateway: { host: ground.gatewayAddress },
    auth: { method: 'psk' },
    gatewayAuth: { method: 'certificate', ca: pem('ca.pem'), revocation },
  }
  writeFileSync(join(profiles, 'inside.json'), JSON.stringify(profile))
  const client = ground.culvert(ground.clientSide, ['connect', 'inside', '--secrets-stdin', '--json'])
  client.child.stdin.end(`psk=${PSK}\n`)
  const outcome = await Promise.race([client.line(/"state":"connected"/), client.exited])
  if (typeof outcome === 'string') await client.end('SIGINT')
  return [...client.lines, ...client.complaints].join('\n')
}

const CONNECTED = /"state":"connected"/

test('RFC 6960: good, and strict is content; the client has asked by itself', async () => {
  await gateway(pem('gw.pem'))
  const responder = await respond('good')
  expect(await connect('strict')).toMatch(CONNECTED)
  expect([...responder.lines, ...responder.complaints].join('\n')).not.toBe('')
})

test('RFC 6960: revoked, and nobody connects', async () => {
  await gateway(pem('gw.pem'))
  await respond('revoked')
  const said = await connect('ifAvailable')
  expect(said).not.toMatch(CONNECTED)
  expect(said).toContain('revoked')
})

test('a responder that is silent: strict refuses and says why; if available goes on', async () => {
  await gateway(pem('gw.pem'))
  const deaf = `require('net').createServer(() => {}).listen(${PORT}, '${ground.gatewayAddress}')`
  ground.start(ground.gatewaySide, [process.execPath, '-e', deaf])
  await listening()
  const strict = await connect('strict')
  expect(strict).not.toMatch(CONNECTED)
  expect(strict).toContain(`${url}: it does not answer in time`)
  const loose = await connect('ifAvailable')
  expect(loose).toMatch(CONNECTED)
})

test('RFC 4806: the gateway has asked before, and the client needs nobody', async () => {
  const responder = await respond('good')
  const running = await gateway(pem('gw.pem') + pem('ca.pem'))
  await running.line(/shows what .* says of its certificate/)
  await responder.end('SIGTERM')
  expect(await connect('strict')).toMatch(CONNECTED)
})
