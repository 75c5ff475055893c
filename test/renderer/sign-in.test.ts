import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ProfileDocument } from '../../core/contract/profile.ts'
import { profileSchema } from '../../core/profile/schema.ts'
import { ProfileDesk } from '../../electron/profile-desk.ts'
import { sameDocument, withField } from '../../renderer/state/document.ts'
import {
  asksBesides,
  besides,
  eapOf,
  inAnotherVersion,
  inAnotherWay,
  userPath,
  type Way,
  wayOf,
} from '../../renderer/state/sign-in.ts'
import { plainly, summary } from '../../renderer/text/plainly.ts'
import { labelOf, SECTIONS } from '../../renderer/text/sections.ts'
import { EXCHANGES, identityField, versions } from '../../renderer/text/sign-in-fields.ts'
import { profileOf } from '../manager/world.ts'

const desk = new ProfileDesk({} as never)
const start: ProfileDocument = profileOf('Office', { localId: 'alice@example.org' })
const of = (change: object): ProfileDocument => ({ ...start, ...change }) as ProfileDocument
const issues = (document: ProfileDocument) => desk.check(document).issues
const WAYS: readonly Way[] = ['psk', 'certificate', 'password']
const VERSIONS = [1, 2, 'auto'] as const

describe('the way to sign in', () => {
  test('a password is EAP with IKEv2 and XAuth with IKEv1, for the same user', () => {
    const eap = withField(inAnotherWay(start, 'password'), 'auth.user', 'alice')
    expect(eap.auth).toMatchObject({ method: 'eap', methods: ['mschapv2'], user: 'alice' })
    expect(issues(eap)).toEqual([])
    const xauth = inAnotherVersion(eap, 1)
    expect(xauth.auth).toEqual({ method: 'xauth' })
    expect(xauth.xauth).toEqual({ user: 'alice' })
    expect(issues(xauth)).toEqual([])
    const methods = withField(eap, 'auth.methods', ['ttls', 'peap'])
    expect(inAnotherVersion(inAnotherVersion(methods, 1), 2, methods)).toEqual(methods)
  })

  test('a second proof is XAuth with IKEv1 and EAP with IKEv2 (RFC 4739)', () => {
    const both = withField(besides(start, true), 'secondAuth.user', 'alice')
    expect(both.secondAuth).toMatchObject({ method: 'eap', user: 'alice' })
    expect(issues(both)).toEqual([])
    const old = inAnotherVersion(both, 1)
    expect([old.secondAuth, old.xauth]).toEqual([undefined, { user: 'alice' }])
    expect(issues(old)).toEqual([])
    expect(desk.check(old).wanted).toEqual(['psk', 'password'])
    expect(inAnotherVersion(old, 'auto').xauth).toEqual({ user: 'alice' })
    expect(besides(old, false).xauth).toBeUndefined()
  })

  test('aggressive mode belongs to IKEv1, and comes back with it', () => {
    const aggressive = withField(inAnotherVersion(start, 1), 'ike.aggressive', true)
    const two = inAnotherVersion(aggressive, 2)
    expect(two.ike.aggressive).toBeUndefined()
    expect(issues(two)).toEqual([])
    expect(inAnotherVersion(two, 1, aggressive).ike.aggressive).toBe(true)
  })

  test('what may be either version knows no password: it is IKEv2 then, and either again afterwards', () => {
    const either = inAnotherVersion(start, 'auto')
    const password = inAnotherWay(either, 'password')
    expect(password.ike.version).toBe(2)
    expect(inAnotherWay(password, 'psk', either).ike.version).toBe('auto')
    expect(versions({ document: password, checked: undefined }).map(({ value }) => value)).toEqual([2, 1])
  })

  test('nothing typed is lost by looking at another way or another version', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...WAYS),
        fc.constantFrom(...WAYS),
        fc.constantFrom(...VERSIONS),
        fc.constantFrom(...VERSIONS),
        fc.boolean(),
        (way, otherWay, version, otherVersion, asked) => {
          let document = inAnotherVersion(way === 'psk' ? start : inAnotherWay(start, way), version)
          fc.pre(!(way === 'password' && version === 'auto'))
          if (asked && way !== 'password') document = besides(document, true)
          document = withField(document, userPath(document), 'alice')
          if (way !== 'password' && !asked) document = besides(document, false)
          fc.pre(otherWay !== way && otherVersion !== version)
          const elsewhere = inAnotherWay(document, otherWay)
          expect(wayOf(elsewhere)).toBe(otherWay)
          expect(sameDocument(inAnotherWay(elsewhere, way, document), document)).toBe(true)
          fc.pre(!(way === 'password' && otherVersion === 'auto'))
          const spoken = inAnotherVersion(document, otherVersion)
          expect(sameDocument(inAnotherVersion(spoken, version, document), document)).toBe(true)
        },
      ),
      { numRuns: 300 },
    )
  })

  test('every way with every version is one that can be used, once its fields are filled in', () => {
    for (const way of WAYS) {
      for (const version of VERSIONS) {
        for (const asked of [false, true]) {
          const spoken = inAnotherVersion(way === 'psk' ? start : inAnotherWay(start, way), version)
          if (way === 'password' && (version === 'auto' || asked)) continue
          const whole = asked ? withField(besides(spoken, true), userPath(spoken), 'bob') : spoken
          const document = way === 'password' ? withField(whole, userPath(whole), 'bob') : whole
          expect(asksBesides(document) || way === 'password').toBe(asked || way === 'password')
          expect(issues(document), `${way} ${version} ${asked}`).toEqual([])
        }
      }
    }
  })
})

