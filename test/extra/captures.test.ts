import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Malformed } from '../../core/bytes/malformed.ts'
import { toHex } from '../../core/bytes/octets.ts'
import { TransformAttributeType, TransformType } from '../../core/iana/ikev2.ts'
import { decodeMessage, encodeMessage, type Message } from '../../core/wire/ikev2/message.ts'
import type { Payload, Transform } from '../../core/wire/ikev2/payload.ts'
import { numberOf } from '../../core/wire/ikev2/payload-chain.ts'
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

/** Captured because they are wrong, or by a peer that was: file and frame → the complaint. */
const refused: Readonly<Record<string, string>> = {
  'tcpdump/ikev2-id-normal.pcap 1':
    'IDi / Identification Data: 1 octets, 4 wanted for ID type 1 at octet 36 (RFC 7296 §3.5)',
  'tcpdump/ikev2-id-short.pcap 1': 'IDi / RESERVED: 0 octets left, 3 wanted at octet 33 (RFC 7296 §3.5)',
  // Pads a message to four octets, as IKEv1 did.
  'openswan/ikev2-bad-init/3-lp09-I1notify--parentR1notify.pcap 1':
    'end: 2 octets too many at octet 38 (RFC 7296 §3.2)',
}

const isVersion2 = (message: Uint8Array): boolean => message.length >= 28 && message[17]! >> 4 === 2

const files = (readdirSync(captures, { recursive: true }) as string[])
  .filter((name) => /\.(cap|pcap|pcapng)(\.gz)?$/.test(name))
  .sort()

for (const file of files) {
  const messages = datagramsOf(readCapture(new Uint8Array(readFileSync(join(captures, file))))).flatMap(
    (datagram) => {
      const bytes = ikeOf(datagram)
      return bytes !== undefined && isVersion2(bytes) ? [{ frame: datagram.frame, bytes }] : []
    },
  )
  const known = (facts[file] ?? []).filter((fact) => fact['isakmp.version'] === '0x20')
  if (messages.length + known.length === 0) continue

  describe(`RFC 7296 §3: ${file}`, () => {
    test('holds the messages tshark finds in it', () => {
      expect(messages.map(({ frame }) => `${frame}`)).toEqual(known.map((fact) => fact['frame.number']))
    })

    for (const [index, { frame, bytes }] of messages.entries()) {
      const complaint = refused[`${file} ${frame}`]
      if (complaint !== undefined) {
        test(`frame ${frame} is refused`, () => {
          expect(errorOf(bytes)?.message).toBe(complaint)
        })
        continue
      }

      test(`frame ${frame} reads as tshark reads it and encodes to the same octets`, () => {
        const result = decodeMessage(bytes)
        if (!result.ok) throw result.error
        expect(toHex(encodeMessage(result.value.header, result.value.payloads))).toBe(toHex(bytes))
        const ours = factsOf(result.value, bytes)
        expect(known[index]).toMatchObject(ours)
      })
    }
  })
}

describe('RFC 7296 §2.5: raw messages of other tools', () => {
  const raw = readdirSync(join(captures, 'ike-scan')).filter((name) => name.endsWith('.dat'))
  for (const name of raw) {
    const bytes = new Uint8Array(readFileSync(join(captures, 'ike-scan', name)))
    test(`${name} ${isVersion2(bytes) ? 'comes back unchanged' : 'is of another version'}`, () => {
      const result = decodeMessage(bytes)
      if (!isVersion2(bytes)) expect(errorOf(bytes)?.reference).toBe('RFC 7296 §2.5')
      else
        expect(result.ok && toHex(encodeMessage(result.value.header, result.value.payloads))).toBe(
          toHex(bytes),
        )
    })
  }
})

function errorOf(bytes: Uint8Array): Malformed | undefined {
  const result = decodeMessage(bytes)
  return result.ok ? undefined : result.error
}

/** What we can say about a message in tshark's words; nothing about what is sealed. */
function factsOf(message: Message, bytes: Uint8Array): Fact {
  const { header, payloads } = message
  const always = {
    'isakmp.ispi': toHex(header.initiatorSpi),
    'isakmp.rspi': toHex(header.responderSpi),
    'isakmp.exchangetype': `${header.exchange}`,
    'isakmp.messageid': `0x${header.messageId.toString(16).padStart(8, '0')}`,
    'isakmp.length': `${bytes.length}`,
  }
  // tshark goes on inside SK where it has keys.
  if (payloads.some((payload) => payload.type === 'SK' || payload.type === 'SKF')) return always

  const transforms = payloads.flatMap((p) =>
    p.type === 'SA' ? p.proposals.flatMap((proposal) => proposal.transforms) : [],
  )
  const found: Record<string, readonly (string | number)[]> = {
    'isakmp.typepayload': payloads.flatMap(numbersOf),
    'isakmp.key_exchange.dh_group': payloads.flatMap((p) => (p.type === 'KE' ? [p.group] : [])),
    'isakmp.nonce': payloads.flatMap((p) => (p.type === 'Nonce' ? [toHex(p.nonce)] : [])),
    'isakmp.notify.msgtype': payloads.flatMap((p) => (p.type === 'Notify' ? [p.notify] : [])),
    'isakmp.tf.id.encr': idsOf(transforms, TransformType.ENCR.id),
    'isakmp.tf.id.prf': idsOf(transforms, TransformType.PRF.id),
    'isakmp.tf.id.integ': idsOf(transforms, TransformType.INTEG.id),
    'isakmp.tf.id.dh': idsOf(transforms, TransformType.KE.id),
    'isakmp.ike2.attr.key_length': transforms.flatMap(keyLengths),
  }
  const present = Object.entries(found).filter(([, values]) => values.length > 0)
  return { ...always, ...Object.fromEntries(present.map(([name, values]) => [name, values.join(';')])) }
}

/** The payload's number, then 2 per proposal and 3 per transform in it. */
const numbersOf = (payload: Payload): number[] =>
  payload.type === 'SA'
    ? [33, ...payload.proposals.flatMap((proposal) => [2, ...proposal.transforms.map(() => 3)])]
    : [numberOf(payload)]

const idsOf = (transforms: readonly Transform[], type: number): number[] =>
  transforms.filter((transform) => transform.type === type).map((transform) => transform.id)

const keyLengths = (transform: Transform): number[] =>
  transform.attributes.flatMap((attribute) =>
    attribute.type === TransformAttributeType.KEY_LENGTH.id && 'value' in attribute ? [attribute.value] : [],
  )
