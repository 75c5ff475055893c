import { describe, expect, test } from 'vitest'
import type { ChainQuestion } from '../../core/cert/chain.ts'
import { Extension } from '../../core/cert/oids.ts'
import { type Fetch, RevocationDesk } from '../../core/ike/revocation.ts'
import type { Wanted } from '../../core/net/http-document.ts'
import { makeOcsp, type Said } from '../support/ocsp.ts'
import {
  context,
  DAY,
  extension,
  type Issued,
  makeAuthority,
  makeGateway,
  makeList,
  makeRoot,
  NOW,
  oid,
  sequence,
  uri,
} from '../support/pki.ts'

const OCSP = 'http://ocsp.test/'
const SECOND = 'http://ocsp2.test/'
const LIST = 'http://crl.test/list'
const OCSP_ACCESS = '1.3.6.1.5.5.7.48.1'

const says = (ocsp: readonly string[], lists: readonly string[]) => ({
  more: [
    ...(ocsp.length === 0
      ? []
      : [
          extension(
            Extension.authorityInfoAccess.oid,
            false,
            sequence(...ocsp.map((url) => sequence(oid(OCSP_ACCESS), uri(url)))),
          ),
        ]),
    ...(lists.length === 0
      ? []
      : [
          extension(
            Extension.cRLDistributionPoints.oid,
            false,
            sequence(...lists.map((url) => sequence(context(0, context(0, uri(url)))))),
          ),
        ]),
  ],
})

const root = makeRoot()
const both = makeGateway(root, says([OCSP], [LIST]))

type Server = (wanted: Wanted) => Uint8Array | string
/** What a chain is judged, and who was asked. */
async function judge(
  servers: Readonly<Record<string, Server>>,
  {
    gateway = both,
    revocation = 'ifAvailable',
    desk,
    at = NOW,
    asked = [],
    more = {},
  }: {
    gateway?: Issued
    revocation?: ChainQuestion['revocation'] & string
    desk?: RevocationDesk
    at?: number
    asked?: string[]
    more?: Partial<ChainQuestion>
  } = {},
): Promise<string> {
  const fetch: Fetch = async (wanted) => {
    asked.push(wanted.url)
    const said = servers[wanted.url]?.(wanted) ?? 'ECONNREFUSED'
    return typeof said === 'string' ? { ok: false, problem: said } : { ok: true, octets: said }
  }
  const verdict = await (desk ?? new RevocationDesk(fetch)).judge({
    ...{ certificates: [gateway.der], anchors: [root.certificate], role: 'gateway', at, revocation },
    ...more,
  })
  const outcome = verdict.ok ? 'ok' : `${verdict.problem.rule}: ${verdict.problem.problem}`
  return [outcome, ...asked].join(' | ')
}

const responder =
  (about: Issued, said: Said = {}): Server =>
  () =>
    makeOcsp(root, about, said)

describe('who is asked', () => {
  test('off: nobody', async () => {
    expect(await judge({ [OCSP]: responder(both, { status: 'revoked' }) }, { revocation: 'off' })).toBe('ok')
  })

  test('the responder first, and the list only where that says nothing', async () => {
    expect(await judge({ [OCSP]: responder(both) })).toBe(`ok | ${OCSP}`)
    const list = makeList(root, [both.certificate.serial])
    expect(await judge({ [LIST]: () => list })).toBe(
      `revoked: it was revoked on 2030-06-13 | ${OCSP} | ${LIST}`,
    )
  })

  test('two responders at once: the one that answers counts', async () => {
    const gateway = makeGateway(root, says([OCSP, SECOND], []))
    expect(await judge({ [SECOND]: responder(gateway) }, { gateway, revocation: 'strict' })).toBe(
      `ok | ${OCSP} | ${SECOND}`,
    )
  })

  test('what came with the certificate is enough', async () => {
    const { decodeOcspResponse } = await import('../../core/cert/ocsp.ts')
    const read = decodeOcspResponse(makeOcsp(root, both))
    if (!read.ok) throw read.error
    expect(await judge({}, { revocation: 'strict', more: { responses: [read.value] } })).toBe('ok')
  })

  test('nobody before the chain has led to an anchor', async () => {
    const stranger = makeGateway(makeRoot('CN=Stranger'), says([OCSP], [LIST]))
    expect(await judge({}, { gateway: stranger })).toMatch(/^untrusted: [^|]*$/)
  })

  test('only http and https', async () => {
    const gateway = makeGateway(root, says(['ldap://x.test/', 'file:///etc/passwd'], ['ftp://x.test/']))
    expect(await judge({}, { gateway })).toBe('ok')
    expect(await judge({}, { gateway, revocation: 'strict' })).toContain(
      'it can be looked up by ldap, file, ftp only, which was not tried',
    )
  })

  test('no more than two of each kind, for no more than four certificates', async () => {
    const many = (kind: string) => Array.from({ length: 9 }, (_, at) => `http://${kind}${at}.test/`)
    const gateway = makeGateway(root, says(many('o'), many('c')))
    expect(await judge({}, { gateway })).toBe(
      'ok | http://o0.test/ | http://o1.test/ | http://c0.test/ | http://c1.test/',
    )
    const chain: Issued[] = []
    for (let at = 0, by = root; at < 6; at++) {
      by = makeAuthority(by, `CN=${at}`, says([`http://a${at}.test/`], []))
      chain.unshift(by)
    }
    const leaf = makeGateway(chain[0]!, says([OCSP], []))
    const asked: string[] = []
    const certificates = [leaf, ...chain].map(({ der }) => der)
    await judge({}, { asked, more: { certificates } })
    expect(asked).toHaveLength(4)
  })
})

