import { EapCode, EapType, MsChapOpCode } from '../../iana/eap.ts'
import { SimAttribute, SimSubtype } from '../../iana/eap-sim.ts'
import { flag, group, hex, number, octets, text } from '../tree.ts'

// What the inspector says of each field of EAP and of its methods.

const EAP = 'RFC 3748 §4'
export const E = {
  packet: group('EAP packet', EAP, 'A step of a sign-in, carried by IKE and decided by the method.'),
  code: number('Code', EAP, 'What kind of step this is.', {
    wireshark: 'eap.code',
    names: EapCode,
    meanings: {
      1: 'The gateway asks.',
      2: 'The client answers.',
      3: 'The sign-in succeeded.',
      4: 'The sign-in failed.',
    },
  }),
  id: number('Identifier', EAP, 'The answer repeats the number of the question.', 'eap.id'),
  length: number('Length', EAP, 'Octets of the packet.', 'eap.len'),
  type: number('Type', 'RFC 3748 §5', 'Which method, or a question that belongs to none.', {
    wireshark: 'eap.type',
    names: EapType,
    meanings: {
      1: 'Who are you?',
      2: 'A text for the person.',
      3: 'The method asked for is not wanted; here are those that are.',
      4: 'A password by MD5: proves nothing about the gateway and makes no key.',
      6: 'A password or code in the clear, inside the encryption of IKE.',
      13: 'Both ends show certificates, by TLS.',
      18: 'The card of a mobile phone, second generation.',
      21: 'A TLS tunnel to the gateway, with a password inside.',
      23: 'The card of a mobile phone, third generation.',
      25: 'A TLS tunnel to the gateway, with another EAP inside.',
      26: 'A password, without sending it; both ends prove that they know it.',
      50: 'The card of a mobile phone, bound to the network.',
    },
  }),
  identity: text('Identity', 'RFC 3748 §5.1', 'Who wants to sign in.', 'eap.identity'),
  notification: text('Notification', 'RFC 3748 §5.2', 'A text for the person.', 'eap.notification'),
  wanted: number('Desired Auth Type', 'RFC 3748 §5.3', 'A method that would do; 0 for none.', {
    wireshark: 'eap.desired_type',
    names: EapType,
  }),
  data: octets('Type-Data', 'RFC 3748 §4.1', 'What the method says.'),
  valueSize: number('Value-Size', 'RFC 1994 §4.1', 'Octets of the value.', 'eap.md5.value_size'),
  value: octets('Value', 'RFC 1994 §4.1', 'The challenge, or the answer to it.', 'eap.md5.value'),
  name: text('Name', 'RFC 1994 §4.1', 'Who sent it.'),
  gtcAsk: text('Message', 'RFC 3748 §5.6', 'What the person is asked for.'),
  gtcAnswer: text('Answer', 'RFC 3748 §5.6', 'The password or code itself.', { secret: true }),
} as const

const MSCHAP = 'draft-kamath-pppext-eap-mschapv2 §2'
export const MSCHAP_FIELDS = {
  opCode: number('OpCode', MSCHAP, 'Which step of MSCHAPv2.', {
    wireshark: 'eap.ms_chap_v2.opcode',
    names: MsChapOpCode,
    meanings: {
      1: 'Random octets, which the password will be mixed with.',
      2: 'The proof of the password.',
      3: 'The password was right; the gateway proves that it knows it too.',
      4: 'The password was wrong, or may not be used.',
      7: 'A new password, encrypted with the old one.',
    },
  }),
  id: number('MS-CHAPv2-ID', MSCHAP, 'Ties the answer to the question.', 'eap.ms_chap_v2.id'),
  length: number('MS-Length', MSCHAP, 'Octets from the OpCode on.', 'eap.ms_chap_v2.length'),
  valueSize: number(
    'Value-Size',
    MSCHAP,
    'Octets of the challenge or response.',
    'eap.ms_chap_v2.value_size',
  ),
  challenge: octets('Challenge', MSCHAP, '16 random octets of the gateway.', 'eap.ms_chap_v2.challenge'),
  peerChallenge: octets(
    'Peer-Challenge',
    MSCHAP,
    '16 random octets of the client.',
    'eap.ms_chap_v2.peer_challenge',
  ),
  reserved: octets('Reserved', MSCHAP, 'Zero.', 'eap.ms_chap_v2.reserved'),
  response: octets(
    'NT-Response',
    'RFC 2759 §8.1',
    'Made of the challenges and the password; a guesser can try passwords against it.',
    'eap.ms_chap_v2.nt_response',
  ),
  flags: hex('Flags', MSCHAP, 'Zero.', 'eap.ms_chap_v2.flags'),
  name: text('Name', MSCHAP, 'Who wants to sign in, or the gateway.', 'eap.ms_chap_v2.name'),
  message: text(
    'Message',
    'RFC 2759 §5',
    'S= proves the gateway, E= says what was wrong, M= is for the person.',
    'eap.ms_chap_v2.message',
  ),
  data: octets('Data', MSCHAP, 'What the step carries.', 'eap.ms_chap_v2.data'),
} as const

