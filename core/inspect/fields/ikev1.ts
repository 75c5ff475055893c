import {
  AhTransform,
  Doi,
  EspTransform,
  ExchangeType,
  IpcompTransform,
  IsakmpTransform,
  PayloadNumber,
  SecurityProtocol,
} from '../../iana/ikev1.ts'
import type { Registry } from '../../iana/registry.ts'
import { type Field, flag, group, hex, number, octets } from '../tree.ts'

// What the inspector says of each field of an IKEv1 message.

export const MESSAGE = group(
  'IKEv1 message',
  'RFC 2408 §3.1',
  'One message of the Internet Key Exchange, version 1 (ISAKMP).',
)

const HEADER = 'RFC 2408 §3.1'
export const H = {
  header: group('Header', HEADER, 'Says whose message this is and what it is for; never encrypted.'),
  initiatorCookie: octets(
    'Initiator Cookie',
    HEADER,
    'The number the initiator gave this ISAKMP SA.',
    'isakmp.ispi',
  ),
  responderCookie: octets(
    'Responder Cookie',
    HEADER,
    'The number the responder gave it; zero until it has answered.',
    'isakmp.rspi',
  ),
  next: number('Next Payload', HEADER, 'The kind of the first payload.', {
    wireshark: 'isakmp.nextpayload',
    names: PayloadNumber,
  }),
  version: hex(
    'Version',
    HEADER,
    'The version of ISAKMP: major in the upper half, minor in the lower.',
    'isakmp.version',
  ),
  exchange: number('Exchange Type', HEADER, 'What this message is a part of.', {
    wireshark: 'isakmp.exchangetype',
    names: ExchangeType,
    meanings: {
      2: 'Main mode, phase 1 in six messages: agree, exchange keys, then prove who one is, encrypted.',
      4: 'Aggressive mode, phase 1 in three messages: quicker, but the identities go in the clear, and so does a hash to guess the key by.',
      5: 'News between the ends: deletions, errors, and the question whether the other is still there.',
      6: 'Questions and answers after phase 1: the sign-in by XAuth, and the configuration of the client.',
      32: 'Quick mode, phase 2 in three messages: makes a pair of SAs for traffic.',
      33: 'Agrees on a group of its own for the key exchange.',
    },
  }),
  flags: hex('Flags', HEADER, 'Whether the payloads are encrypted.', 'isakmp.flags'),
  encryption: flag('Encryption', HEADER, 'Set: everything after the header is encrypted.', 'isakmp.flag_e'),
  commit: flag(
    'Commit',
    HEADER,
    'Set: nobody sends before the sender says that its SA is ready.',
    'isakmp.flag_c',
  ),
  authentication: flag(
    'Authentication only',
    HEADER,
    'Set: protected against changes, but not encrypted.',
    'isakmp.flag_a',
  ),
  messageId: hex(
    'Message ID',
    HEADER,
    'Zero in phase 1; a number at random for each exchange after it.',
    'isakmp.messageid',
  ),
  length: number('Length', HEADER, 'Octets of the whole message.', 'isakmp.length'),
} as const

const GENERIC = 'RFC 2408 §3.2'
export const G = {
  next: number('Next Payload', GENERIC, 'The kind of the payload after this one.', {
    wireshark: 'isakmp.nextpayload',
    names: PayloadNumber,
  }),
  reserved: octets('RESERVED', GENERIC, 'Zero.', 'isakmp.reserved'),
  length: number(
    'Payload Length',
    GENERIC,
    'Octets of this payload with its own header.',
    'isakmp.payloadlength',
  ),
  rest: octets('Octets after the end', GENERIC, 'Nothing explains them.', 'isakmp.extradata'),
  padding: octets('Padding', 'RFC 2409 Appendix B', 'Fills the last block.', 'isakmp.extradata'),
  body: octets('Data', GENERIC, 'What it holds is not known here.', 'isakmp.datapayload'),
  encrypted: octets(
    'Encrypted payloads',
    'RFC 2408 §3.1',
    'Nobody without the keys can read them.',
    'isakmp.enc.data',
  ),
  decrypted: group(
    'Decrypted payloads',
    'RFC 2408 §3.1',
    'What was inside the encryption.',
    'isakmp.enc.decrypted',
  ),
} as const

const payload = (name: string, reference: string, says: string): Field =>
  group(name, reference, says, 'isakmp.typepayload')
