import {
  CertificateEncoding,
  ConfigurationAttribute,
  ConfigurationType,
  Doi,
  IdType,
  NotifyType,
  SecurityProtocol,
  XauthType,
} from '../../iana/ikev1.ts'
import { address, type Field, group, number, octets, text } from '../tree.ts'
import { NOTIFY_MEANINGS } from './ikev1-notifies.ts'

// What the inspector says of the bodies of the payloads other than SA.

export const KE = octets(
  'Key Exchange Data',
  'RFC 2408 §3.7',
  'The public value itself.',
  'isakmp.key_exchange.data',
)
export const NONCE = octets('Nonce Data', 'RFC 2408 §3.13', '8 to 256 random octets.', 'isakmp.nonce')
export const HASH = octets('Hash Data', 'RFC 2409 §5', 'The hash itself.', 'isakmp.hash')
export const SIGNATURE = octets('Signature Data', 'RFC 2409 §5.1', 'The signature itself.', 'isakmp.sig')

const ID = 'RFC 2407 §4.6.2'
export const IDENTITY = {
  type: number('ID Type', ID, 'What kind of name or network this is.', {
    wireshark: 'isakmp.id.type',
    names: IdType,
  }),
  protocol: number(
    'Protocol ID',
    ID,
    'The protocol in the tunnel, 0 for all; 17 with port 500 or 0 in phase 1.',
    'isakmp.id.protoid',
  ),
  port: number('Port', ID, 'The port in the tunnel, 0 for all.', 'isakmp.id.port'),
  data: octets('Identification Data', ID, 'The name itself.', 'isakmp.id.data'),
} as const
type IdPart = readonly [Field, number]
const idPart = (name: string, says: string, suffix: string, make = address): Field =>
  make(name, ID, says, `isakmp.id.data.${suffix}`)
/** Identification Data, by ID type: one field after the other, each with its octets (0: the rest). */
export const ID_DATA: Readonly<Record<number, readonly IdPart[]>> = {
  1: [[idPart('ID_IPV4_ADDR', 'An IPv4 address.', 'ipv4_addr'), 4]],
  2: [[idPart('ID_FQDN', 'A name such as gw.example.org.', 'fqdn', text), 0]],
  3: [[idPart('ID_USER_FQDN', 'A name such as ada@example.org.', 'user_fqdn', text), 0]],
  4: [
    [idPart('Network', 'The network.', 'ipv4_addr'), 4],
    [idPart('Netmask', 'Its mask.', 'ipv4_subnet'), 4],
  ],
  5: [[idPart('ID_IPV6_ADDR', 'An IPv6 address.', 'ipv6_addr'), 16]],
  6: [
    [idPart('Network', 'The network.', 'ipv6_addr'), 16],
    [idPart('Netmask', 'Its mask.', 'ipv6_subnet'), 16],
  ],
  7: [
    [idPart('First address', 'Where the range begins.', 'ipv4_range_start'), 4],
    [idPart('Last address', 'Where it ends.', 'ipv4_range_end'), 4],
  ],
  8: [
    [idPart('First address', 'Where the range begins.', 'ipv6_range_start'), 16],
    [idPart('Last address', 'Where it ends.', 'ipv6_range_end'), 16],
  ],
  11: [
    [idPart('ID_KEY_ID', 'A name that only the two ends understand; often a group.', 'key_id', octets), 0],
  ],
}
export const ID_NAME = idPart('ID_DER_ASN1_DN', 'The subject of a certificate.', 'der_asn1_dn', text)

export const CERTIFICATE = {
  encoding: number('Cert Encoding', 'RFC 2408 §3.9', 'What kind of certificate this is.', {
    wireshark: 'isakmp.cert.encoding',
    names: CertificateEncoding,
  }),
  data: octets('Certificate Data', 'RFC 2408 §3.9', 'The certificate itself.', 'isakmp.cert.data'),
  requested: number('Cert. Type', 'RFC 2408 §3.10', 'What kind of certificate is asked for.', {
    wireshark: 'isakmp.certreq.type',
    names: CertificateEncoding,
  }),
  authority: text(
    'Certificate Authority',
    'RFC 2408 §3.10',
    'The authority it should be from.',
    'isakmp.ike.certreq.authority',
  ),
} as const

