import * as asn1 from 'asn1js'
import { describe, expect, test } from 'vitest'
import { concat } from '../../core/bytes/octets.ts'
import { type ChainQuestion, verifyChain } from '../../core/cert/chain.ts'
import { decodeRevocationList } from '../../core/cert/crl.ts'
import {
  certificateDer,
  DAY,
  extension,
  type Issued,
  issue,
  makeAuthority,
  makeGateway,
  makeKey,
  makeList,
  makeRoot,
  NOW,
  rsaSpki,
} from '../support/pki.ts'

const root = makeRoot()
const middle = makeAuthority(root, 'C=CH, O=Test, CN=Middle')

type Extra = Partial<Omit<ChainQuestion, 'certificates'>>
/** `ok` and the length of the way, or the rule and the sentence. */
function judge(certificates: readonly (Issued | Uint8Array)[], extra: Extra = {}): string {
  const verdict = verifyChain({
    certificates: certificates.map((one) => (one instanceof Uint8Array ? one : one.der)),
    anchors: [root.certificate],
    role: 'gateway',
    at: NOW,
    ...extra,
  })
  if (verdict.ok) return `ok ${verdict.chain.length}`
  return `${verdict.problem.rule}: ${verdict.problem.certificate}: ${verdict.problem.problem}`
}

describe('RFC 5280 §6.1: a way to a trusted authority', () => {
  test('issued by the anchor itself', () => {
    expect(judge([makeGateway(root)])).toBe('ok 2')
  })

  test('by way of an authority from the wire, in any order and with strangers among them', () => {
    const [stranger, gateway] = [makeRoot('CN=Stranger'), makeGateway(middle)]
    expect(judge([gateway, stranger, root, middle])).toBe('ok 3')
  })

  test('the authority in between is trusted and its root is not there', () => {
    expect(judge([makeGateway(middle)], { anchors: [middle.certificate] })).toBe('ok 2')
  })

  test('an authority with two certificates: the way that is good is found', () => {
    const key = makeKey()
    const other = makeRoot('CN=Other')
    const old = makeAuthority(root, 'CN=Twice', { notAfter: NOW - DAY }, key)
    const good = makeAuthority(root, 'CN=Twice', {}, key)
    const cross = makeAuthority(other, 'CN=Twice', {}, key)
    expect(judge([makeGateway(good), cross, old, good])).toBe('ok 3')
  })

  test('the anchor has a new key under the same name: the key identifier finds it, and without one both are tried', () => {
    const fresh = makeRoot(root.subject)
    expect(judge([makeGateway(root)], { anchors: [fresh.certificate, root.certificate] })).toBe('ok 2')
  })

  test.each(['rsa', 'P-384', 'P-521', 'ed25519', 'ed448'] as const)(
    'authorities with a key of %s',
    (kind) => {
      const by = makeRoot(`CN=${kind}`, {}, makeKey(kind))
      expect(judge([makeGateway(by, {}, makeKey(kind))], { anchors: [by.certificate] })).toBe('ok 2')
    },
  )

  test('signed with RSASSA-PSS, the salt as long as may be', () => {
    const by = makeRoot('CN=pss', {}, makeKey('rsa'))
    for (const saltOctets of [32, 20, 222]) {
      const gateway = makeGateway(by, { scheme: { kind: 'pss', hash: 'sha256', saltOctets } })
      expect(judge([gateway], { anchors: [by.certificate] })).toBe('ok 2')
    }
  })

  test('the profile holds this very certificate: nobody has to vouch for it, but its own words count', () => {
    const alone = makeRoot('CN=alone', { ca: undefined, keyUsage: [0] })
    expect(judge([alone], { anchors: [alone.certificate] })).toBe('ok 1')
    const late = { anchors: [alone.certificate], at: NOW + 1000 * DAY }
    expect(judge([alone], late)).toMatch(/^expired: CN=alone: it expired on \d{4}-\d\d-\d\d$/)
  })
})

