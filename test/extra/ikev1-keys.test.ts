import { describe, expect, test } from 'vitest'
import { fromHex, toHex } from '../../core/bytes/octets.ts'
import { Secret } from '../../core/bytes/secret.ts'
import { HASHES } from '../../core/ike/v1/hash-algorithms.ts'
import { hashR } from '../../core/ike/v1/hashes.ts'
import { skeyidOfPsk } from '../../core/ike/v1/keys.ts'
import { decrypt, exchangeIv, firstIv, lastBlock } from '../../core/ike/v1/protect.ts'
import { isKeyOf } from '../../core/inspect/offline-guess.ts'
import { decodeMessage, decodePayloads, type Message } from '../../core/wire/ikev1/message.ts'
import { extraFile, extraJson } from '../support/extra-vectors.ts'
import { datagramsOf, ikeOf, readCapture } from '../support/pcap.ts'
import { wholeRegistry } from '../support/two-peers.ts'

// The transcripts of other tools, with the keys they published.

const registry = wholeRegistry()

test('RFC 2409 §5.4: HASH_R of an aggressive mode whose key was guessed offline', () => {
  const sample = extraJson<Record<string, string>>('captures/ike-scan/aggressive-psk-md5.json')
  const octets = (name: string): Uint8Array => fromHex(sample[name]!)
  const prf = registry.prf.get(HASHES.get(1)!.prf)!
  const skeyid = skeyidOfPsk(prf, Secret.fromText(sample.psk!), octets('ni_b'), octets('nr_b'))
  const transcript = {
    initiatorKe: octets('g_xi'),
    responderKe: octets('g_xr'),
    initiatorCookie: octets('cky_i'),
    responderCookie: octets('cky_r'),
    saBody: octets('sai_b'),
  }
  expect(toHex(hashR(prf, skeyid, transcript, octets('idir_b')))).toBe(sample.hash_r)

  const [ni, nr, idBody, hash] = [octets('ni_b'), octets('nr_b'), octets('idir_b'), octets('hash_r')]
  const answer = { prf, transcript, ni, nr, idBody, hash }
  expect(['abc124', sample.psk!].map((word) => isKeyOf(answer, word))).toEqual([false, true])
})

describe('RFC 2409 Appendix B: an aggressive mode of which nothing was encrypted', () => {
  const file = 'wireshark/ikev1-bug-12620.pcapng.gz'
  const published = extraJson<Record<string, Record<string, Record<string, string>>>>(
    'captures/wireshark/keys.json',
  )
  const facts = extraJson<Record<string, Record<string, string>[]>>('captures/facts.json')[file]!
  const messages = datagramsOf(readCapture(extraFile(`captures/${file}`)))
    .flatMap((datagram) => ikeOf(datagram) ?? [])
    .map((bytes): Message => {
      const message = decodeMessage(bytes)
      if (!message.ok) throw message.error
      return message.value
    })
  const ke = (message: Message): Uint8Array => {
    const payload = message.sealed ? undefined : message.payloads.find((p) => p.type === 'KE')
    return payload?.type === 'KE' ? payload.data : new Uint8Array(0)
  }
  const keys = published['ikev1-bug-12620.pcapng.gz']!.ikev1_encryption_keys_by_initiator_cookie!
  const key = () => new Secret(fromHex(keys[toHex(messages[0]!.header.initiatorCookie)]!))
  const sha256 = HASHES.get(4)!
  const aes = registry.encryption.get(12)!
  const base = firstIv(sha256, ke(messages[0]!), ke(messages[1]!), 16)
  const ivs = new Map<number, Uint8Array>()

  for (const [index, message] of messages.entries()) {
    if (!message.sealed) continue
    test(`frame ${index + 1}: its IV is of hash(g^xi ‖ g^xr) and its own message ID, or of the message before`, () => {
      if (aes.aead) throw new Error('AES-CBC is no AEAD')
      const { messageId } = message.header
      const iv = ivs.get(messageId) ?? exchangeIv(sha256, base, messageId)
      const plaintext = decrypt(aes, key(), iv, message.ciphertext)!
      ivs.set(messageId, lastBlock(message.ciphertext, 16))
      const chain = decodePayloads(message.first, plaintext)
      if (!chain.ok) throw chain.error
      const [hash, ...rest] = chain.value.payloads
      expect(hash).toEqual({ type: 'HASH', data: fromHex(facts[index]!['isakmp.hash']!) })
      const attributes = rest.flatMap((p) => (p.type === 'ATTRIBUTES' ? p.attributes.map((a) => a.type) : []))
      expect(attributes.join(';')).toBe(facts[index]!['isakmp.cfg.attr.type'] ?? '')
    })
  }
})
