import { describe, expect, test } from 'vitest'
import { concat, equal, NO_OCTETS, toHex, utf8 } from '../../core/bytes/octets.ts'
import { PlatformTls, type TlsJudge } from '../../core/crypto/platform-tls.ts'
import type { TlsSetup, TlsTurn, TlsVersion } from '../../core/crypto/tls.ts'
import { hexOf } from '../support/eap-pair.ts'
import { judge, shown } from '../support/eap-tls.ts'

const exports: TlsSetup['exports'] = (version) =>
  version === 'TLSv1.2'
    ? [{ label: 'client EAP encryption', bytes: 128 }]
    : [{ label: 'EXPORTER_EAP_TLS_Key_Material', context: Uint8Array.of(13), bytes: 128 }]

interface Options {
  readonly version: TlsVersion
  readonly server?: 'server' | 'impostor' | 'large'
  readonly client?: 'client' | undefined
  readonly judgeServer?: TlsJudge
  readonly onFlight?: (from: 'client' | 'server', octets: Uint8Array) => void
}

/** Both ends, a turn each, until nobody has anything to say. */
async function handshake(options: Options): Promise<{ client: TlsTurn[]; server: TlsTurn[] }> {
  const versions = [options.version]
  const own = options.client === undefined ? {} : { certificate: shown(options.client) }
  const ends = {
    client: new PlatformTls(
      { role: 'client', versions, exports, ...own },
      options.judgeServer ?? judge('radius.lab.test'),
    ),
    server: new PlatformTls(
      {
        role: 'server',
        versions,
        exports,
        certificate: shown(options.server ?? 'server'),
        wantsCertificate: true,
      },
      judge('alice@lab.test'),
    ),
  }
  const turns: { client: TlsTurn[]; server: TlsTurn[] } = { client: [], server: [] }
  let who: 'client' | 'server' = 'client'
  let flight: Uint8Array = NO_OCTETS
  for (let i = 0; i < 8; i++) {
    const turn: TlsTurn = await ends[who].turn({ receive: flight })
    turns[who].push(turn)
    options.onFlight?.(who, turn.output)
    flight = turn.output
    if (flight.length === 0) break
    who = who === 'client' ? 'server' : 'client'
  }
  ends.client.close()
  ends.server.close()
  return turns
}

const last = (turns: readonly TlsTurn[]): TlsTurn => turns.at(-1)!
const established = (turns: readonly TlsTurn[]) =>
  turns.find((turn) => turn.established !== undefined)?.established

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('%s in turns', (version) => {
  test('both ends stand on the same key material, each with the other’s certificate', async () => {
    const { client, server } = await handshake({ version, client: 'client' })
    const [a, b] = [established(client), established(server)]
    expect(a?.version).toBe(version)
    expect(hexOf(a?.exported[0])).toHaveLength(256)
    expect(hexOf(a?.exported[0])).toBe(hexOf(b?.exported[0]))
  })

  test('an impostor’s certificate: nothing leaves after the first flight, and least of all ours', async () => {
    const flights: number[] = []
    const { client } = await handshake({
      version,
      client: 'client',
      server: 'impostor',
      onFlight: (from, octets) => from === 'client' && flights.push(octets.length),
    })
    expect(last(client).problem).toMatchObject({
      kind: 'certificateRefused',
      problem: 'nobody vouches for it',
    })
    expect(last(client).established).toBeUndefined()
    expect(flights.slice(1)).toEqual([0])
  })

  test('the right authority, but another name', async () => {
    const { client } = await handshake({ version, judgeServer: judge('gw.lab.test') })
    expect(last(client).problem).toMatchObject({ problem: 'it is for somebody else' })
  })

  test('a client without a certificate is refused by a server that wants one', async () => {
    const { server } = await handshake({ version })
    expect(last(server).problem).toMatchObject({ problem: 'it shows no certificate' })
    expect(established(server)).toBeUndefined()
  })

  test('octets that are no TLS are a fault, not an exception', async () => {
    const client = new PlatformTls({ role: 'client', versions: [version], exports }, () => undefined)
    const hello = await client.turn({})
    expect(toHex(hello.output)).toMatch(/^1603/)
    const turn = await client.turn({ receive: utf8('HTTP/1.1 400 Bad Request\r\n\r\n') })
    expect(turn.problem).toMatchObject({ kind: 'protocol', exchange: 'TLS' })
    client.close()
  })

  test('a flight in halves: nothing is said before it is whole', async () => {
    const [client, server] = [
      new PlatformTls({ role: 'client', versions: [version], exports }, judge('radius.lab.test')),
      new PlatformTls(
        { role: 'server', versions: [version], exports, certificate: shown('server') },
        () => undefined,
      ),
    ]
    const hello = (await client.turn({})).output
    expect((await server.turn({ receive: hello.subarray(0, 40) })).output).toEqual(NO_OCTETS)
    const reply = (await server.turn({ receive: hello.subarray(40) })).output
    expect(reply.length).toBeGreaterThan(500)
    client.close()
    server.close()
  })
})

describe('application data', () => {
  test('goes both ways once both stand', async () => {
    const setup = { versions: ['TLSv1.3'], exports } as const
    const client = new PlatformTls({ role: 'client', ...setup }, judge('radius.lab.test'))
    const server = new PlatformTls(
      { role: 'server', certificate: shown('server'), ...setup },
      () => undefined,
    )
    const answer = await server.turn({ receive: (await client.turn({})).output })
    const finished = await client.turn({ receive: answer.output })
    expect(finished.established).toBeDefined()
    const done = await server.turn({ receive: finished.output })
    // The tickets of TLS 1.3 come with it.
    const success = await server.turn({ send: Uint8Array.of(0) })
    const heard = await client.turn({ receive: concat(done.output, success.output) })
    expect(heard.data).toEqual(Uint8Array.of(0))
    expect(heard.output).toEqual(NO_OCTETS)
    const sent = await client.turn({ send: utf8('hello') })
    expect(equal((await server.turn({ receive: sent.output })).data, utf8('hello'))).toBe(true)
    client.close()
    server.close()
  })
})
