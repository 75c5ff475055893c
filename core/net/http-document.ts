import { lookup } from 'node:dns'
import { type IncomingMessage, request as overHttp } from 'node:http'
import { request as overHttps } from 'node:https'
import { BlockList, isIP, type LookupFunction } from 'node:net'

export interface Wanted {
  readonly url: string
  /** Sent by POST where it is there. */
  readonly body?: { readonly type: string; readonly octets: Uint8Array }
  readonly limitMs: number
  readonly mostOctets: number
  /** Whether this address may be asked at all; left out: any but this computer and its neighbours on the link. */
  readonly isAllowed?: (address: string) => boolean
}

export type Fetched =
  | { readonly ok: true; readonly octets: Uint8Array }
  /** A clause without a full stop. */
  | { readonly ok: false; readonly problem: string }

/** Places that a stranger's URL has no business with. RFC 6890 */
const OURS = new BlockList()
for (const [network, bits] of [
  ['0.0.0.0', 8],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['224.0.0.0', 3],
] as const) {
  OURS.addSubnet(network, bits, 'ipv4')
}
for (const [network, bits] of [
  ['::', 127],
  ['fe80::', 10],
  ['ff00::', 8],
] as const) {
  OURS.addSubnet(network, bits, 'ipv6')
}

const isElsewhere = (address: string): boolean =>
  !OURS.check(address.replace(/%.*$/, ''), isIP(address) === 4 ? 'ipv4' : 'ipv6')

/**
 * One document from a URL that somebody else wrote: `http` or `https`, no redirects, one connection, bounded in
 * time and size whatever the server does. Never rejects.
 */
export function fetchDocument(wanted: Wanted): Promise<Fetched> {
  return new Promise((resolve) => {
    const { limitMs, body } = wanted
    const url = URL.canParse(wanted.url) ? new URL(wanted.url) : undefined
    if (url === undefined || !/^https?:$/.test(url.protocol)) {
      resolve({ ok: false, problem: 'it is no address of the web' })
      return
    }
    const isAllowed = wanted.isAllowed ?? isElsewhere
    const host = url.hostname.replace(/^\[|\]$/g, '')
    if (isIP(host) !== 0 && !isAllowed(host)) {
      resolve({ ok: false, problem: FORBIDDEN })
      return
    }
    const send = url.protocol === 'https:' ? overHttps : overHttp
    const request = send(url, {
      method: body === undefined ? 'GET' : 'POST',
      headers: body === undefined ? {} : { 'content-type': body.type, 'content-length': body.octets.length },
      lookup: guardedLookup(isAllowed),
      agent: false,
    })
    const timer = setTimeout(() => end({ ok: false, problem: 'it does not answer in time' }), limitMs)
    const end = (result: Fetched): void => {
      clearTimeout(timer)
      resolve(result)
      request.destroy()
    }
    request.on('error', (error) => end({ ok: false, problem: wordsOf(error) }))
    request.on('response', (response) => void receive(response, wanted.mostOctets).then(end))
    request.end(body?.octets)
  })
}

const FORBIDDEN = 'its address is one of this computer or of its own link'

async function receive(response: IncomingMessage, mostOctets: number): Promise<Fetched> {
  if (response.statusCode !== 200)
    return { ok: false, problem: `it answers with status ${response.statusCode}` }
  const parts: Buffer[] = []
  let octets = 0
  try {
    for await (const part of response) {
      octets += (part as Buffer).length
      if (octets > mostOctets) return { ok: false, problem: `its answer is larger than ${mostOctets} octets` }
      parts.push(part as Buffer)
    }
  } catch (error) {
    return { ok: false, problem: wordsOf(error) }
  }
  return { ok: true, octets: new Uint8Array(Buffer.concat(parts)) }
}

/** A name is looked up once, and what it leads to is what is asked. */
const guardedLookup =
  (isAllowed: (address: string) => boolean): LookupFunction =>
  (host, options, done) => {
    lookup(host, { ...options, all: true }, (error, found) => {
      const allowed = error === null ? found.filter(({ address }) => isAllowed(address)) : []
      const [first] = allowed
      if (error !== null) return done(error, '')
      if (first === undefined) return done(new Error(FORBIDDEN), '')
      return options.all === true ? done(null, allowed) : done(null, first.address, first.family)
    })
  }

const wordsOf = (error: unknown): string => {
  const { code, message } = error as NodeJS.ErrnoException
  return code ?? message
}
