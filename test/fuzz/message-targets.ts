import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { NO_OCTETS } from '../../core/bytes/octets.ts'
import type { EapPeerConfig } from '../../core/eap/config.ts'
import { METHODS, type MethodInfo } from '../../core/eap/methods.ts'
import { type EapAction, EapPeer } from '../../core/eap/peer.ts'
import { EapServer } from '../../core/eap/server.ts'
import { emptySimMemory, MilenageCard } from '../../core/eap/sim-card.ts'
import { readUnity } from '../../core/ike/v1/unity.ts'
import { readConfiguration } from '../../core/ike/v2/configuration.ts'
import { encodeEapPacket } from '../../core/wire/eap/packet.ts'
import * as v1 from '../../core/wire/ikev1/message.ts'
import type { Attribute } from '../../core/wire/ikev1/payload.ts'
import { decodeMessage, decodePayloads, encodePayloads } from '../../core/wire/ikev2/message.ts'
import { eapTools, secret, users } from '../support/eap-pair.ts'
import { projectRoot } from '../support/project-root.ts'
import { CARD, secretOf } from '../support/sim-network.ts'
import type { Target } from './targets.ts'

const data = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(join(projectRoot(), 'test/vectors/data', name)))
const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'))

/** The messages of IKE, whole; and what was inside of their encryption, with its Next Payload as the first octet here. */
export const ikeTargets = (): readonly Target[] => [
  {
    name: 'wire/ikev2',
    seeds: [data('ikev2/ike-sa-init-req.bin'), data('ikev2/ike-sa-init-resp.bin')],
    run: async (bytes) => void decodeMessage(bytes),
  },
  { name: 'wire/ikev1', seeds: [mainMode()], run: async (bytes) => void v1.decodeMessage(bytes) },
  { name: 'inside/ikev1', seeds: insideV1(), run: runInsideV1 },
  { name: 'inside/configuration', seeds: configurations(), run: runConfiguration },
]

/** The first message of a capture: behind the headers of pcap, Ethernet, IPv4 and UDP. */
function mainMode(): Uint8Array {
  const [start, lengthAt] = [24 + 16 + 14 + 20 + 8, 24]
  const capture = data('ikev1/ISAKMP_sa_setup.pcap')
  const length = new DataView(capture.buffer).getUint32(start + lengthAt)
  return capture.slice(start, start + length)
}

const inside = ({ first, bytes }: { readonly first: number; readonly bytes: Uint8Array }): Uint8Array =>
  Uint8Array.of(first, ...bytes)

function insideV1(): readonly Uint8Array[] {
  const message = mainMode()
  const transaction = (cfgType: number, attributes: readonly Attribute[]) =>
    inside(
      v1.encodePayloads([
        { type: 'HASH', data: new Uint8Array(20).fill(1) },
        { type: 'ATTRIBUTES', cfgType, identifier: 7, attributes },
      ]),
    )
  const text = (type: number, words: string): Attribute => ({
    type,
    bytes: new Uint8Array(Buffer.from(words)),
  })
  return [
    Uint8Array.of(message[16] ?? 0, ...message.subarray(v1.HEADER_BYTES)),
    transaction(2, [
      { type: 1, bytes: hex('0a4e000a') },
      { type: 2, bytes: hex('ffffff00') },
      text(28672, 'Welcome'),
      text(28674, 'example.org'),
      text(28675, 'a.example.org,b.example.org'),
      { type: 28676, bytes: hex('0a4d0000 ffffff00 000000000000 0a4e0000 ffffff00') },
      text(28681, '192.0.2.1'),
    ]),
    transaction(1, [
      { type: 16520, value: 0 },
      { type: 16521, bytes: NO_OCTETS },
      { type: 16522, bytes: NO_OCTETS },
    ]),
  ]
}

async function runInsideV1(bytes: Uint8Array): Promise<void> {
  const read = v1.decodePayloads(bytes[0] ?? 0, bytes.subarray(1))
  if (!read.ok) return
  for (const payload of read.value.payloads) if (payload.type === 'ATTRIBUTES') readUnity(payload.attributes)
}

function configurations(): readonly Uint8Array[] {
  const reply = (attributes: readonly (readonly [number, Uint8Array])[]) =>
    inside(
      encodePayloads([
        { type: 'CP', cfgType: 2, attributes: attributes.map(([type, value]) => ({ type, value })) },
      ]),
    )
  return [
    reply([
      [1, hex('0a4e000a')],
      [3, hex('0a4d000a')],
      [13, hex('0a4d0000 ffffff00')],
      [25, new Uint8Array(Buffer.from('example.org'))],
      [28675, new Uint8Array(Buffer.from('a.example.org,b.example.org'))],
    ]),
    reply([
      [8, hex('fd780000000000000000000000000010 80')],
      [10, hex('fd770000000000000000000000000010')],
      [15, hex('fd770000000000000000000000000000 40')],
      // ENCDNS_IP4, RFC 9464 §3.1
      [27, hex('0001 0104 0a4d000a 0b 03646e73076578616d706c65')],
    ]),
  ]
}