/** The payloads, by number. */
export const PAYLOADS: Readonly<Record<number, Field>> = {
  1: payload(
    'Security Association',
    'RFC 2408 §3.4',
    'The sets of algorithms that are offered, or the one that was chosen.',
  ),
  4: payload(
    'Key Exchange',
    'RFC 2408 §3.7',
    'A public value: from this and its own secret, each end computes the same key.',
  ),
  5: payload(
    'Identification',
    'RFC 2408 §3.8',
    'In phase 1 who the sender is, in phase 2 the networks at one end of the tunnel.',
  ),
  6: payload('Certificate', 'RFC 2408 §3.9', 'Ties an identity to a public key.'),
  7: payload('Certificate Request', 'RFC 2408 §3.10', 'The authority whose certificates the sender trusts.'),
  8: payload('Hash', 'RFC 2408 §3.11', 'Proves the sender, or that nothing was changed on the way.'),
  9: payload('Signature', 'RFC 2408 §3.12', 'Proves who the sender is.'),
  10: payload('Nonce', 'RFC 2408 §3.13', 'Random octets that make the keys of this exchange fresh.'),
  11: payload('Notification', 'RFC 2408 §3.14', 'A piece of news.'),
  12: payload('Delete', 'RFC 2408 §3.15', 'SAs the sender has deleted.'),
  13: payload('Vendor ID', 'RFC 2408 §3.16', 'What software this is, or which extension it knows.'),
  14: payload(
    'Attributes',
    'draft-dukes-ike-mode-cfg §3.2',
    'Questions or answers: the sign-in by XAuth, or settings of the client.',
  ),
  15: payload('SA KEK', 'RFC 6407 §5.3', 'For groups; in early drafts of NAT traversal a NAT-D payload.'),
  16: payload('SA TEK', 'RFC 6407 §5.5', 'For groups; in early drafts of NAT traversal a NAT-OA payload.'),
  17: payload('Key Download', 'RFC 6407 §5.6', 'The keys of a group.'),
  18: payload('Sequence Number', 'RFC 6407 §5.7', 'The place in a sequence of group messages.'),
  19: payload('Proof of Possession', 'RFC 3547 §5.7', 'Shows that a group member has its key.'),
  20: payload(
    'NAT-D',
    'RFC 3947 §3.2',
    'A hash of an address and port: where it differs at the other end, a NAT is in between.',
  ),
  21: payload('NAT-OA', 'RFC 3947 §5.2', 'The address before the NAT, for transport mode.'),
  22: payload('Group Associated Policy', 'RFC 6407 §5.4', 'Rules of a group.'),
  130: payload(
    'NAT-D (draft)',
    'draft-ietf-ipsec-nat-t-ike-03 §3.2',
    'A hash of an address and port: where it differs at the other end, a NAT is in between.',
  ),
  131: payload(
    'NAT-OA (draft)',
    'draft-ietf-ipsec-nat-t-ike-03 §5.2',
    'The address before the NAT, for transport mode.',
  ),
  132: payload('Fragment', '[MS-IKEE] §2.2.3.1', 'A part of a message that was too large for one packet.'),
}
export const UNKNOWN_PAYLOAD = payload(
  'Unknown payload',
  GENERIC,
  'A kind of payload that is not known here.',
)

const SA_PAYLOAD = 'RFC 2408 §3.4'
const PROPOSAL = 'RFC 2408 §3.5'
const TRANSFORM = 'RFC 2408 §3.6'
export const SA = {
  doi: number('Domain of Interpretation', SA_PAYLOAD, 'Which set of numbers is meant.', {
    wireshark: 'isakmp.sa.doi',
    names: Doi,
  }),
  situation: octets(
    'Situation',
    'RFC 2407 §4.2',
    'What the ends know of each other; 1: identities only.',
    'isakmp.sa.situation',
  ),
  proposal: group(
    'Proposal',
    PROPOSAL,
    'One protocol with its algorithms; proposals of the same number belong together.',
    'isakmp.typepayload',
  ),
  last: number(
    'Next Payload',
    PROPOSAL,
    '2: more proposals follow. 0: this is the last.',
    'isakmp.nextpayload',
  ),
  proposalLength: number(
    'Payload Length',
    PROPOSAL,
    'Octets of this proposal with its transforms.',
    'isakmp.payloadlength',
  ),
  number: number('Proposal #', PROPOSAL, 'Counts the choices.', 'isakmp.prop.number'),
  protocol: number('Protocol-Id', PROPOSAL, 'What the algorithms are for.', {
    wireshark: 'isakmp.prop.protoid',
    names: SecurityProtocol,
  }),
  spiSize: number('SPI Size', PROPOSAL, 'Octets of the SPI.', 'isakmp.spisize'),
  transforms: number(
    '# of Transforms',
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
  transform: group('Transform', TRANSFORM, 'One set of algorithms to choose from.', 'isakmp.typepayload'),
  lastTransform: number(
    'Next Payload',
    TRANSFORM,
    '3: more transforms follow. 0: this is the last.',
    'isakmp.nextpayload',
  ),
  transformLength: number(
    'Payload Length',
    TRANSFORM,
    'Octets of this transform with its attributes.',
    'isakmp.payloadlength',
  ),
  transformNumber: number(
    'Transform #',
    TRANSFORM,
    'Counts the choices within the proposal.',
    'isakmp.trans.number',
  ),
  attribute: group('Attribute', 'RFC 2408 §3.3', 'One property of the transform.'),
} as const

const transformId = (names: Registry): Field =>
  number('Transform-Id', 'RFC 2407 §4.4', 'Which kind of transform.', { wireshark: 'isakmp.trans.id', names })
/** Transform-Ids, by protocol. */
export const TRANSFORM_IDS: Readonly<Record<number, Field>> = {
  1: transformId(IsakmpTransform),
  2: transformId(AhTransform),
  3: transformId(EspTransform),
  4: transformId(IpcompTransform),
}