const NOTIFY = 'RFC 2408 §3.14'
export const N = {
  doi: number('Domain of Interpretation', NOTIFY, 'Which set of numbers is meant.', {
    wireshark: 'isakmp.notify.doi',
    names: Doi,
  }),
  protocol: number('Protocol-ID', NOTIFY, 'Which kind of SA it is about.', {
    wireshark: 'isakmp.notify.protoid',
    names: SecurityProtocol,
  }),
  spiSize: number('SPI Size', NOTIFY, 'Octets of the SPI.', 'isakmp.spisize'),
  type: number('Notify Message Type', 'RFC 2408 §3.14.1', 'News of a kind that is not known here.', {
    wireshark: 'isakmp.notify.msgtype',
    names: NotifyType,
    meanings: NOTIFY_MEANINGS,
  }),
  spi: octets('SPI', NOTIFY, 'The SA it is about; for phase 1 both cookies.', 'isakmp.spi'),
  data: octets('Notification Data', NOTIFY, 'What belongs to it.', 'isakmp.notify.data'),
  ask: number(
    'Sequence number',
    'RFC 3706 §5.3',
    'The answer repeats it.',
    'isakmp.notify.data.dpd.are_you_there',
  ),
  answer: number(
    'Sequence number',
    'RFC 3706 §5.3',
    'The one of the question.',
    'isakmp.notify.data.dpd.are_you_there_ack',
  ),
} as const

const DELETE = 'RFC 2408 §3.15'
export const D = {
  doi: number('Domain of Interpretation', DELETE, 'Which set of numbers is meant.', {
    wireshark: 'isakmp.delete.doi',
    names: Doi,
  }),
  protocol: number('Protocol-Id', DELETE, 'Which kind of SA is deleted.', {
    wireshark: 'isakmp.delete.protoid',
    names: SecurityProtocol,
  }),
  spiSize: number('SPI Size', DELETE, 'Octets of each SPI.', 'isakmp.spisize'),
  count: number('# of SPIs', DELETE, 'How many are deleted.', 'isakmp.spinum'),
  spi: octets('SPI', DELETE, 'One that is deleted.', 'isakmp.delete.spi'),
} as const

export const VENDOR_ID = {
  data: octets(
    'Vendor ID',
    'RFC 2408 §3.16',
    'No registry has them; most are a hash of a text.',
    'isakmp.vid_bytes',
  ),
  known: text('Vendor', 'RFC 2408 §3.16', 'Who uses these octets.', 'isakmp.vid_string'),
} as const

export const NAT = {
  hash: octets(
    'HASH',
    'RFC 3947 §3.2',
    'A hash of the cookies, an address and a port.',
    'isakmp.ike.nat_hash',
  ),
  type: number('ID Type', 'RFC 3947 §5.2', 'What kind of address.', {
    wireshark: 'isakmp.id.type',
    names: IdType,
  }),
  ipv4: address(
    'Original address',
    'RFC 3947 §5.2',
    'The address before the NAT.',
    'isakmp.ike.nat_original_address_ipv4',
  ),
  ipv6: address(
    'Original address',
    'RFC 3947 §5.2',
    'The address before the NAT.',
    'isakmp.ike.nat_original_address_ipv6',
  ),
  other: octets('Original address', 'RFC 3947 §5.2', 'Of a kind that is no address.'),
} as const

