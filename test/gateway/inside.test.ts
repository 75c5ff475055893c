import type { AddressInfo } from 'node:net'
import { decode, encode } from 'dns-packet'
import { describe, expect, test } from 'vitest'
import type { ClientView } from '../../core/gateway/gateway.ts'
import { answerDns, reverse } from '../../core/gateway/inside/dns.ts'
import { createPage } from '../../core/gateway/inside/web.ts'
import { seededRandom } from './world.ts'

const zone = { domain: 'culvert.test', ipv4: '10.77.0.1', ipv6: 'fd77::1' }

function ask(name: string, type: 'A' | 'AAAA' | 'PTR' | 'MX', client = '10.78.0.5') {
  const query = encode({ type: 'query', id: 7, flags: 0x100, questions: [{ type, name }] })
  const { id, flags = 0, answers = [] } = decode(Buffer.from(answerDns(zone, query, client)!))
  return { id, code: flags & 15, found: answers.map((one) => ('data' in one ? one.data : undefined)) }
}

describe('the name server behind the tunnel, RFC 1035', () => {
  test('knows the gateway by its names, of both families, and whoever asks as you', () => {
    expect(ask('www.culvert.test', 'A')).toEqual({ id: 7, code: 0, found: ['10.77.0.1'] })
    expect(ask('WWW.Culvert.Test', 'AAAA').found).toEqual(['fd77::1'])
    expect(ask('culvert.test', 'A').found).toEqual(['10.77.0.1'])
    expect(ask('you.culvert.test', 'A').found).toEqual(['10.78.0.5'])
    expect(ask('you.culvert.test', 'AAAA', 'fd78::5').found).toEqual(['fd78::5'])
  })

  test('a name without an address of the family is an empty answer, an unknown one does not exist, others are refused', () => {
    expect(ask('you.culvert.test', 'AAAA')).toMatchObject({ code: 0, found: [] })
    expect(ask('www.culvert.test', 'MX')).toMatchObject({ code: 0, found: [] })
    expect(ask('nobody.culvert.test', 'A')).toMatchObject({ code: 3, found: [] })
    expect(ask('www.example.org', 'A')).toMatchObject({ code: 5, found: [] })
  })

  test('the way back: in-addr.arpa and ip6.arpa (RFC 3596 §2.5)', () => {
    expect(reverse('10.77.0.1')).toBe('1.0.77.10.in-addr.arpa')
    expect(reverse('fd77::1')).toBe(`1.${'0.'.repeat(27)}7.7.d.f.ip6.arpa`)
    expect(ask(reverse('10.77.0.1'), 'PTR').found).toEqual(['gateway.culvert.test'])
    expect(ask(reverse('10.78.0.5'), 'PTR').found).toEqual(['you.culvert.test'])
    expect(ask(reverse('10.99.0.1'), 'PTR').code).toBe(3)
  })

  test('garbage, answers, and questions without end are not answered, and never throw', () => {
    const random = seededRandom(3)
    const query = encode({ type: 'query', id: 7, questions: [{ type: 'A', name: 'www.culvert.test' }] })
    for (let i = 0; i < 5_000; i++) {
      const bytes = i % 2 === 0 ? random.bytes(random.bytes(1)[0]!) : new Uint8Array(query)
      if (bytes.length > 0) bytes[random.bytes(1)[0]! % bytes.length]! ^= random.bytes(1)[0]!
      answerDns(zone, bytes, '10.78.0.5')
    }
    expect(answerDns(zone, encode({ type: 'response', id: 1 }), '10.78.0.5')).toBeUndefined()
    expect(answerDns(zone, encode({ type: 'query', id: 1 }), '10.78.0.5')).toBeUndefined()
    expect(answerDns(zone, new Uint8Array(513), '10.78.0.5')).toBeUndefined()
    // 65535 records of each kind that are not there: found to take milliseconds in the library.
    const empty = new Uint8Array(512).fill(0xff, 4, 12)
    expect(answerDns(zone, empty, '10.78.0.5')).toBeUndefined()
    // A name that points at itself.
    const loop = new Uint8Array([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 12, 0, 1, 0, 1])
    expect(answerDns(zone, loop, '10.78.0.5')).toBeUndefined()
  })
})

describe('the page behind the tunnel', () => {
  const alice = {
    identity: 'alice',
    addresses: ['127.0.0.1'],
    remote: undefined,
    connection: {
      state: 'connected',
      step: '',
      phase1: { version: 'IKEv2', suite: ['ENCR_AES_GCM_16_256'] },
      phase2: [{ protocol: 'ESP', mode: 'tunnel', suite: ['ENCR_AES_GCM_16_128'] }],
      rekeys: { ike: 0, child: 0 },
    },
  } as unknown as ClientView

  async function get(path: string, client: ClientView | undefined, method = 'GET') {
    const page = createPage((address) => (address === '127.0.0.1' ? client : undefined))
    await new Promise<void>((resolve) => page.listen(0, '127.0.0.1', resolve))
    const { port } = page.address() as AddressInfo
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method })
    const text = await response.text()
    page.closeAllConnections()
    await new Promise((resolve) => page.close(resolve))
    return { status: response.status, text }
  }

  test('tells who came and by which phase 1 and phase 2', async () => {
    const { status, text } = await get('/', alice)
    expect(status).toBe(200)
    expect(text).toContain('Hello alice, you came through the tunnel from 127.0.0.1.')
    expect(text).toContain('Phase 2: ESP tunnel, ENCR_AES_GCM_16_128')
    expect(JSON.parse((await get('/status.json', alice)).text)).toMatchObject({ identity: 'alice' })
    expect((await get('/', undefined)).text).toContain('You did not come through a tunnel')
  })

  test('/N is N octets; other pages are not there; only GET is known', async () => {
    expect((await get('/200000', alice)).text.length).toBe(200_000)
    expect((await get('/0', alice)).text).toBe('')
    expect((await get('/99999999999', alice)).status).toBe(404)
    expect((await get('/../etc/passwd', alice)).status).toBe(404)
    expect((await get('/', alice, 'POST')).status).toBe(405)
  })
})