describe('what no way leads to', () => {
  test('no certificate at all', () => {
    expect(judge([])).toMatch(/^missing/)
  })

  test('an authority nobody trusts', () => {
    const rogue = makeRoot('CN=Rogue')
    expect(judge([makeGateway(rogue), rogue])).toBe(
      'untrusted: C=CH, O=Test, CN=gw: no trusted authority vouches for it: it was issued by CN=Rogue',
    )
  })

  test('an authority that calls itself like a trusted one', () => {
    const rogue = makeRoot(root.subject)
    expect(judge([makeGateway(rogue), rogue])).toBe(
      `signature: C=CH, O=Test, CN=gw: its signature is not by ${root.subject}`,
    )
  })

  test('signed by itself', () => {
    const alone = makeRoot('CN=alone', { ca: undefined, keyUsage: [0] })
    expect(judge([alone])).toMatch(/^selfSigned: CN=alone/)
  })

  test('the certificate in between is missing', () => {
    expect(judge([makeGateway(middle)])).toMatch(/^untrusted: .* issued by C=CH, O=Test, CN=Middle$/)
  })

  test('one octet of it changed after it was signed', () => {
    const { der } = makeGateway(root)
    const at = Buffer.from(der).indexOf('gw.example.org')
    expect(judge([der.with(at, 0x78)])).toMatch(/^signature/)
  })

  test.each([
    ['empty', new Uint8Array(0)],
    ['zeros', new Uint8Array(72)],
    ['r = s = 0', Uint8Array.of(0x30, 6, 2, 1, 0, 2, 1, 0)],
  ])('a signature that is %s', (_, signature) => {
    expect(judge([makeGateway(root, { signature })])).toMatch(/^signature/)
  })

  test('a signature algorithm nobody knows, and SHA-1 without its switch', () => {
    const old = makeGateway(root, { scheme: { kind: 'ecdsa', hash: 'sha1' } })
    expect(judge([old])).toMatch(/^weakSignature: .*SHA-1/)
    expect(judge([old], { weak: { sha1: true } })).toBe('ok 2')
    const md5 = Buffer.from(makeGateway(root).der)
    const id = Buffer.from('06082a8648ce3d040302', 'hex')
    for (let at = md5.indexOf(id); at !== -1; at = md5.indexOf(id, at + 1)) md5[at + 9] = 0x7f
    expect(judge([new Uint8Array(md5)])).toMatch(/^signature: .*of a kind that is not accepted/)
  })
})

describe('time', () => {
  test('from the first to the last second, both included', () => {
    const gateway = makeGateway(root, { notBefore: NOW, notAfter: NOW + 1000 })
    expect(
      [NOW - 1, NOW, NOW + 1000, NOW + 1001].map((at) => judge([gateway], { at }).split(':')[0]),
    ).toEqual(['notYetValid', 'ok 2', 'ok 2', 'expired'])
  })

  test('an authority that ran out says which one', () => {
    const old = makeAuthority(root, 'CN=Old', { notAfter: NOW - DAY })
    expect(judge([makeGateway(old), old])).toMatch(/^expired: CN=Old: it expired on 2030-06-14$/)
    const anchor = makeRoot('CN=Old root', { notAfter: NOW - DAY })
    expect(judge([makeGateway(anchor)], { anchors: [anchor.certificate] })).toMatch(/^expired: CN=Old root/)
  })
})

