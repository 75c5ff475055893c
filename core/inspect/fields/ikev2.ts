import {
  EncryptionAlgorithm,
  ExchangeType,
  IntegrityAlgorithm,
  KeyExchangeMethod,
  PayloadNumber,
  PseudorandomFunction,
  SecurityProtocol,
  SequenceNumbers,
  TransformAttributeType,
  TransformType,
} from '../../iana/ikev2.ts'
import { type Field, flag, group, hex, number, octets } from '../tree.ts'

// What the inspector says of each field of an IKEv2 message.

export const MESSAGE = group(
  'IKEv2 message',
  'RFC 7296 §3.1',
  'One message of the Internet Key Exchange, version 2.',
)

const HEADER = 'RFC 7296 §3.1'
export const H = {
  header: group('Header', HEADER, 'Says whose message this is and what it is for; never encrypted.'),
  initiatorSpi: octets(
    "IKE SA Initiator's SPI",
    HEADER,
    'The number by which the initiator knows this IKE SA.',
    'isakmp.ispi',
  ),
  responderSpi: octets(
    "IKE SA Responder's SPI",
    HEADER,
    'The number by which the responder knows this IKE SA; zero until it has answered.',
    'isakmp.rspi',
  ),
  next: number('Next Payload', HEADER, 'The kind of the first payload.', {
    wireshark: 'isakmp.nextpayload',
    names: PayloadNumber,
  }),
  version: hex(
    'Version',
    HEADER,
    'The version of IKE: major in the upper half, minor in the lower.',
    'isakmp.version',
  ),
  exchange: number('Exchange Type', HEADER, 'What this message is a part of.', {
    wireshark: 'isakmp.exchangetype',
    names: ExchangeType,
    meanings: {
      34: 'The first two messages: agree on algorithms and exchange keys. Nobody is known yet.',
      35: 'Both ends prove who they are, and the first CHILD_SA is made.',
      36: 'Makes another CHILD_SA, or replaces one or the IKE SA by a fresh one.',
      37: 'News between the ends: deletions, errors, and the question whether the other is still there.',
      38: 'Takes up a session of earlier with a ticket.',
      43: 'Carries what does not fit into IKE_SA_INIT, such as further key exchanges.',
      44: 'Further key exchanges of a CREATE_CHILD_SA.',
    },
  }),
  flags: hex(
    'Flags',
    HEADER,
    'Who began the IKE SA, and whether this is a question or an answer.',
    'isakmp.flags',
  ),
  initiator: flag('Initiator', HEADER, 'Set: sent by whoever began this IKE SA.', 'isakmp.flag_i'),
  higherVersion: flag('Version', HEADER, 'Set: the sender could do a higher major version.', 'isakmp.flag_v'),
  response: flag(
    'Response',
    HEADER,
    'Set: this answers the request with the same Message ID.',
    'isakmp.flag_r',
  ),
  messageId: hex(
    'Message ID',
    HEADER,
    'Counts the requests of each end; the answer carries the same number.',
    'isakmp.messageid',
  ),
  length: number('Length', HEADER, 'Octets of the whole message.', 'isakmp.length'),
} as const

const GENERIC = 'RFC 7296 §3.2'
export const G = {
  next: number('Next Payload', GENERIC, 'The kind of the payload after this one.', {
    wireshark: 'isakmp.nextpayload',
    names: PayloadNumber,
  }),
  nextInside: number(
    'Next Payload',
    'RFC 7296 §3.14',
    'The kind of the first payload inside the encryption.',
    {
      wireshark: 'isakmp.nextpayload',
      names: PayloadNumber,
    },
  ),
  critical: flag(
    'Critical',
    GENERIC,
    'Set: who does not know this kind of payload must refuse the message.',
    'isakmp.criticalpayload',
  ),
  length: number(
    'Payload Length',
    GENERIC,
    'Octets of this payload with its own header.',
    'isakmp.payloadlength',
  ),
  reserved: octets('RESERVED', GENERIC, 'Zero when sent, not looked at when received.', 'isakmp.reserved'),
  rest: octets('Octets after the end', GENERIC, 'Nothing explains them.', 'isakmp.extradata'),
  body: octets('Data', GENERIC, 'What it holds is not known here.', 'isakmp.datapayload'),
} as const

const payload = (name: string, reference: string, says: string): Field =>
  group(name, reference, says, 'isakmp.typepayload')