const CFG_DRAFT = 'draft-dukes-ike-mode-cfg §3.2'
export const CFG = {
  type: number('Type', CFG_DRAFT, 'Whether something is asked for or given.', {
    wireshark: 'isakmp.cfg.type',
    names: ConfigurationType,
    meanings: {
      1: 'These are asked for.',
      2: 'These are the answers.',
      3: 'Please take these.',
      4: 'These were taken.',
    },
  }),
  identifier: number('Identifier', CFG_DRAFT, 'Ties the answer to the question.', 'isakmp.cfg.identifier'),
  attribute: group(
    'Attribute',
    CFG_DRAFT,
    'One question or answer; without a value it is asked for.',
    'isakmp.cfg.attr',
  ),
  attributeType: number('Type', CFG_DRAFT, 'Which question or setting.', {
    wireshark: 'isakmp.cfg.attr.type',
    names: ConfigurationAttribute,
  }),
  length: number('Length', CFG_DRAFT, 'Octets of the value; 0 asks for it.', 'isakmp.cfg.attr.length'),
  value: octets('Value', CFG_DRAFT, 'The value.', 'isakmp.cfg.attr.value'),
} as const
const cfg = (name: string, says: string, suffix: string, make = address, rest = {}): Field =>
  make(name, CFG_DRAFT, says, { wireshark: `isakmp.cfg.attr.${suffix}`, ...rest })
const XAUTH = 'draft-beaulieu-ike-xauth §6'
const xauth = (name: string, says: string, suffix: string, secret = false): Field =>
  text(name, XAUTH, says, {
    wireshark: `isakmp.cfg.attr.xauth.${suffix}`,
    ...(secret ? { secret: true } : {}),
  })
/** Values of attributes, by type, each with its octets (0: the rest). */
export const CFG_VALUES: Readonly<Record<number, readonly [Field, number]>> = {
  1: [cfg('Address', "The client's address inside the tunnel.", 'internal_ip4_address'), 4],
  2: [cfg('Netmask', 'The mask of that address.', 'internal_ip4_netmask'), 4],
  3: [cfg('DNS Server', 'A name server inside the tunnel.', 'internal_ip4_dns'), 4],
  4: [cfg('NBNS Server', 'A NetBIOS name server.', 'internal_ip4_nbns'), 4],
  5: [cfg('Expiry', 'Seconds the address is good for.', 'internal_address_expiry', number), 4],
  6: [cfg('DHCP Server', 'A DHCP server inside the tunnel.', 'internal_ip4_dhcp'), 4],
  7: [cfg('Application Version', 'The software of the sender.', 'application_version', text), 0],
  16520: [
    number('XAuth Type', XAUTH, 'How the sign-in is done.', {
      wireshark: 'isakmp.cfg.attr.xauth.type',
      names: XauthType,
    }),
    2,
  ],
  16521: [xauth('User Name', 'Who wants to sign in.', 'user_name'), 0],
  16522: [xauth('Password', 'The password itself.', 'user_password', true), 0],
  16523: [xauth('Passcode', 'A code from a token.', 'passcode', true), 0],
  16524: [xauth('Message', 'A text for the person.', 'message'), 0],
  16525: [xauth('Challenge', 'What the answer is computed from.', 'challenge'), 0],
  16526: [xauth('Domain', 'Where the name is known.', 'domain'), 0],
  16527: [
    number('Status', XAUTH, '1: the sign-in succeeded. 0: it failed.', {
      wireshark: 'isakmp.cfg.attr.xauth.status',
    }),
    2,
  ],
  16528: [xauth('Next PIN', 'A new PIN.', 'next_pin', true), 0],
  16529: [xauth('Answer', 'The answer to a question.', 'answer', true), 0],
  28672: [cfg('Banner', 'A text for the person.', 'unity.banner', text), 0],
  28674: [cfg('Default Domain', 'The domain of short names.', 'unity.def_domain', text), 0],
  28675: [text('Split DNS', 'of Cisco', 'Domains whose names are asked for through the tunnel.'), 0],
}

export const FRAGMENT = {
  id: number('Fragment ID', '[MS-IKEE] §2.2.3.1', 'Which message this is a part of.', 'isakmp.frag.packetid'),
  number: number(
    'Fragment Number',
    '[MS-IKEE] §2.2.3.1',
    'Which part this is, counted from 1.',
    'isakmp.frag.seq',
  ),
  last: number('Flags', '[MS-IKEE] §2.2.3.1', '1: this is the last part.', 'isakmp.frag.last'),
  data: octets('Fragment Data', '[MS-IKEE] §2.2.3.1', 'The part itself.'),
  joined: group(
    'Message of all fragments',
    '[MS-IKEE] §2.2.3.1',
    'What the parts say when put together.',
    'isakmp.fragments',
  ),
} as const
