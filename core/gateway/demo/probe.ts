import { get } from 'node:http'
import { Socket } from 'node:net'
import { type Answer, decode, encode } from 'dns-packet'
import { adviceFor } from '../../advice.ts'
import type { Probe } from '../../contract/snapshot.ts'
import { VpnFailure } from '../../errors.ts'
import type { NativeAddon } from '../../native/addon.ts'
import type { Space } from './space.ts'

const LIMIT_MS = 3_000
const ECHO = { v4: { request: 8, reply: 0 }, v6: { request: 128, reply: 129 } } as const

/** Programs on the client's side of a space: what they send can only go through the tunnel. */
export class Prober {
  readonly #space: Space
  readonly #addon: NativeAddon
  #sequence = 0

  constructor(space: Space, addon: NativeAddon) {
    this.#space = space
    this.#addon = addon
  }

  /** One ICMP echo. RFC 792, RFC 4443 §4.1 */
  ping(address: string): Promise<Probe> {
    return this.#probe('ping', address, async () => {
      this.#sequence = (this.#sequence + 1) & 0xffff
      const request = echo(address.includes(':'), this.#sequence)
      const fd = await this.#space.connectedIcmp('here', address)
      await this.#exchange(fd, request, (packet) => isReply(packet, request) || undefined)
      return 'answered'
    })
  }

  /** One question of the tunnel's name server. */
  lookUp(name: string, type: 'A' | 'AAAA', server: string): Promise<Probe> {
    return this.#probe('dns', `${name} ${type}`, async () => {
      this.#sequence = (this.#sequence + 1) & 0xffff
      const id = this.#sequence
      const query = encode({ type: 'query', id, flags: 0x100, questions: [{ type, name }] })
      const fd = await this.#space.connectedUdp('here', server, 53)
      const answers = await this.#exchange(fd, query, (packet) => {
        const reply = decode(Buffer.from(packet))
        return reply.id === id ? (reply.answers ?? []) : undefined
      })
      if (answers.length === 0) throw new Error('the name server knows no such address')
      return answers.map(dataOf).join(' ')
    })
  }

  /** One page; `bytes` of it are counted, the first line is told when it is text. */
  fetch(address: string, path: string): Promise<Probe> {
    const host = address.includes(':') ? `[${address}]` : address
    return this.#probe('web', `http://${host}${path}`, async () => {
      const fd = await this.#space.connectedTcp('here', address, 80)
      const socket = new Socket({ fd, readable: true, writable: true })
      const body = await page(host, path, socket)
      return /^\/\d/.test(path) ? `${body.length} octets` : body.toString('utf8').trim()
    })
  }

  async #probe(what: Probe['what'], target: string, work: () => Promise<string>): Promise<Probe> {
    const startMs = performance.now()
    const done = (ok: boolean, detail: string): Probe => ({
      what,
      target,
      ok,
      ms: performance.now() - startMs,
      detail,
    })
    try {
      return done(true, await work())
    } catch (thrown) {
      return done(false, reasonOf(thrown))
    }
  }

  /** Sends once and waits for what `read` takes. The descriptor is closed afterwards. */
  #exchange<T>(fd: number, request: Uint8Array, read: (packet: Uint8Array) => T | undefined): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const end = (finish: () => void): void => {
        clearTimeout(timer)
        reader.stop()
        this.#addon.closeFd(fd)
        finish()
      }
      const timer = setTimeout(() => end(() => reject(new Error('no answer'))), LIMIT_MS)
      const reader = this.#addon.readPackets(
        fd,
        (packets) => {
          for (const packet of packets) {
            const found = read(packet)
            if (found !== undefined) return end(() => resolve(found))
          }
        },
        (code) => end(() => reject(new Error(code))),
      )
      this.#addon.writePacket(fd, request)
    })
  }
}

/** No agent: it would open a connection of its own, outside of the tunnel. */
function page(host: string, path: string, socket: Socket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const request = get({ host, path, createConnection: () => socket, timeout: LIMIT_MS }, (response) => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.on('error', reject)
      response.on('end', () => {
        socket.destroy()
        if (response.statusCode === 200) resolve(Buffer.concat(parts))
        else reject(new Error(`HTTP status ${response.statusCode}`))
      })
    })
    request.on('timeout', () => request.destroy(new Error('no answer')))
    request.on('error', reject)
  })
}

/** Type, code, checksum, identifier, sequence number, and 56 octets as ping sends them. */
function echo(v6: boolean, sequence: number): Uint8Array {
  const message = new Uint8Array(64).fill(0x5a, 8)
  const view = new DataView(message.buffer)
  view.setUint8(0, v6 ? ECHO.v6.request : ECHO.v4.request)
  view.setUint16(4, process.pid & 0xffff)
  view.setUint16(6, sequence)
  // For ICMPv6 the kernel knows the pseudo-header, and fills the checksum in.
  if (!v6) view.setUint16(2, checksum(message))
  return message
}

/** RFC 1071 */
function checksum(octets: Uint8Array): number {
  let sum = 0
  for (let at = 0; at < octets.length; at += 2) sum += (octets[at]! << 8) | octets[at + 1]!
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

function isReply(packet: Uint8Array, request: Uint8Array): boolean {
  const v6 = request[0] === ECHO.v6.request
  const message = v6 ? packet : packet.subarray((packet[0]! & 0x0f) * 4)
  const { reply } = v6 ? ECHO.v6 : ECHO.v4
  return message[0] === reply && [4, 5, 6, 7].every((at) => message[at] === request[at])
}

const dataOf = (answer: Answer): string => ('data' in answer ? String(answer.data) : answer.type)

function reasonOf(thrown: unknown): string {
  if (thrown instanceof VpnFailure) return adviceFor(thrown.error).detail
  return thrown instanceof Error ? thrown.message : String(thrown)
}
