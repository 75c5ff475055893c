import { describe, expect, test } from 'vitest'
import { Extension } from '../../core/cert/oids.ts'
import { Staples } from '../../core/gateway/staples.ts'
import { makeOcsp, type Said } from '../support/ocsp.ts'
import { DAY, extension, makeGateway, makeRoot, NOW, oid, sequence, uri } from '../support/pki.ts'

const URL = 'http://ocsp.test/'
const access = sequence(sequence(oid('1.3.6.1.5.5.7.48.1'), uri(URL)))
const root = makeRoot()
const own = makeGateway(root, { more: [extension(Extension.authorityInfoAccess.oid, false, access)] })
const chain = [own.certificate, root.certificate]

/** Staples on a clock of their own; `server` answers every question. */
function world(server: () => Uint8Array | string) {
  const [notes, waits]: [string[], { ms: number; work: () => void }[]] = [[], []]
  let now = NOW
  let asked = 0
  const staples = new Staples({
    now: () => now,
    after: (ms, work) => {
      waits.push({ ms, work })
      return () => {}
    },
    note: (text) => notes.push(text),
    fetch: async () => {
      asked++
      const said = server()
      return typeof said === 'string' ? { ok: false, problem: said } : { ok: true, octets: said }
    },
  })
  /** What was promised has happened. */
  const settled = () => new Promise<void>((resolve) => setImmediate(resolve))
  return {
    ...{ staples, notes, waits, settled },
    asked: () => asked,
    pass: (ms: number) => {
      now += ms
    },
  }
}
const says = (said: Said = {}) => makeOcsp(root, own, said)

describe('RFC 4806 §3: what a responder says of our own certificate', () => {
  test.each(['good', 'revoked'] as const)('%s is shown, and asked for again in time', async (status) => {
    const answer = says({ status, nextUpdate: NOW + 20 * 60_000 })
    const { staples, waits, settled, asked } = world(() => answer)
    staples.begin(chain)
    await settled()
    expect(staples.responses).toEqual([answer])
    expect(waits.map(({ ms }) => ms)).toEqual([10 * 60_000])
    waits[0]!.work()
    await settled()
    expect(asked()).toBe(2)
  })

  test('an answer that holds for long is renewed each hour, one that holds for a moment not at once', async () => {
    for (const [nextUpdate, ms] of [
      [NOW + DAY, 3_600_000],
      [NOW + 1_000, 60_000],
    ] as const) {
      const { staples, waits, settled } = world(() => says({ nextUpdate }))
      staples.begin(chain)
      await settled()
      expect(waits[0]?.ms).toBe(ms)
    }
  })

  test('what is over is shown no more, though nobody gives another one', async () => {
    let server: () => Uint8Array | string = () => says({ nextUpdate: NOW + 20 * 60_000 })
    const { staples, waits, settled, pass, notes } = world(() => server())
    staples.begin(chain)
    await settled()
    server = () => 'ECONNREFUSED'
    pass(10 * 60_000)
    waits[0]!.work()
    await settled()
    expect(staples.responses).toHaveLength(1)
    expect(notes.slice(1)).toEqual([`what ${URL} says of our certificate cannot be shown: ECONNREFUSED`])
    pass(10 * 60_000)
    expect(staples.responses).toEqual([])
  })

  test.each([
    ['nonsense', () => Uint8Array.of(1, 2)],
    ['of a stranger', () => says({ signer: makeRoot('CN=Stranger') })],
    ['unknown', () => says({ status: 'unknown' })],
  ] as const)('an answer that is %s is not', async (_, server) => {
    const { staples, settled, notes } = world(server)
    staples.begin(chain)
    await settled()
    expect([staples.responses, notes.length]).toEqual([[], 1])
  })

  test('without the certificate of the issuer nobody can be asked, and that is said', () => {
    const { staples, notes, asked } = world(() => says())
    staples.begin([own.certificate])
    expect([asked(), notes]).toEqual([
      0,
      [`${URL} cannot be asked: the certificate of the issuer is not beside ours`],
    ])
  })

  test('closed: nothing more happens', async () => {
    const { staples, settled, waits } = world(() => says())
    staples.begin(chain)
    staples.close()
    await settled()
    expect([staples.responses, waits]).toEqual([[], []])
  })
})
