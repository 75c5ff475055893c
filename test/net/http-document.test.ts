import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { fetchDocument, type Wanted } from '../../core/net/http-document.ts'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

/** A server that does as told, and what is had from it. */
async function fetchFrom(handle: RequestListener, wanted: Partial<Wanted> = {}): Promise<string> {
  const server = createServer(handle)
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const fetched = await fetchDocument({
    ...{ url: `http://127.0.0.1:${port}/`, limitMs: 5_000, mostOctets: 100, isAllowed: () => true },
    ...wanted,
  })
  return fetched.ok ? Buffer.from(fetched.octets).toString() : fetched.problem
}

describe('a document from a URL that somebody else wrote', () => {
  test('by GET, and by POST with what is asked', async () => {
    expect(await fetchFrom((request, response) => response.end(request.method))).toBe('GET')
    const body = { type: 'application/ocsp-request', octets: new TextEncoder().encode('why') }
    const echo: RequestListener = (request, response) => {
      response.write(`${request.headers['content-type']} `)
      request.pipe(response)
    }
    expect(await fetchFrom(echo, { body })).toBe('application/ocsp-request why')
  })

  test('CVE-2022-40617: a server that never answers, and one that drips, cost the time that was given', async () => {
    expect(await fetchFrom(() => {}, { limitMs: 50 })).toBe('it does not answer in time')
    const drip: RequestListener = (_, response) => {
      const timer = setInterval(() => response.write('.'), 10)
      response.on('close', () => clearInterval(timer))
    }
    expect(await fetchFrom(drip, { limitMs: 80 })).toBe('it does not answer in time')
  })

  test('an answer without end costs what may be read', async () => {
    let sent = 0
    let closed: () => void = () => {}
    const over = new Promise<void>((resolve) => (closed = resolve))
    const flood: RequestListener = (_, response) => {
      const more = (): void => {
        if (response.destroyed) return
        sent += 10_000
        response.write(Buffer.alloc(10_000), () => setImmediate(more))
      }
      response.on('close', closed)
      more()
    }
    expect(await fetchFrom(flood)).toBe('its answer is larger than 100 octets')
    await over
    expect(sent).toBeLessThan(10_000_000)
  })

  test('it is not sent on to elsewhere', async () => {
    const redirect: RequestListener = (_, response) => response.writeHead(302, { location: '/else' }).end()
    expect(await fetchFrom(redirect)).toBe('it answers with status 302')
  })

  test.each(['file:///etc/passwd', 'ftp://x.test/', 'nonsense', 'http://'])(
    '%s is no address of the web',
    async (url) => {
      expect(await fetchFrom(() => {}, { url })).toBe('it is no address of the web')
    },
  )

  test.each([
    'http://127.0.0.1/',
    'http://localhost/',
    'http://[::1]/',
    'http://169.254.169.254/latest',
    'http://0.0.0.0/',
    'http://[fe80::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://2130706433/',
  ])('%s is nobody to be asked', async (url) => {
    const { isAllowed: _, ...wanted } = { url, limitMs: 5_000, mostOctets: 10, isAllowed: undefined }
    const fetched = await fetchDocument(wanted)
    expect(fetched.ok ? 'fetched' : fetched.problem).toBe(
      'its address is one of this computer or of its own link',
    )
  })
})
