import { type ChildProcess, execFileSync } from 'node:child_process'
import { chmodSync, existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { INNER, OUTER, type Side, type Wire } from '../../support/tunnel/pair.ts'
import type { Contender } from './contender.ts'

const SIDES = ['a', 'b'] as const
const MTU = 1420

const onPath = (program: string): boolean =>
  ['/usr/local/sbin', '/usr/sbin', '/usr/local/bin', '/usr/bin'].some((folder) =>
    existsSync(join(folder, program)),
  )

const lacks = (programs: readonly string[]): { readonly missing?: string } => {
  const missing = programs.filter((program) => !program.includes('/') && !onPath(program))
  return missing.length === 0 ? {} : { missing: `${missing.join(', ')} not installed` }
}

/** Ends processes and waits until they are gone. */
async function end(children: readonly ChildProcess[]): Promise<void> {
  await Promise.all(
    children.map((child) => {
      if (child.exitCode !== null || child.signalCode !== null) return undefined
      const gone = new Promise((resolve) => child.once('close', resolve))
      child.kill('SIGTERM')
      return gone
    }),
  )
}

/** Resolves when pings come back. */
async function reachable(wire: Wire): Promise<void> {
  for (let tries = 0; tries < 60; tries++) {
    try {
      wire.run('a', 'ping', '-c', '1', '-W', '1', '-q', INNER.b)
      return
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 250))
    }
  }
  throw new Error('the tunnel does not come up')
}

function running(wire: Wire, children: Record<Side, ChildProcess>) {
  return {
    client: wire.namespace('a'),
    server: wire.namespace('b'),
    to: INNER.b,
    carriers: { client: children.a.pid!, server: children.b.pid! },
    close: () => end(Object.values(children)),
  }
}

/** wireguard-go at both ends; `program` may be the path of a newer one. */
export function wireguardGo(wire: Wire, program = 'wireguard-go'): Contender {
  const device = (side: Side): string => `cw${process.pid % 1_000_000}${side}`
  const keyFile = (side: Side): string => join(wire.folder, `wg-${side}`)
  const start = async (side: Side): Promise<ChildProcess> => {
    const child = wire.start(side, program, ['-f', device(side)], {
      WG_PROCESS_FOREGROUND: '1',
      LOG_LEVEL: 'silent',
    })
    for (let tries = 0; !existsSync(`/var/run/wireguard/${device(side)}.sock`); tries++) {
      if (tries > 100) throw new Error('wireguard-go does not start')
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    return child
  }
  return {
    name: program.includes('/') ? 'wireguard-go, newer' : 'wireguard-go, Debian',
    ...lacks([program, 'wg']),
    async open() {
      const publicKey = Object.fromEntries(
        SIDES.map((side) => {
          writeFileSync(keyFile(side), execFileSync('wg', ['genkey']), { mode: 0o600 })
          return [side, execFileSync('wg', ['pubkey'], { input: execFileSync('cat', [keyFile(side)]) })]
        }),
      )
      const children = { a: await start('a'), b: await start('b') }
      for (const side of SIDES) {
        const other = side === 'a' ? 'b' : 'a'
        const peer = String(publicKey[other]).trim()
        wire.run(
          side,
          ...(['wg', 'set', device(side), 'listen-port', '51820', 'private-key', keyFile(side)] as const),
          ...['peer', peer, 'endpoint', `${OUTER[other]}:51820`, 'allowed-ips', `${INNER[other]}/32`],
        )
        wire.dress(side, MTU, device(side))
      }
      await reachable(wire)
      return running(wire, children)
    },
  }
}

/** Certificates for OpenVPN, made once. */
function certificates(folder: string): void {
  const openssl = (...args: readonly string[]) =>
    execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=ca')
  for (const side of SIDES) {
    openssl('req', ...key, '-keyout', `${side}.key`, '-out', `${side}.csr`, '-subj', `/CN=${side}`)
    const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2']
    openssl('x509', '-req', '-in', `${side}.csr`, '-out', `${side}.pem`, ...signed)
    chmodSync(join(folder, `${side}.key`), 0o600)
  }
}

/** OpenVPN with AES-256-GCM, in user space, at both ends. */
export function openvpn(wire: Wire): Contender {
  return {
    name: 'OpenVPN, AES-256-GCM',
    ...lacks(['openvpn', 'openssl']),
    async open() {
      if (!existsSync(join(wire.folder, 'ca.pem'))) certificates(wire.folder)
      const start = (side: Side): ChildProcess => {
        const other = side === 'a' ? 'b' : 'a'
        const option = {
          dev: 'tun0',
          'dev-type': 'tun',
          proto: 'udp',
          local: OUTER[side],
          remote: OUTER[other],
          port: '1194',
          [side === 'a' ? 'tls-client' : 'tls-server']: '',
          ca: join(wire.folder, 'ca.pem'),
          cert: join(wire.folder, `${side}.pem`),
          key: join(wire.folder, `${side}.key`),
          ...(side === 'b' ? { dh: 'none' } : {}),
          cipher: 'AES-256-GCM',
          'data-ciphers': 'AES-256-GCM',
          'disable-dco': '',
          'tun-mtu': String(MTU),
          mssfix: '0',
          txqueuelen: '1000',
          sndbuf: String(4 << 20),
          rcvbuf: String(4 << 20),
          verb: '0',
        }
        const args = Object.entries(option).flatMap(([name, value]) =>
          value === '' ? [`--${name}`] : [`--${name}`, value],
        )
        return wire.start(side, 'openvpn', [...args, '--ifconfig', INNER[side], INNER[other]])
      }
      const children = { a: start('a'), b: start('b') }
      await reachable(wire)
      return running(wire, children)
    },
  }
}
