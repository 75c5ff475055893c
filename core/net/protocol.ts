import { isIP } from 'node:net'
import { addressBytes, addressText } from '../bytes/address.ts'
import { Reader } from '../bytes/reader.ts'
import { Writer } from '../bytes/writer.ts'
import type { VpnError } from '../errors.ts'
import { parseCidr } from './cidr.ts'
import type { Endpoint, HoldPlan, RawRequest, TcpRequest, TunnelPlan, UdpRequest } from './plan.ts'

/** What the helper can be asked: a closed list, the same as in helper/messages.h. */
export type HelperRequest =
  | { readonly verb: 'ping' }
  | { readonly verb: 'openUdp'; readonly request: UdpRequest }
  | { readonly verb: 'openTun'; readonly device: string }
  | { readonly verb: 'apply'; readonly plan: TunnelPlan }
  | { readonly verb: 'restore'; readonly device: string }
  | { readonly verb: 'restoreStale' }
  | { readonly verb: 'hold'; readonly plan: HoldPlan }
  | { readonly verb: 'letOut'; readonly device: string }
  | { readonly verb: 'openRaw'; readonly request: RawRequest }
  | { readonly verb: 'openTcp'; readonly request: TcpRequest }

export type HelperVerb = HelperRequest['verb']

export type HelperReply =
  | { readonly id: number; readonly error: VpnError }
  | { readonly id: number; readonly verb: 'ping' }
  | { readonly id: number; readonly verb: 'openUdp' | 'openTcp'; readonly local: Endpoint }
  | { readonly id: number; readonly verb: 'openTun'; readonly device: string }
  | { readonly id: number; readonly verb: 'openRaw'; readonly local: string }
  | {
      readonly id: number
      readonly verb: 'apply' | 'restore' | 'restoreStale' | 'hold' | 'letOut'
      /** What was left alone, and why. */
      readonly notes: readonly string[]
    }

const VERSION = 1
const REFERENCE = 'docs/decisions/helper-protocol.md'
const VERBS = [
  'ping',
  'openUdp',
  'openTun',
  'apply',
  'restore',
  'restoreStale',
  'hold',
  'letOut',
  'openRaw',
  'openTcp',
] as const
const REPLY = 0x80

/** One request as octets. Throws `RangeError` for what no plan may hold; the helper checks everything again. */
export function encodeRequest(id: number, request: HelperRequest): Uint8Array {
  const w = new Writer()
  w.u8(VERSION)
  w.u8(VERBS.indexOf(request.verb) + 1)
  w.u16(id)
  switch (request.verb) {
    case 'ping':
    case 'restoreStale':
      break
    case 'openUdp':
    case 'openTcp':
      writeAddress(w, request.request.address)
      w.u16(request.request.port)
      break
    case 'openRaw':
      writeAddress(w, request.request.address)
      w.u8(request.request.protocol)
      break
    case 'openTun':
    case 'restore':
    case 'letOut':
      writeText(w, request.device)
      break
    case 'apply':
      writePlan(w, request.plan)
      break
    case 'hold':
      writeText(w, request.plan.device)
      writeDestinations(w, [request.plan.networks, request.plan.except])
      break
  }
  return w.finish()
}

/** One reply. Throws `Malformed` for what no helper of this version says. */
export function decodeReply(bytes: Uint8Array): HelperReply {
  const r = new Reader(bytes, ['helper reply'], REFERENCE)
  const version = r.u8('version')
  if (version !== VERSION) r.fail('version', `${version}, wanted ${VERSION}`)
  const code = r.u8('verb')
  const id = r.u16('id')
  const status = r.u8('status')
  if (status !== 0) {
    const error = faultOf(status, readText(r, 'what'), readText(r, 'problem'))
    r.end()
    return { id, error }
  }
  const verb = VERBS[(code ^ REPLY) - 1]
  if (verb === undefined) return r.fail('verb', `${code} is unknown`)
  const reply = readBody(r, id, verb)
  r.end()
  return reply
}

function readBody(r: Reader, id: number, verb: HelperVerb): HelperReply {
  switch (verb) {
    case 'ping':
      return { id, verb }
    case 'openUdp':
    case 'openTcp': {
      const address = readAddress(r)
      return { id, verb, local: { address, port: r.u16('port') } }
    }
    case 'openRaw':
      return { id, verb, local: readAddress(r) }
    case 'openTun':
      return { id, verb, device: readText(r, 'device') }
    default: {
      const notes: string[] = []
      for (let left = r.u8('notes'); left > 0; left--) notes.push(readText(r, 'note'))
      return { id, verb, notes }
    }
  }
}

function faultOf(status: number, what: string, problem: string): VpnError {
  switch (status) {
    case 2:
      return { kind: 'noTun', problem: `${what}: ${problem}` }
    case 3:
      return { kind: 'noPermission', what: `${what}: ${problem}` }
    default:
      return { kind: 'systemRefused', what, problem }
  }
}

function writePlan(w: Writer, plan: TunnelPlan): void {
  writeText(w, plan.device)
  w.u16(plan.mtu)
  writeCount(w, plan.addresses, 0xff, 'addresses')
  for (const cidr of plan.addresses) writePrefix(w, cidr)
  writeDestinations(w, [plan.routes, plan.bypass, plan.unreachable])
  w.u8(plan.dns === undefined ? 0 : 1)
  if (plan.dns === undefined) return
  writeCount(w, plan.dns.servers, 0xff, 'name servers')
  for (const server of plan.dns.servers) writeAddress(w, server)
  for (const domains of [plan.dns.search, plan.dns.only]) {
    writeCount(w, domains, 0xff, 'domains')
    for (const domain of domains) writeText(w, domain)
  }
  const encrypted = plan.dns.encrypted ?? []
  writeCount(w, encrypted, 0xff, 'encrypted name servers')
  for (const { address, port, name } of encrypted) {
    writeAddress(w, address)
    w.u16(port)
    writeText(w, name)
  }
}

function writeDestinations(w: Writer, lists: readonly (readonly string[])[]): void {
  for (const list of lists) {
    if (list.length > 0xffff) throw new RangeError('too many destinations')
    w.u16(list.length)
    for (const cidr of list) writePrefix(w, cidr)
  }
}

function writeCount(w: Writer, list: readonly unknown[], most: number, what: string): void {
  if (list.length > most) throw new RangeError(`too many ${what}`)
  w.u8(list.length)
}

function writeAddress(w: Writer, address: string): void {
  w.u8(isIP(address))
  // The helper has no place for a zone, and an address that needs one means nothing without it.
  if (address.includes('%')) throw new RangeError(`an address with a zone: ${address}`)
  w.bytes(addressBytes(address))
}

function writePrefix(w: Writer, cidr: string): void {
  const { octets, bits } = parseCidr(cidr)
  w.u8(octets.length === 16 ? 6 : 4)
  w.bytes(octets)
  w.u8(bits)
}

function writeText(w: Writer, text: string): void {
  const bytes = Buffer.from(text, 'utf8')
  if (bytes.length > 0xff) throw new RangeError(`longer than 255 octets: ${text.slice(0, 20)}…`)
  w.u8(bytes.length)
  w.bytes(bytes)
}

const readAddress = (r: Reader): string => addressText(r.bytes(r.u8('family') === 6 ? 16 : 4, 'address'))

const readText = (r: Reader, field: string): string =>
  Buffer.from(r.bytes(r.u8(field), field)).toString('utf8')
