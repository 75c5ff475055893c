import { createServer, type Server, type ServerResponse } from 'node:http'
import type { ClientView } from '../gateway.ts'

/** Octets the page of a size has at most. */
const LARGEST = 1_000_000_000
const CHUNK = Buffer.alloc(64 * 1024, 'x')

/**
 * The page behind the tunnel, not yet listening: `/` tells who came and by which phase 1 and phase 2, `/status.json`
 * the same for programs, `/N` is N octets. `clientAt`: the client with an inner address.
 */
export function createPage(clientAt: (address: string) => ClientView | undefined): Server {
  const server = createServer((request, response) => {
    const address = (request.socket.remoteAddress ?? '').replace(/^::ffff:/, '')
    const path = (request.url ?? '/').split('?')[0]!
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return send(response, 405, 'Only GET is known here.\n')
    if (path === '/') return send(response, 200, describe(address, clientAt(address)))
    if (path === '/status.json') return sendJson(response, address, clientAt(address))
    const size = /^\/(\d{1,10})$/.exec(path)?.[1]
    if (size !== undefined && Number(size) <= LARGEST) return sendOctets(response, Number(size))
    send(response, 404, 'There is /, /status.json, and /N for N octets.\n')
  })
  // A client that goes without a word must not hold a connection for ever.
  server.requestTimeout = 10_000
  server.headersTimeout = 10_000
  server.keepAliveTimeout = 2_000
  return server
}

function describe(address: string, client: ClientView | undefined): string {
  if (client === undefined) return `Hello ${address}. You did not come through a tunnel.\n`
  const { phase1, phase2 } = client.connection
  const child = phase2[0]
  return [
    `Hello ${client.identity}, you came through the tunnel from ${address}.`,
    `Phase 1: ${phase1?.version ?? ''}, ${phase1?.suite.join(' ') ?? ''}; you proved yourself by ${phase1?.remoteAuthentication ?? ''}`,
    `Phase 2: ${child?.protocol ?? ''} ${child?.mode ?? ''}, ${child?.suite.join(' ') ?? ''}`,
    '',
  ].join('\n')
}

function send(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    'x-content-type-options': 'nosniff',
  })
  response.end(text)
}

function sendJson(response: ServerResponse, address: string, client: ClientView | undefined): void {
  const body = Buffer.from(
    JSON.stringify({
      address,
      identity: client?.identity,
      provenBy: client?.connection.phase1?.remoteAuthentication,
      phase1: client?.connection.phase1?.suite,
      phase2: client?.connection.phase2.map(({ protocol, mode, suite }) => ({ protocol, mode, suite })),
    }),
  )
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length })
  response.end(body)
}

/** No faster than the client takes them: a page of a gigabyte must not be in memory. */
function sendOctets(response: ServerResponse, size: number): void {
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': size })
  let left = size
  const more = (): void => {
    while (left > 0) {
      const part = left < CHUNK.length ? CHUNK.subarray(0, left) : CHUNK
      left -= part.length
      if (!response.write(part)) {
        response.once('drain', more)
        return
      }
    }
    response.end()
  }
  more()
}