describe('the editor knows the whole profile', () => {
  /** Every place a profile has, as dotted paths; what may be one of several forms has the places of all. */
  function places(schema: object, path: readonly string[] = []): readonly string[] {
    if ('wrapped' in schema) return places(schema.wrapped as object, path)
    if ('entries' in schema && path.length < 4) {
      return Object.entries(schema.entries as Record<string, object>).flatMap(([name, inner]) =>
        places(inner, [...path, name]),
      )
    }
    if (
      'options' in schema &&
      (schema.options as readonly unknown[]).every((one) => typeof one === 'object')
    ) {
      return (schema.options as readonly object[]).flatMap((one) => places(one, path))
    }
    return [path.join('.')]
  }

  test('whatever a profile can say has its field', () => {
    const documents = [
      start,
      of({ auth: { method: 'eap', user: 'a' } }),
      of({ auth: { method: 'xauth' }, xauth: { user: 'a' } }),
    ]
    const shown = new Set([
      ...SECTIONS.flatMap(({ fields }) => fields.map(({ path }) => path)),
      ...documents.map((document) => identityField(document).path),
      ...['gateway.host', 'auth.method', 'auth.certificate', 'gatewayAuth.method'],
      // Written with the second proof itself, which is a switch, or chosen as a file.
      ...['secondAuth.method', 'secondAuth.user', 'secondAuth.certificate', 'xauth.user'],
      // Nobody's to choose.
      ...['format', 'version', 'id'],
    ])
    expect([...new Set(places(profileSchema))].filter((place) => !shown.has(place))).toEqual([])
  })

  test('every problem is told with the name of its field', () => {
    expect(labelOf('dns.servers.1', start)).toBe('Other name servers')
    expect(labelOf('localId', start)).toBe('Your ID')
    expect(labelOf('secondAuth.methods', start)).toBe('Methods you allow (EAP)')
    for (const [field] of [['gateway.host'], ['xauth.user'], ['weak'], ['ike.aggressive']] as const) {
      expect(labelOf(field, start)).not.toBe(field)
    }
    const password = withField(inAnotherWay(start, 'password'), 'auth.methods', [])
    expect(issues(password).map(({ field, problem }) => `${labelOf(field, password)}: ${problem}`)).toEqual([
      'Methods you allow (EAP): at least one method is needed',
      'User name: it cannot be empty',
    ])
  })

  test('RFC 2409 §5: aggressive mode with a key says why it is weak, beside the choice of it', () => {
    const aggressive = withField(inAnotherVersion(start, 1), 'ike.aggressive', true)
    const { alsoWeak } = desk.check(aggressive)
    expect(alsoWeak).toMatchObject([{ field: 'ike.aggressive', word: 'aggressivepsk' }])
    expect(issues(aggressive)).toMatchObject([{ field: 'ike.aggressive' }])
    expect(issues(withField(aggressive, 'weak', ['aggressivepsk']))).toEqual([])
    const hybrid = withField(inAnotherWay(aggressive, 'password'), 'xauth.user', 'alice')
    expect(desk.check(hybrid).alsoWeak).toEqual([])
    expect(EXCHANGES.find(({ value }) => value === true)?.says).toContain('read by everybody')
  })
})

describe('in plain words', () => {
  const words = (document: ProfileDocument) =>
    plainly(document, desk.check(document))
      .map(({ text }) => text)
      .join(' ')

  test('EAP: by which methods, and who can read the name', () => {
    const eap = withField(inAnotherWay(start, 'password'), 'auth.user', 'alice')
    expect(words(eap)).toContain('with IKEv2 and signs in as alice, by password.')
    expect(words(eap)).toContain('(EAP: MSCHAPv2)')
    expect(words(eap)).toContain('before your password is used.')
    const peap = withField(eap, 'auth.methods', ['peap'])
    expect(words(peap)).toContain('Your user name can be read')
    expect(words(withField(peap, 'auth.anonymousIdentity', 'anonymous@example.org'))).toContain(
      'Outside the tunnel of the sign-in you are anonymous@example.org.',
    )
    expect(words(of({ auth: { method: 'eap', methods: ['tls'] } }))).toContain('by certificate.')
    const alone = of({
      auth: { method: 'eap', methods: ['peap'], user: 'a' },
      gatewayAuth: { method: 'eap' },
    })
    expect(words(alone)).toContain('by the method you sign in with')
    expect(summary('sign-in', peap, desk.check(peap))).toBe('EAP: PEAP')
  })

  test('IKEv1: in which exchange, and XAuth', () => {
    const old = inAnotherVersion(withField(besides(start, true), 'secondAuth.user', 'alice'), 1)
    expect(words(old)).toContain('Main mode of IKEv1 takes six messages')
    expect(words(old)).toContain('the password of alice (XAuth).')
    expect(words(withField(old, 'ike.aggressive', true))).toContain(
      'everybody on the way can read who you are',
    )
    expect(words(withField(old, 'ike.aggressive', true))).toContain(
      'Aggressive mode with a key is weak: a hash',
    )
    const hybrid = withField(inAnotherVersion(inAnotherWay(start, 'password'), 1), 'xauth.user', 'alice')
    expect(words(hybrid)).toContain('inside the encrypted phase 1 (XAuth)')
    expect(summary('sign-in', old, desk.check(old))).toBe('pre-shared key, then XAuth')
    expect(words(inAnotherVersion(start, 'auto'))).toContain('it tries IKEv1 and tells you')
  })

  test('no sentence stands there twice', () => {
    for (const way of WAYS) {
      const document = inAnotherWay(of({ auth: { method: 'other' } }), way)
      const sentences = plainly(document, desk.check(document)).map(({ text }) => text)
      expect(new Set(sentences).size).toBe(sentences.length)
      expect(eapOf(document)?.methods ?? []).not.toContain(undefined)
    }
  })
})