describe('authorities', () => {
  test('RFC 5280 §4.2.1.9: who is no authority issues nothing', () => {
    const customer = makeGateway(root)
    expect(judge([issue(customer, { subject: 'CN=victim' }), customer])).toMatch(
      /^notAuthority: C=CH, O=Test, CN=gw/,
    )
    const silent = issue(root, { subject: 'CN=silent', keyUsage: [5] })
    expect(judge([makeGateway(silent), silent])).toMatch(/^notAuthority: CN=silent/)
  })

  test('RFC 5280 §4.2.1.3: nor who may not sign certificates', () => {
    const shy = makeAuthority(root, 'CN=shy', { keyUsage: [0, 6] })
    expect(judge([makeGateway(shy), shy])).toMatch(/^keyUsage: CN=shy: its key may not sign certificates/)
  })

  test('RFC 5280 §4.2.1.9: path length counts the authorities in between', () => {
    const short = makeRoot('CN=Short', { pathLength: 0 })
    const below = makeAuthority(short, 'CN=Below')
    const anchors = [short.certificate]
    expect(judge([makeGateway(short)], { anchors })).toBe('ok 2')
    expect(judge([makeGateway(below), below], { anchors })).toBe(
      'pathLength: CN=Short: 1 authorities stand below it, 0 may',
    )
  })

  test('a certificate by the same name for a new key does not count. RFC 5280 §6.1.4 (l)', () => {
    const short = makeRoot('CN=Roll', { pathLength: 0 })
    const rolled = makeAuthority(short, 'CN=Roll')
    expect(judge([makeGateway(rolled), rolled], { anchors: [short.certificate] })).toBe('ok 3')
  })

  test('an old root of version 1 may be trusted by hand, an authority of version 1 in between may not', () => {
    const old = makeRoot('CN=V1', { version: 1, ca: undefined, keyUsage: undefined as never })
    expect(judge([makeGateway(old)], { anchors: [old.certificate] })).toBe('ok 2')
    const key = makeKey()
    const der = certificateDer(key, root.key, { version: 1, subject: 'CN=V1 below', issuer: root.subject })
    const below = { ...root, key, der, subject: 'CN=V1 below' }
    expect(judge([makeGateway(below), below])).toMatch(/^notAuthority: CN=V1 below/)
  })
})

describe('what it is for', () => {
  const purposes = {
    serverAuth: '1.3.6.1.5.5.7.3.1',
    clientAuth: '1.3.6.1.5.5.7.3.2',
    emailProtection: '1.3.6.1.5.5.7.3.4',
    ipsecIKE: '1.3.6.1.5.5.7.3.17',
    ikeIntermediate: '1.3.6.1.5.5.8.2.2',
    any: '2.5.29.37.0',
  }

  test.each([
    ['serverAuth', 'ok 2', 'extendedKeyUsage'],
    ['clientAuth', 'extendedKeyUsage', 'ok 2'],
    ['emailProtection', 'extendedKeyUsage', 'extendedKeyUsage'],
    ['ipsecIKE', 'ok 2', 'ok 2'],
    ['ikeIntermediate', 'ok 2', 'ok 2'],
    ['any', 'ok 2', 'ok 2'],
  ] as const)('RFC 4945 §5.1.3.12: %s: a gateway %s, a client %s', (purpose, gateway, client) => {
    const certificate = makeGateway(root, { eku: [purposes[purpose]] })
    expect(judge([certificate]).split(':')[0]).toBe(gateway)
    expect(judge([certificate], { role: 'client' }).split(':')[0]).toBe(client)
  })

  test('no purpose named is fine, and the wrong ones are named', () => {
    expect(judge([issue(root, { subject: 'CN=any' })])).toBe('ok 2')
    expect(judge([makeGateway(root, { eku: [purposes.clientAuth, '1.2.3'] })])).toMatch(
      /it is for clientAuth, 1\.2\.3 and not for serverAuth or ipsecIKE$/,
    )
  })

  test('RFC 4945 §5.1.3.2: key usage, where there is one, has digitalSignature or nonRepudiation', () => {
    expect(judge([makeGateway(root, { keyUsage: [1] })])).toBe('ok 2')
    expect(judge([makeGateway(root, { keyUsage: [2, 3] })])).toMatch(/^keyUsage: .*its key may not sign$/)
  })

  test('RFC 5280 §4.2: a critical extension nobody here knows', () => {
    const more = [extension('1.2.3.4', true, new asn1.Null())]
    expect(judge([makeGateway(root, { more })])).toMatch(/^criticalExtension: .*1\.2\.3\.4/)
    expect(judge([makeGateway(root, { more: [extension('1.2.3.4', false, new asn1.Null())] })])).toBe('ok 2')
    const by = makeAuthority(root, 'CN=odd', { more })
    expect(judge([makeGateway(by), by])).toMatch(/^criticalExtension: CN=odd/)
  })
})