describe('what comes of it', () => {
  test.each([
    ['nobody answers', {}, `${OCSP}: ECONNREFUSED`],
    [
      'it answers too late',
      { [OCSP]: () => 'it does not answer in time' },
      `${OCSP}: it does not answer in time`,
    ],
    ['it answers nonsense', { [OCSP]: () => Uint8Array.of(1, 2, 3) }, `${OCSP}: not DER`],
    ['it is busy', { [OCSP]: responder(both, { code: 3 }) }, `${OCSP}: it is busy`],
    [
      'a stranger answers',
      { [OCSP]: responder(both, { signer: makeRoot('CN=Stranger') }) },
      `${OCSP}: it gives no answer that can be believed`,
    ],
  ] satisfies [string, Record<string, Server>, string][])(
    'RFC 5280 §6.3: where %s, strict refuses and says why; if available goes on',
    async (_, servers, why) => {
      expect(await judge(servers, { revocation: 'strict' })).toContain(
        `revocationUnknown: nothing current says that it was not revoked (${why}`,
      )
      expect(await judge(servers)).toMatch(/^ok/)
    },
  )

  test('where it goes on, it says what nobody told it', async () => {
    const question = {
      certificates: [both.der],
      anchors: [root.certificate],
      role: 'gateway',
      at: NOW,
    } as const
    const desk = (server: Server | undefined) =>
      new RevocationDesk(async (wanted) => {
        const said = server?.(wanted) ?? 'ECONNREFUSED'
        return typeof said === 'string' ? { ok: false, problem: said } : { ok: true, octets: said }
      })
    const silent = await desk(undefined).judge({ ...question, revocation: 'ifAvailable' })
    expect(silent).toMatchObject({ ok: true, unknown: `${OCSP}: ECONNREFUSED` })
    const told = await desk(responder(both)).judge({ ...question, revocation: 'ifAvailable' })
    expect(told.ok && told.unknown).toBeUndefined()
  })

  test('a certificate that names nobody is trusted, and in strict mode is not', async () => {
    const gateway = makeGateway(root)
    expect(await judge({}, { gateway })).toBe('ok')
    expect(await judge({}, { gateway, revocation: 'strict' })).toContain('it names nobody who could be asked')
  })
})

describe('what is remembered', () => {
  const count = (server: Server) => {
    const asked: string[] = []
    const fetch: Fetch = async (wanted) => {
      asked.push(wanted.url)
      const said = server(wanted)
      return typeof said === 'string' ? { ok: false, problem: said } : { ok: true, octets: said }
    }
    return { asked, desk: new RevocationDesk(fetch) }
  }

  test('an answer until it ends', async () => {
    const { asked, desk } = count(responder(both))
    for (const at of [NOW, NOW + DAY / 2, NOW + DAY + 3_600_000]) await judge({}, { desk, at })
    // The last one is asked anew, and is too old by then: the list is tried.
    expect(asked).toEqual([OCSP, OCSP, LIST])
  })

  test('a failure for a minute', async () => {
    const { asked, desk } = count(() => 'ECONNREFUSED')
    for (const at of [NOW, NOW + 59_000, NOW + 61_000]) await judge({}, { desk, at })
    expect(asked).toEqual([OCSP, LIST, OCSP, LIST])
  })

  test('CVE-2021-41991: bounded, however many are asked', async () => {
    const { asked, desk } = count(() => 'ECONNREFUSED')
    const gateways = Array.from({ length: 40 }, (_, at) =>
      makeGateway(root, says([`http://${at}.test/`], [])),
    )
    for (const gateway of [...gateways, gateways[0]!]) await judge({}, { desk, gateway })
    expect(asked).toHaveLength(41)
  })
})