/** The payloads, by number. */
export const PAYLOADS: Readonly<Record<number, Field>> = {
  33: payload(
    'Security Association',
    'RFC 7296 §3.3',
    'The sets of algorithms that are offered, or the one that was chosen.',
  ),
  34: payload(
    'Key Exchange',
    'RFC 7296 §3.4',
    'A public value: from this and its own secret, each end computes the same key.',
  ),
  35: payload(
    'Identification – Initiator',
    'RFC 7296 §3.5',
    'Who the initiator says it is; proven by the AUTH payload.',
  ),
  36: payload(
    'Identification – Responder',
    'RFC 7296 §3.5',
    'Who the responder is, or who the initiator would like to reach.',
  ),
  37: payload('Certificate', 'RFC 7296 §3.6', 'Ties an identity to a public key.'),
  38: payload(
    'Certificate Request',
    'RFC 7296 §3.7',
    'The authorities whose certificates the sender trusts.',
  ),
  39: payload(
    'Authentication',
    'RFC 7296 §3.8',
    'The proof: it covers the first message of the sender, the nonce of the other and the identity.',
  ),
  40: payload('Nonce', 'RFC 7296 §3.9', 'Random octets that make the keys of this exchange fresh.'),
  41: payload('Notify', 'RFC 7296 §3.10', 'A piece of news: an error, or something the sender can do.'),
  42: payload('Delete', 'RFC 7296 §3.11', 'SAs the sender has deleted.'),
  43: payload('Vendor ID', 'RFC 7296 §3.12', 'What software this is, or which private extension it knows.'),
  44: payload(
    'Traffic Selector – Initiator',
    'RFC 7296 §3.13',
    'The addresses and ports at the initiator whose traffic goes through the tunnel.',
  ),
  45: payload(
    'Traffic Selector – Responder',
    'RFC 7296 §3.13',
    'The addresses and ports at the responder whose traffic goes through the tunnel.',
  ),
  46: payload(
    'Encrypted and Authenticated',
    'RFC 7296 §3.14',
    'All other payloads are inside, encrypted, and nobody can change them unnoticed.',
  ),
  47: payload(
    'Configuration',
    'RFC 7296 §3.15',
    'What a client needs inside the tunnel: its address, name servers, networks.',
  ),
  48: payload('Extensible Authentication', 'RFC 7296 §3.16', 'A step of the sign-in by EAP.'),
  49: payload('Generic Secure Password Method', 'RFC 6467 §2', 'A step of a sign-in by password.'),
  50: payload('Group Identification', 'RFC 9838 §4', 'Which group is meant.'),
  51: payload('Group Security Association', 'RFC 9838 §4', 'The SAs of a group.'),
  52: payload('Key Download', 'RFC 9838 §4', 'The keys of a group.'),
  53: payload(
    'Encrypted and Authenticated Fragment',
    'RFC 7383 §2.5',
    'A part of a message that was too large for one packet.',
  ),
  54: payload('Puzzle Solution', 'RFC 8019 §8', 'The answer to a puzzle of the responder.'),
}
export const UNKNOWN_PAYLOAD = payload(
  'Unknown payload',
  GENERIC,
  'A kind of payload that is not known here; it is skipped.',
)

const PROPOSAL = 'RFC 7296 §3.3.1'
const TRANSFORM = 'RFC 7296 §3.3.2'
export const SA = {
  proposal: group(
    'Proposal',
    PROPOSAL,
    'One set of algorithms: of each type of transform, one is to be chosen.',
    'isakmp.typepayload',
  ),
  last: number(
    'Last Substruc',
    PROPOSAL,
    '2: more proposals follow. 0: this is the last.',
    'isakmp.nextpayload',
  ),
  proposalLength: number(
    'Proposal Length',
    PROPOSAL,
    'Octets of this proposal with its transforms.',
    'isakmp.payloadlength',
  ),
  number: number(
    'Proposal Num',
    PROPOSAL,
    'Counts from 1; the answer repeats the number of what was chosen.',
    'isakmp.prop.number',
  ),
  protocol: number('Protocol ID', PROPOSAL, 'What the algorithms are for.', {
    wireshark: 'isakmp.prop.protoid',
    names: SecurityProtocol,
  }),
  spiSize: number('SPI Size', PROPOSAL, 'Octets of the SPI.', 'isakmp.spisize'),
  transforms: number(
    'Num Transforms',
    PROPOSAL,
    'How many transforms this proposal has.',
    'isakmp.prop.transforms',
  ),
  spi: octets(
    'SPI',
    PROPOSAL,
    'The number under which the sender wants to receive with this SA.',
    'isakmp.spi',
  ),
  transform: group('Transform', TRANSFORM, 'One algorithm.', 'isakmp.typepayload'),
  lastTransform: number(
    'Last Substruc',
    TRANSFORM,
    '3: more transforms follow. 0: this is the last.',
    'isakmp.nextpayload',
  ),
  transformLength: number(
    'Transform Length',
    TRANSFORM,
    'Octets of this transform with its attributes.',
    'isakmp.payloadlength',
  ),
  type: number('Transform Type', TRANSFORM, 'What the algorithm does.', {
    wireshark: 'isakmp.tf.type',
    names: TransformType,
    meanings: {
      1: 'Encrypts.',
      2: 'Makes keys and proofs out of secrets.',
      3: 'Shows whether something was changed on the way.',
      4: 'Lets both ends compute the same secret over a line that others listen to.',
      5: 'How long sequence numbers are.',
    },
  }),
  attribute: group('Transform Attribute', 'RFC 7296 §3.3.5', 'More about the algorithm.', 'isakmp.ike2.attr'),
  attributeType: number(
    'Attribute Type',
    'RFC 7296 §3.3.5',
    'What is said; the highest bit beside it tells that the value stands in place of the length.',
    'isakmp.ike2.attr.type',
  ),
  attributeLength: number(
    'Attribute Length',
    'RFC 7296 §3.3.5',
    'Octets of the value.',
    'isakmp.ike2.attr.length',
  ),
  attributeValue: octets('Attribute Value', 'RFC 7296 §3.3.5', 'The value.', 'isakmp.ike2.attr.value'),
  keyLength: number('Key Length', 'RFC 7296 §3.3.5', 'Bits of the key.', 'isakmp.ike2.attr.key_length'),
} as const
export const ATTRIBUTE_NAMES = TransformAttributeType

