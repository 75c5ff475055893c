import { createHash } from 'node:crypto'
import { beforeEach, describe, expect, test } from 'vitest'
import { asMillis } from '../../../core/bytes/brands.ts'
import { utf8 } from '../../../core/bytes/octets.ts'
import { Secret } from '../../../core/bytes/secret.ts'
import { createRegistry } from '../../../core/crypto/registry.ts'
import type { VpnError } from '../../../core/errors.ts'
import { ConfigurationAttribute as A } from '../../../core/iana/ikev1.ts'
import type { ConnectionConfig } from '../../../core/ike/config.ts'
import type { IkeAction } from '../../../core/ike/session.ts'
import { Negotiation } from '../../../core/ike/v1/negotiation.ts'
import { XauthClient } from '../../../core/ike/v1/xauth.ts'
import type { Attribute } from '../../../core/wire/ikev1/payload.ts'
import { SeededRandom } from '../../support/seeded-random.ts'

const now = asMillis(1_000)
const text = ({ id }: { id: number }, value = ''): Attribute => ({ type: id, bytes: utf8(value) })
const kind = (value: number): Attribute => ({ type: A.XAUTH_TYPE.id, value })
const words = (attributes: readonly Attribute[] | undefined) =>
  attributes?.map((a) => ('value' in a ? a.value : Buffer.from(a.bytes).toString('utf8')))

let n: Negotiation
let client: XauthClient
let left: VpnError | undefined
let answers: (readonly Attribute[])[]

beforeEach(() => {
  n = new Negotiation({} as ConnectionConfig, createRegistry(undefined), new SeededRandom(7))
  left = undefined
  answers = []
  const owner = {
    n,
    leave: (error: VpnError) => {
      left = error
    },
  }
  client = new XauthClient(owner, { role: 'client', user: 'alice', password: Secret.fromText('open sesame') })
})

function round(...attributes: readonly Attribute[]): readonly IkeAction[] {
  const asked = { type: 'ATTRIBUTES', cfgType: 1, identifier: 20, attributes } as const
  client.onRequest(asked, (_, reply) => answers.push(reply), now)
  return n.take()
}
const questionIn = (actions: readonly IkeAction[]) => {
  const asked = actions.find((action) => action.do === 'ask')
  if (asked === undefined) throw new Error('nobody is asked')
  return asked
}
const type = (id: number, value: string) =>
  client.onAnswer(id, { what: 'secret', secret: Secret.fromText(value) }, now)

