import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { toHex } from '../../core/bytes/octets.ts'
import { Phase1Attribute } from '../../core/iana/ikev1.ts'
import { attributeNumber } from '../../core/wire/ikev1/attribute.ts'
import { decodeMessage, encodeMessage, encodeSealed, type Message } from '../../core/wire/ikev1/message.ts'
import type { Payload, Transform } from '../../core/wire/ikev1/payload.ts'
import { numberOf } from '../../core/wire/ikev1/payload-chain.ts'
import { datagramsOf, ikeOf, readCapture } from '../support/pcap.ts'

// Captures under licences that keep them out of this repository; without them this file fails.
const vectors = process.env.CULVERT_VECTORS ?? resolve(import.meta.dirname, '../../../shared/vectors')
const captures = join(vectors, 'captures')
if (!existsSync(captures)) throw new Error(`no captures in ${vectors}: set CULVERT_VECTORS`)

/** What tshark says of a frame. Several values of a field are joined with semicolons. */
type Fact = Readonly<Record<string, string>>
const facts: Readonly<Record<string, readonly Fact[]>> = JSON.parse(
  readFileSync(join(captures, 'facts.json'), 'utf8'),
)

/** Captured because they are wrong: file and frame → the complaint. */
const refused: Readonly<Record<string, string>> = {
  'corelight/ipsec-ikev1-payload-bad-length.pcap 1':
    'VendorID Payload Length: 3 octets, at least 4 wanted at octet 90 (RFC 2408 §3.2)',
  'tcpdump/isakmp-no-none-np.pcapng 1':
    'Header / Length: says 84 octets, the datagram has 2186 at octet 24 (RFC 2408 §3.1)',
  'tcpdump/isakmp-pointer-loop.pcap 1':
    'Header / Length: says 0 octets, the datagram has 30 at octet 24 (RFC 2408 §3.1)',
}
/** tshark makes nothing at all of it. */
const UNREAD = 'tcpdump/isakmp-pointer-loop.pcap'

const isVersion1 = (message: Uint8Array): boolean => message.length >= 28 && message[17]! >> 4 === 1

const files = (readdirSync(captures, { recursive: true }) as string[])
  .filter((name) => /\.(cap|pcap|pcapng)(\.gz)?$/.test(name))
  .sort()

for (const file of files) {
  const messages = datagramsOf(readCapture(new Uint8Array(readFileSync(join(captures, file))))).flatMap(
    (datagram) => {
      const bytes = ikeOf(datagram)
      return bytes !== undefined && isVersion1(bytes) ? [{ frame: datagram.frame, bytes }] : []
    },
  )
  const known = (facts[file] ?? []).filter((fact) => fact['isakmp.version'] === '0x10')
  if (messages.length + known.length === 0) continue

  describe(`RFC 2408 §3: ${file}`, () => {
    test('holds the messages tshark finds in it', () => {
      const frames = file === UNREAD ? ['1'] : known.map((fact) => fact['frame.number'])
      expect(messages.map(({ frame }) => `${frame}`)).toEqual(frames)
    })

    for (const [index, { frame, bytes }] of messages.entries()) {
      const complaint = refused[`${file} ${frame}`]
      test(`frame ${frame} ${complaint === undefined ? 'reads as tshark reads it and encodes to the same octets' : 'is refused'}`, () => {
        const result = decodeMessage(bytes)
        if (complaint !== undefined) {
          expect(result.ok ? 'decoded' : result.error.message).toBe(complaint)
          return
        }
        if (!result.ok) throw result.error
        expect(toHex(encoded(result.value))).toBe(toHex(bytes))
        expect(known[index]).toMatchObject(factsOf(result.value, bytes))
      })
    }
  })
}

describe('RFC 2408 §3: raw messages of other tools', () => {
  const raw = readdirSync(join(captures, 'ike-scan')).filter((name) => name.endsWith('.dat'))
  for (const name of raw) {
    const bytes = new Uint8Array(readFileSync(join(captures, 'ike-scan', name)))
    if (!isVersion1(bytes)) continue
    const complaint = refused[name]
    test(`${name} ${complaint === undefined ? 'comes back unchanged' : 'is refused'}`, () => {
      const result = decodeMessage(bytes)
      expect(result.ok ? toHex(encoded(result.value)) : result.error.message).toBe(complaint ?? toHex(bytes))
    })
  }
})

const encoded = (message: Message): Uint8Array =>
  message.sealed
    ? encodeSealed(message.header, message.first, message.ciphertext)
    : encodeMessage(message.header, message.payloads, message.padding)

const SAK = 15

/** What we can say about a message in tshark's words; nothing about what is encrypted. */
function factsOf(message: Message, bytes: Uint8Array): Fact {
  const { header } = message
  const always = {
    'isakmp.ispi': toHex(header.initiatorCookie),
    'isakmp.rspi': toHex(header.responderCookie),
    'isakmp.exchangetype': `${header.exchange}`,
    'isakmp.messageid': `0x${header.messageId.toString(16).padStart(8, '0')}`,
    'isakmp.length': `${bytes.length}`,
  }
  if (message.sealed) return always
  const { payloads } = message
  const transforms = payloads.flatMap((p) =>
    p.type === 'SA' ? p.proposals.flatMap((proposal) => proposal.transforms) : [],
  )
  const values = (type: number) => transforms.flatMap((t) => valuesOf(t, type))
  const found: Record<string, readonly (string | number)[]> = {
    // tshark reads number 15 as a key of GDOI and goes no further.
    'isakmp.typepayload': payloads.flatMap(numbersOf).filter((n, i, all) => n !== SAK || all[i - 1] !== SAK),
    'isakmp.nonce': payloads.flatMap((p) => (p.type === 'Nonce' ? [toHex(p.nonce)] : [])),
    'isakmp.hash': payloads.flatMap((p) => (p.type === 'HASH' ? [toHex(p.data)] : [])),
    'isakmp.notify.msgtype': payloads.flatMap((p) => (p.type === 'Notify' ? [p.notify] : [])),
    'isakmp.ike.attr.encryption_algorithm': values(Phase1Attribute.ENCRYPTION.id),
    'isakmp.ike.attr.hash_algorithm': values(Phase1Attribute.HASH.id),
    'isakmp.ike.attr.authentication_method': values(Phase1Attribute.AUTHENTICATION.id),
    'isakmp.ike.attr.group_description': values(Phase1Attribute.GROUP.id),
  }
  const present = Object.entries(found).filter(([, list]) => list.length > 0)
  return { ...always, ...Object.fromEntries(present.map(([name, list]) => [name, list.join(';')])) }
}

/** The payload's number, then 2 per proposal and 3 per transform in it. */
const numbersOf = (payload: Payload): number[] =>
  payload.type === 'SA'
    ? [1, ...payload.proposals.flatMap((proposal) => [2, ...proposal.transforms.map(() => 3)])]
    : [numberOf(payload)]

const valuesOf = (transform: Transform, type: number): number[] =>
  transform.attributes.flatMap((a) => (a.type === type ? [attributeNumber(a) ?? -1] : []))