const id = (names: Field['names'], wireshark: string): Field =>
  number('Transform ID', TRANSFORM, 'Which algorithm.', {
    wireshark,
    ...(names === undefined ? {} : { names }),
  })
const ke = id(KeyExchangeMethod, 'isakmp.tf.id.dh')
const furtherKe = id(KeyExchangeMethod, 'isakmp.tf.id')
/** Transform IDs, by transform type. */
export const TRANSFORM_IDS: Readonly<Record<number, Field>> = {
  1: id(EncryptionAlgorithm, 'isakmp.tf.id.encr'),
  2: id(PseudorandomFunction, 'isakmp.tf.id.prf'),
  3: id(IntegrityAlgorithm, 'isakmp.tf.id.integ'),
  4: ke,
  5: id(SequenceNumbers, 'isakmp.tf.id.esn'),
  6: furtherKe,
  7: furtherKe,
  8: furtherKe,
  9: furtherKe,
  10: furtherKe,
  11: furtherKe,
  12: furtherKe,
}
export const OTHER_TRANSFORM_ID = id(undefined, 'isakmp.tf.id')

export const KE = {
  group: number('Key Exchange Method', 'RFC 7296 §3.4', 'Which group or method the value is of.', {
    wireshark: 'isakmp.key_exchange.dh_group',
    names: KeyExchangeMethod,
  }),
  data: octets('Key Exchange Data', 'RFC 7296 §3.4', 'The public value itself.', 'isakmp.key_exchange.data'),
} as const

export const NONCE = octets('Nonce Data', 'RFC 7296 §3.9', '16 to 256 random octets.', 'isakmp.nonce')

const ENCRYPTED = 'RFC 7296 §3.14'
export const SK = {
  iv: octets(
    'Initialization Vector',
    ENCRYPTED,
    'Makes the same text look different each time it is encrypted.',
    'isakmp.enc.iv',
  ),
  data: octets('Encrypted Data', ENCRYPTED, 'Nobody without the keys can read it.', 'isakmp.enc.data'),
  icv: octets(
    'Integrity Checksum Data',
    ENCRYPTED,
    'Shows that nothing was changed on the way, by somebody who has the keys.',
    'isakmp.enc.icd',
  ),
  decrypted: group(
    'Decrypted payloads',
    ENCRYPTED,
    'What was inside the encryption.',
    'isakmp.enc.decrypted',
  ),
  padding: octets('Padding', ENCRYPTED, 'Fills the last block.', 'isakmp.enc.padding'),
  padLength: number('Pad Length', ENCRYPTED, 'Octets of padding.', 'isakmp.enc.pad_length'),
  fragment: number(
    'Fragment Number',
    'RFC 7383 §2.5',
    'Which part this is, counted from 1.',
    'isakmp.frag.number',
  ),
  total: number('Total Fragments', 'RFC 7383 §2.5', 'How many parts there are.', 'isakmp.frag.total'),
  joined: group(
    'Message of all fragments',
    'RFC 7383 §2.6',
    'What the parts say when put together.',
    'isakmp.fragments',
  ),
  part: octets(
    'Part of a message',
    'RFC 7383 §2.5',
    'Read when all parts are there.',
    'isakmp.enc.decrypted',
  ),
} as const