describe('draft-beaulieu-ike-xauth: what a gateway asks in phase 1.5', () => {
  test('generic: name and password of the profile, without a question; the type comes back if it was there', () => {
    round(text(A.XAUTH_USER_NAME), text(A.XAUTH_USER_PASSWORD))
    expect(words(answers[0])).toEqual(['alice', 'open sesame'])
    client.begin()
    round(kind(0), text(A.XAUTH_USER_NAME), text(A.XAUTH_USER_PASSWORD))
    expect(words(answers[1])).toEqual([0, 'alice', 'open sesame'])
  })

  test('a second round with a code of a token: the person is asked in the words of the gateway', () => {
    round(text(A.XAUTH_USER_NAME), text(A.XAUTH_USER_PASSWORD))
    const actions = round(text(A.XAUTH_MESSAGE, 'Enter Token Code:'), text(A.XAUTH_PASSCODE))
    const { id, question, until } = questionIn(actions)
    expect(question).toEqual({ what: 'code', user: 'alice', message: 'Enter Token Code:' })
    expect(until).toBe(121_000)
    expect(answers).toHaveLength(1)
    expect(type(id, '123456')).toBe(true)
    expect(words(answers[1])).toEqual(['123456'])
  })

  test('a new PIN and an answer, each asked for by itself, in one round', () => {
    const first = questionIn(round(text(A.XAUTH_NEXT_PIN), text(A.XAUTH_ANSWER)))
    expect(first.question).toMatchObject({ what: 'code', message: expect.stringContaining('new PIN') })
    type(first.id, '4711')
    const second = questionIn(n.take())
    expect(answers).toHaveLength(0)
    type(second.id, 'yes')
    expect(words(answers[0])).toEqual(['4711', 'yes'])
    expect(answers[0]?.map((a) => a.type)).toEqual([A.XAUTH_NEXT_PIN.id, A.XAUTH_ANSWER.id])
  })

  test('RADIUS-CHAP: RFC 1994 §4.1, an identifier and MD5 of it, the password and the challenge', () => {
    round(kind(1), text(A.XAUTH_USER_NAME), text(A.XAUTH_USER_PASSWORD), text(A.XAUTH_CHALLENGE, 'c1c2c3c4'))
    const [, , proof] = answers[0] ?? []
    if (proof === undefined || 'value' in proof) throw new Error('no proof')
    const hash = createHash('md5').update(proof.bytes.subarray(0, 1)).update('open sesamec1c2c3c4').digest()
    expect(Buffer.from(proof.bytes.subarray(1))).toEqual(hash)
    expect(JSON.stringify(words(answers[0]))).not.toContain('open sesame')
  })

  test('one-time passwords: RFC 2289 §6, the person sees the challenge', () => {
    const { id, question } = questionIn(
      round(kind(2), text(A.XAUTH_USER_PASSWORD), text(A.XAUTH_CHALLENGE, 'otp-md5 499 ke1234')),
    )
    expect(question).toMatchObject({ what: 'code', message: 'otp-md5 499 ke1234' })
    type(id, 'GAVE GORY RAVE SLOT WAND ONUS')
    expect(words(answers[0])).toEqual([2, 'GAVE GORY RAVE SLOT WAND ONUS'])
  })

  test('the stored password is said once: asked for again, it was wrong, and the person is asked', () => {
    round(text(A.XAUTH_USER_NAME), text(A.XAUTH_USER_PASSWORD))
    const again = questionIn(round(text(A.XAUTH_MESSAGE, 'Login incorrect'), text(A.XAUTH_USER_PASSWORD)))
    expect(again.question).toEqual({
      what: 'password',
      user: 'alice',
      retry: true,
      message: 'Login incorrect',
    })
    type(again.id, 'open barley')
    expect(words(answers[1])).toEqual(['open barley'])
    // On another phase 1 the one that worked is said.
    client.begin()
    round(text(A.XAUTH_USER_PASSWORD))
    expect(words(answers[2])).toEqual(['open barley'])
  })

  test('whoever cannot answer says FAIL, and leaves', () => {
    const { id } = questionIn(round(text(A.XAUTH_PASSCODE)))
    client.onAnswer(id, undefined, now)
    expect(answers[0]).toEqual([{ type: A.XAUTH_STATUS.id, value: 0 }])
    expect(left).toEqual({ kind: 'cancelled' })
  })

  test('nobody answers for two minutes: the gateway is told, and the reason is said', () => {
    round(text(A.XAUTH_PASSCODE))
    client.onTimeout()
    expect(answers[0]).toEqual([{ type: A.XAUTH_STATUS.id, value: 0 }])
    expect(left).toEqual({ kind: 'notAnswered', what: 'code', seconds: 120 })
  })

  test('S/KEY and kinds nobody knows are FAIL', () => {
    round(kind(3), text(A.XAUTH_USER_PASSWORD))
    expect(answers[0]).toEqual([{ type: A.XAUTH_STATUS.id, value: 0 }])
    expect(left).toMatchObject({ kind: 'protocol', exchange: 'XAuth' })
  })

  test('the domain is that of the name; what nobody knows is passed over', () => {
    round(text(A.XAUTH_DOMAIN), text(A.XAUTH_USER_NAME), { type: 0x7d88, value: 1 })
    expect(words(answers[0])).toEqual(['', 'alice'])
  })
})

describe('a gateway that does not mean well', () => {
  test('one that asks without end is left', () => {
    for (let i = 0; i < 16; i++) round(text(A.XAUTH_USER_NAME))
    expect(left).toBeUndefined()
    round(text(A.XAUTH_USER_NAME))
    expect(left).toMatchObject({ kind: 'protocol' })
  })

  test('its words come without what could move a cursor, and are cut', () => {
    const { question } = questionIn(
      round(text(A.XAUTH_MESSAGE, `\u001b]0;owned\u0007code?${'x'.repeat(9_000)}`), text(A.XAUTH_PASSCODE)),
    )
    expect(question.message).toMatch(/^\]0;owned code\?x+$/)
    expect(question.message?.length).toBeLessThanOrEqual(4_096)
  })

  test('an answer to a question that is not out changes nothing', () => {
    const { id } = questionIn(round(text(A.XAUTH_PASSCODE)))
    expect(type(id + 1, 'late')).toBe(false)
    expect(answers).toHaveLength(0)
  })
})