describe('RFC 5280 §4.2.1.10: name constraints', () => {
  const below = (
    wanted: { permitted?: string[]; excluded?: string[] },
    san: string[],
    subject = 'CN=gw',
  ): string => {
    const by = makeAuthority(root, 'CN=Bound', wanted)
    return judge([makeGateway(by, { san, subject }), by]).split(':')[0]!
  }

  test.each([
    ['the host itself', ['dns:example.org'], ['dns:example.org'], 'ok 3'],
    ['below it, in capitals', ['dns:example.org'], ['dns:GW.Example.ORG'], 'ok 3'],
    ['not what merely ends so', ['dns:example.org'], ['dns:badexample.org'], 'nameConstraints'],
    [
      'one good name does not help a bad one',
      ['dns:example.org'],
      ['dns:a.example.org', 'dns:b.net'],
      'nameConstraints',
    ],
    ['another kind of name is free', ['dns:example.org'], ['email:a@other.net'], 'ok 3'],
    ['an address in the range', ['ip:10.0.0.0/255.0.0.0'], ['ip:10.9.8.7'], 'ok 3'],
    ['and out of it', ['ip:10.0.0.0/255.0.0.0'], ['ip:11.9.8.7'], 'nameConstraints'],
    ['mail at a host', ['email:example.org'], ['email:A@EXAMPLE.org'], 'ok 3'],
    ['not below the host', ['email:example.org'], ['email:a@sub.example.org'], 'nameConstraints'],
    ['below, with a dot', ['email:.example.org'], ['email:a@sub.example.org'], 'ok 3'],
    ['one mailbox', ['email:a@example.org'], ['email:b@example.org'], 'nameConstraints'],
    ['a URI cannot be judged here', ['uri:example.org'], ['uri:ike://example.org/'], 'nameConstraints'],
  ])('permitted: %s', (_, permitted, san, result) => {
    expect(below({ permitted }, san)).toBe(result)
  })

  test('excluded: hosts, and whatever case they are written in', () => {
    expect(below({ excluded: ['dns:example.org'] }, ['dns:gw.EXAMPLE.org'])).toBe('nameConstraints')
    expect(below({ excluded: ['dns:example.org'] }, ['dns:gw.example.net'])).toBe('ok 3')
  })

  test('directory names bind the subject', () => {
    expect(below({ permitted: ['dn:C=CH, O=Test'] }, [], 'C=CH, O=test, CN=a')).toBe('ok 3')
    expect(below({ permitted: ['dn:C=CH, O=Test'] }, [], 'C=CH, O=Else, CN=a')).toBe('nameConstraints')
    expect(below({ excluded: ['dn:C=CH'] }, [], 'C=CH, O=Test, CN=a')).toBe('nameConstraints')
  })

  test('a mail address and a host in the subject are bound too', () => {
    expect(below({ permitted: ['email:example.org'] }, [], 'CN=a, E=a@other.net')).toBe('nameConstraints')
    expect(below({ permitted: ['dns:example.org'] }, [], 'CN=gw.other.net')).toBe('nameConstraints')
  })

  test('they bind every certificate below, not only the last', () => {
    const top = makeRoot('CN=Top', { permitted: ['dn:O=Test'] })
    const stray = makeAuthority(top, 'O=Else, CN=Stray')
    const verdict = judge([makeGateway(stray, { subject: 'O=Test, CN=gw' }), stray], {
      anchors: [top.certificate],
    })
    expect(verdict).toMatch(/^nameConstraints: O=Else, CN=Stray/)
  })
})

describe('keys', () => {
  test('RFC 8247 §3.1: RSA below 2048 bits only with the switch, below 1024 never', () => {
    const weak = makeGateway(root, {}, makeKey('rsa', 1024))
    expect(judge([weak])).toMatch(/^key: .*its key is RSA of 1024 bits/)
    expect(judge([weak], { weak: { shortRsa: true } })).toBe('ok 2')
    const tiny = makeGateway(root, {}, makeKey('rsa', 512))
    expect(judge([tiny], { weak: { shortRsa: true } })).toMatch(/^key: .*512 bits/)
  })

  test('a weak authority makes everything below it weak', () => {
    const by = makeAuthority(root, 'CN=weak', {}, makeKey('rsa', 1024))
    expect(judge([makeGateway(by), by])).toMatch(/^key: CN=weak: its key is RSA of 1024 bits/)
  })

  test('an even modulus and an exponent of 1 are refused, in the leaf and above it', () => {
    const spki = rsaSpki(new Uint8Array(256).fill(0xa5), Uint8Array.of(1))
    expect(judge([makeGateway(root, { spki })])).toMatch(/^key: .*has the public exponent 1/)
    const by = makeAuthority(root, 'CN=one', { spki })
    expect(judge([makeGateway(by), by])).toMatch(/^key: CN=one: its key has the public exponent 1/)
  })
})