async function runConfiguration(bytes: Uint8Array): Promise<void> {
  const read = decodePayloads(bytes[0] ?? 0, bytes.subarray(1))
  if (!read.ok) return
  for (const payload of read.value) if (payload.type === 'CP') readConfiguration(payload)
}

/** What a method may begin with, so that what follows is read at all: in front of each stands its length. */
const BEGINNINGS: Readonly<Record<string, readonly string[]>> = {
  md5: ['04 11223344'],
  gtc: ['50617373776f72643a20'],
  mschapv2: ['01 01 0017 10 000102030405060708090a0b0c0d0e0f 6777', '04 02 000d 453d36393120523d30'],
  tls: ['20', '80 00000010 16030300'],
  ttls: ['20', '00'],
  peap: ['20', '00'],
  sim: ['0a 0000 0f02 0002 0001 0000 0a01 0000', '0b 0000 0105 0000 000102030405060708090a0b0c0d0e0f'],
  aka: [
    '05 0000 0d01 0000',
    '01 0000 0105 0000 000102030405060708090a0b0c0d0e0f 0205 0000 000102030405060708090a0b0c0d0e0f',
  ],
  'aka-prime': ['05 0000 0d01 0000', '01 0000 1702 0003 574c414e 1801 0001'],
}

/** Every method of EAP, at both ends: a conversation is a row of messages, each behind its length. */
export const eapTargets = (): readonly Target[] =>
  METHODS.map((method) => ({
    name: `eap/${method.name}`,
    seeds: [
      Uint8Array.from(
        (BEGINNINGS[method.name] ?? []).map(hex).flatMap((message) => [message.length, ...message]),
      ),
    ],
    run: async (bytes) => {
      const messages = [...messagesIn(bytes)]
      asPeer(method, messages)
      if (method.server !== undefined) asServer(method, messages)
    },
  }))

function* messagesIn(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length && at < 2_000; at += 1 + (bytes[at] ?? 0))
    yield bytes.slice(at + 1, at + 1 + (bytes[at] ?? 0))
}

const tools = eapTools()

function asPeer({ name, type }: MethodInfo, messages: readonly Uint8Array[]): void {
  const config: EapPeerConfig = {
    ...{ user: 'alice', methods: [name], password: secret('geheim'), inner: ['mschapv2', 'gtc', 'md5'] },
    sim: {
      card: new MilenageCard(secretOf(CARD.k), secretOf(CARD.opc), new Uint8Array(6)),
      memory: emptySimMemory(),
    },
  }
  const peer = new EapPeer(config, tools)
  for (const [identifier, body] of messages.entries()) {
    const turn = (actions: readonly EapAction[]): void => {
      if (actions.some(({ do: what }) => what === 'ask'))
        turn(peer.handle({ type: 'answered', answer: secret('x') }))
      else if (actions.some(({ do: what }) => what === 'tls'))
        turn(peer.handle({ type: 'tls', turn: { output: NO_OCTETS, data: body } }))
    }
    turn(peer.handle({ type: 'packet', packet: packetOf('request', identifier, type, body) }))
  }
  peer.close()
}

function asServer({ name, type }: MethodInfo, messages: readonly Uint8Array[]): void {
  const lookUp = users({ alice: 'geheim' })
  const server = new EapServer({ methods: [name], serverName: 'gw', lookUp, retries: 2 }, tools)
  let identifier = 0
  const turn = (actions: ReturnType<EapServer['handle']>, body: Uint8Array): void => {
    for (const action of actions) if (action.do === 'send') identifier = action.packet[1] ?? 0
    if (actions.some(({ do: what }) => what === 'tls'))
      turn(server.handle({ type: 'tls', turn: { output: NO_OCTETS, data: body } }), NO_OCTETS)
  }
  turn(server.handle({ type: 'begin', identity: 'alice' }), NO_OCTETS)
  for (const body of messages)
    turn(server.handle({ type: 'packet', packet: packetOf('response', identifier, type, body) }), body)
  server.close()
}

const packetOf = (code: 'request' | 'response', identifier: number, type: number, body: Uint8Array) =>
  encodeEapPacket({
    ...{ code, identifier: identifier & 0xff, expanded: false, data: body },
    method: { vendor: 0, type },
  })