const TLS = 'RFC 5216 §3.1'
export const TLS_FIELDS = {
  flags: hex('Flags', TLS, 'Start, fragments, and the version of the method.', 'eap.tls.flags'),
  lengthIncluded: flag(
    'Length included',
    TLS,
    'Set: the length of the whole TLS message is given.',
    'eap.tls.flags.len_included',
  ),
  moreFragments: flag(
    'More fragments',
    TLS,
    'Set: the TLS message goes on in the next packet.',
    'eap.tls.flags.more_fragments',
  ),
  start: flag('Start', TLS, 'Set: the gateway asks the client to begin.', 'eap.tls.flags.start'),
  length: number('TLS Message Length', TLS, 'Octets of the whole TLS message.', 'eap.tls.len'),
  data: octets('TLS Data', TLS, 'TLS records, or a part of one.'),
  record: group('TLS record', 'RFC 8446 §5.1', 'A piece of the TLS conversation inside.'),
  contentType: number('Content Type', 'RFC 8446 §5.1', 'What the record carries.', {
    wireshark: 'tls.record.content_type',
    names: {
      'Change Cipher Spec': { id: 20, reference: 'RFC 8446' },
      Alert: { id: 21, reference: 'RFC 8446' },
      Handshake: { id: 22, reference: 'RFC 8446' },
      'Application Data': { id: 23, reference: 'RFC 8446' },
    },
  }),
  version: hex(
    'Version',
    'RFC 8446 §5.1',
    '0x0303 is TLS 1.2; TLS 1.3 says so inside.',
    'tls.record.version',
  ),
  recordLength: number('Length', 'RFC 8446 §5.1', 'Octets of the record.', 'tls.record.length'),
  handshake: number('Handshake Type', 'RFC 8446 §4', 'Which message of the handshake.', {
    wireshark: 'tls.handshake.type',
    names: {
      'Client Hello': { id: 1, reference: 'RFC 8446' },
      'Server Hello': { id: 2, reference: 'RFC 8446' },
      'New Session Ticket': { id: 4, reference: 'RFC 8446' },
      'Encrypted Extensions': { id: 8, reference: 'RFC 8446' },
      Certificate: { id: 11, reference: 'RFC 8446' },
      'Server Key Exchange': { id: 12, reference: 'RFC 5246' },
      'Certificate Request': { id: 13, reference: 'RFC 8446' },
      'Server Hello Done': { id: 14, reference: 'RFC 5246' },
      'Certificate Verify': { id: 15, reference: 'RFC 8446' },
      'Client Key Exchange': { id: 16, reference: 'RFC 5246' },
      Finished: { id: 20, reference: 'RFC 8446' },
    },
  }),
  alert: number('Alert Description', 'RFC 8446 §6', 'What went wrong.', 'tls.alert_message.desc'),
  payload: octets('Record data', 'RFC 8446 §5.1', 'What the record carries.'),
} as const

const SIM = 'RFC 4186 §8.1'
export const SIM_FIELDS = {
  subtype: number('Subtype', SIM, 'Which step.', { wireshark: 'eap.aka.subtype', names: SimSubtype }),
  reserved: octets('Reserved', SIM, 'Zero.', 'eap.aka.reserved'),
  attribute: group('Attribute', SIM, 'One value of this step.', 'eap.aka.subtype.attribute'),
  type: number('Attribute Type', SIM, 'Which value.', {
    wireshark: 'eap.aka.subtype.type',
    names: SimAttribute,
  }),
  length: number('Length', SIM, 'Units of four octets.', 'eap.aka.subtype.len'),
  value: octets('Value', SIM, 'The value.', 'eap.aka.subtype.value'),
} as const