describe('revocation lists that are at hand', () => {
  const gateway = makeGateway(root)
  const listOf = (by: Issued, serials: readonly Uint8Array[], times = {}) => {
    const read = decodeRevocationList(makeList(by, serials, times))
    if (!read.ok) throw read.error
    return read.value
  }
  const revoked = [gateway.certificate.serial]

  test('RFC 5280 §6.3: a revoked certificate is refused, another is not', () => {
    expect(judge([gateway], { lists: [listOf(root, revoked)] })).toMatch(
      /^revoked: .*it was revoked on 2030-06-13$/,
    )
    expect(judge([gateway], { lists: [listOf(root, [Uint8Array.of(9)])] })).toBe('ok 2')
  })

  test('an authority can be revoked', () => {
    const lists = [listOf(root, [middle.certificate.serial])]
    expect(judge([makeGateway(middle), middle], { lists })).toMatch(/^revoked: C=CH, O=Test, CN=Middle/)
  })

  test('a list counts only if the issuer signed it', () => {
    const forged = listOf({ ...root, key: makeKey() }, revoked)
    expect(judge([gateway], { lists: [forged] })).toBe('ok 2')
    expect(judge([gateway], { lists: [listOf(middle, revoked)] })).toBe('ok 2')
  })

  test('where lists are required, an old one and none are not enough; what is revoked stays so', () => {
    const old = { thisUpdate: NOW - 9 * DAY, nextUpdate: NOW - DAY }
    const revocation = 'strict'
    expect(judge([gateway], { revocation })).toMatch(/^revocationUnknown/)
    expect(judge([gateway], { revocation, lists: [listOf(root, [], old)] })).toMatch(/^revocationUnknown/)
    expect(judge([gateway], { revocation, lists: [listOf(root, [])] })).toBe('ok 2')
    expect(judge([gateway], { lists: [listOf(root, revoked, old)] })).toMatch(/^revoked/)
  })

  test('RFC 5280 §5.2: a list that is only a part of the truth is refused by its critical extension', () => {
    const delta = [extension('2.5.29.27', true, new asn1.Integer({ value: 1 }))]
    const read = decodeRevocationList(makeList(root, revoked, { more: delta }))
    expect(read.ok ? 'read' : read.error.message).toContain('2.5.29.27')
  })
})

describe('bounds', () => {
  test('40 certificates are refused unread', () => {
    const { der } = makeGateway(root)
    expect(judge(Array.from({ length: 40 }, () => der))).toBe(
      'tooMany: the certificate: 40 certificates were sent, at most 16 are read',
    )
  })

  test('a chain of 12 authorities is too long', () => {
    const authorities: Issued[] = [root]
    for (let at = 0; at < 12; at++) authorities.unshift(makeAuthority(authorities[0]!, `CN=${at}`))
    expect(judge([makeGateway(authorities[0]!), ...authorities])).toMatch(
      /^pathLength: .*within 8 certificates/,
    )
  })

  test('authorities that vouch for each other are a maze with an end', () => {
    const key = makeKey()
    const twin = () => makeAuthority({ ...root, key, subject: 'CN=Twin' }, 'CN=Twin', {}, makeKey())
    const certificates = Array.from({ length: 15 }, (_, at) =>
      at % 2 === 0 ? twin() : makeAuthority({ ...root, key, subject: 'CN=Twin' }, 'CN=Twin', {}, key),
    )
    expect(judge([makeGateway({ ...root, key, subject: 'CN=Twin' }), ...certificates])).not.toMatch(/^ok/)
  })

  test('a broken certificate in between is passed over, a broken one of the peer itself is not', () => {
    const broken = concat(makeGateway(root).der, Uint8Array.of(1))
    expect(judge([makeGateway(middle), broken, middle])).toBe('ok 3')
    expect(judge([broken, middle])).toMatch(/^malformed: the certificate: it cannot be read/)
  })
})
