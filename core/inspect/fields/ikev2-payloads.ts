import {
  AuthMethod,
  CertificateEncoding,
  CfgAttribute,
  CfgType,
  HashAlgorithm,
  IdType,
  KeyExchangeMethod,
  NotifyType,
  SecurityProtocol,
  TrafficSelectorType,
} from '../../iana/ikev2.ts'
import { address, type Field, group, hex, number, octets, text } from '../tree.ts'
import { NOTIFY_MEANINGS } from './ikev2-notifies.ts'

// What the inspector says of identities, proofs, notifies, selectors and configuration of IKEv2.

const ID = 'RFC 7296 §3.5'
export const IDENTITY = {
  type: number('ID Type', ID, 'What kind of name this is.', { wireshark: 'isakmp.id.type', names: IdType }),
  data: octets('Identification Data', ID, 'The name itself.', 'isakmp.id.data'),
} as const
const idData = (name: string, says: string, wireshark: string, make = text): Field =>
  make(name, ID, says, wireshark)
/** Identification Data, by ID type, with how to read it. */
export const ID_DATA: Readonly<
  Record<number, { readonly field: Field; readonly read: 'text' | 'address' | 'name' | 'octets' }>
> = {
  1: {
    field: idData('ID_IPV4_ADDR', 'An IPv4 address.', 'isakmp.id.data.ipv4_addr', address),
    read: 'address',
  },
  2: { field: idData('ID_FQDN', 'A name such as gw.example.org.', 'isakmp.id.data.fqdn'), read: 'text' },
  3: {
    field: idData('ID_RFC822_ADDR', 'A name such as ada@example.org.', 'isakmp.id.data.user_fqdn'),
    read: 'text',
  },
  5: {
    field: idData('ID_IPV6_ADDR', 'An IPv6 address.', 'isakmp.id.data.ipv6_addr', address),
    read: 'address',
  },
  9: {
    field: idData('ID_DER_ASN1_DN', 'The subject of a certificate.', 'isakmp.id.data.der_asn1_dn'),
    read: 'name',
  },
  11: {
    field: idData('ID_KEY_ID', 'A name that only the two ends understand.', 'isakmp.id.data.key_id', octets),
    read: 'octets',
  },
}

const CERT = 'RFC 7296 §3.6'
export const CERTIFICATE = {
  encoding: number('Cert Encoding', CERT, 'What kind of certificate this is.', {
    wireshark: 'isakmp.cert.encoding',
    names: CertificateEncoding,
  }),
  data: octets('Certificate Data', CERT, 'The certificate itself.', 'isakmp.cert.data'),
  hash: octets('Hash', CERT, 'SHA-1 of what is found at the URL.', 'isakmp.cert.x509.hash'),
  url: text('URL', CERT, 'Where the certificate lies.', 'isakmp.cert.x509.url'),
  requested: number('Cert Encoding', 'RFC 7296 §3.7', 'What kind of certificate is asked for.', {
    wireshark: 'isakmp.certreq.type',
    names: CertificateEncoding,
  }),
  authority: octets(
    'Certification Authority',
    'RFC 7296 §3.7',
    'SHA-1 of the public key of an authority the sender trusts.',
    'isakmp.ike.certreq.authority',
  ),
} as const

export const AUTH = {
  method: number('Auth Method', 'RFC 7296 §3.8', 'How the proof was made.', {
    wireshark: 'isakmp.auth.method',
    names: AuthMethod,
    meanings: {
      1: 'Signed with an RSA key.',
      2: 'Computed from a key both ends know, or from the key EAP left behind.',
      9: 'Signed with an elliptic curve key on P-256.',
      10: 'Signed with an elliptic curve key on P-384.',
      11: 'Signed with an elliptic curve key on P-521.',
      13: 'No proof at all: the sender stays unknown.',
      14: 'Signed; which algorithm was used is said in front of the signature.',
    },
  }),
  data: octets('Authentication Data', 'RFC 7296 §3.8', 'The proof itself.', 'isakmp.auth.data'),
  algorithmLength: number(
    'ASN.1 Length',
    'RFC 7427 §3',
    'Octets of the name of the algorithm.',
    'isakmp.auth.data.sig.asn1.len',
  ),
  algorithm: octets(
    'AlgorithmIdentifier',
    'RFC 7427 §3',
    'Which signature algorithm this is.',
    'isakmp.auth.data.sig.asn1.data',
  ),
  signature: octets('Signature Value', 'RFC 7427 §3', 'The signature itself.', 'isakmp.auth.data.sig.value'),
} as const

const NOTIFY = 'RFC 7296 §3.10'
export const N = {
  protocol: number('Protocol ID', NOTIFY, 'Which kind of SA it is about; 0 for the IKE SA this came over.', {
    wireshark: 'isakmp.notify.protoid',
    names: SecurityProtocol,
  }),
  spiSize: number('SPI Size', NOTIFY, 'Octets of the SPI.', 'isakmp.spisize'),
  type: number('Notify Message Type', 'RFC 7296 §3.10.1', 'News of a kind that is not known here.', {
    wireshark: 'isakmp.notify.msgtype',
    names: NotifyType,
    meanings: NOTIFY_MEANINGS,
  }),
  spi: octets('SPI', NOTIFY, 'The SA it is about.', 'isakmp.spi'),
  data: octets('Notification Data', NOTIFY, 'What belongs to it.', 'isakmp.notify.data'),
} as const
/** Notification Data of single types. */
export const NOTIFY_DATA = {
  group: number('Accepted DH Group', 'RFC 7296 §1.3', 'The group to use instead.', {
    wireshark: 'isakmp.notify.data.accepted_dh_group',
    names: KeyExchangeMethod,
  }),
  lifetime: number('Authentication Lifetime', 'RFC 4478 §2', 'Seconds.', 'isakmp.notify.data.auth_lifetime'),
  hash: number('Hash Algorithm', 'RFC 7427 §4', 'A hash that may stand under a signature.', {
    wireshark: 'isakmp.notify.data.signature_hash_algorithms',
    names: HashAlgorithm,
  }),
  cookie: octets('Cookie', 'RFC 7296 §2.6', 'To be sent back as it is.', 'isakmp.notify.data'),
  cpi: hex(
    'CPI',
    'RFC 7296 §2.22',
    'The number under which compressed packets are received.',
    'isakmp.notify.data.ipcomp.cpi',
  ),
  compression: number(
    'Transform ID',
    'RFC 7296 §2.22',
    'Which compression.',
    'isakmp.notify.data.ipcomp.transform_id',
  ),
  address: address('Address', 'RFC 4555 §4.2.2', 'Where else the sender can be reached.'),
  gatewayType: number(
    'GW Ident Type',
    'RFC 5685 §7',
    '1 IPv4 address, 2 IPv6 address, 3 name.',
    'isakmp.notify.data.redirect.gw_ident.type',
  ),
  gatewayLength: number(
    'GW Ident Len',
    'RFC 5685 §7',
    'Octets of the gateway.',
    'isakmp.notify.data.redirect.gw_ident.len',
  ),
  gateway: text('New Responder GW Identity', 'RFC 5685 §7', 'The gateway to go to.'),
  gatewayNonce: octets(
    'Nonce Data',
    'RFC 5685 §7',
    'The nonce of the request that is answered so.',
    'isakmp.notify.data.redirect.nonce_data',
  ),
  ticketLifetime: number(
    'Lifetime',
    'RFC 5723 §7.2',
    'Seconds the ticket is good for.',
    'isakmp.notify.data.ticket_opaque.lifetime',
  ),
  ticket: octets(
    'Ticket',
    'RFC 5723 §7.2',
    'Only the gateway can read it.',
    'isakmp.notify.data.ticket_opaque.data',
  ),
  token: octets(
    'QCD Token',
    'RFC 6290 §4',
    'Shows later that its sender lost its memory.',
    'isakmp.notify.data.qcd.token_secret_data',
  ),
  ppkType: number('PPK_ID Type', 'RFC 8784 §5.1', '1 is made by an algorithm, 2 is fixed.'),
  ppkId: octets('PPK_ID', 'RFC 8784 §5.1', 'What both ends call the key.'),
  ppkConfirmation: octets(
    'PPK Confirmation',
    'RFC 9867 §3.1',
    'Shows without telling that the sender has the key.',
  ),
  method: group('Announcement', 'RFC 9593 §3.2', 'A way of proving identity that the sender takes.'),
  methodLength: number('Length', 'RFC 9593 §3.2', 'Octets of this announcement.'),
  authMethod: number('Auth Method', 'RFC 9593 §3.2', 'The way.', { names: AuthMethod }),
  certLink: number(
    'Cert Link',
    'RFC 9593 §3.2.2',
    'Which of the authorities asked for it is meant with; 0 is any.',
  ),
  algorithm: octets('AlgorithmIdentifier', 'RFC 9593 §3.2.3', 'The signature algorithm, in DER.'),
  link: octets('Link', 'RFC 9370 §2.2.4', 'To be sent back in the next exchange.', 'isakmp.notify.data'),
} as const

const DELETE = 'RFC 7296 §3.11'
export const D = {
  protocol: number('Protocol ID', DELETE, 'Which kind of SA is deleted.', {
    wireshark: 'isakmp.delete.protoid',
    names: SecurityProtocol,
    meanings: {
      1: 'The whole IKE SA, and all its CHILD_SAs with it.',
      2: 'AH: the sender receives no longer with these.',
      3: 'ESP: the sender receives no longer with these.',
    },
  }),
  spiSize: number('SPI Size', DELETE, 'Octets of each SPI.', 'isakmp.spisize'),
  count: number('Num of SPIs', DELETE, 'How many are deleted.', 'isakmp.spinum'),
  spi: octets('SPI', DELETE, 'One that is deleted.', 'isakmp.delete.spi'),
} as const

export const VENDOR_ID = {
  data: octets(
    'Vendor ID',
    'RFC 7296 §3.12',
    'No registry has them; most are a hash of a text.',
    'isakmp.vid_bytes',
  ),
  known: text('Vendor', 'RFC 7296 §3.12', 'Who uses these octets.', 'isakmp.vid_string'),
} as const

const SELECTOR = 'RFC 7296 §3.13.1'
export const TS = {
  count: number('Number of TSs', 'RFC 7296 §3.13', 'How many selectors follow.', 'isakmp.ts.number'),
  selector: group(
    'Traffic Selector',
    SELECTOR,
    'A range of addresses, a protocol and a range of ports.',
    'isakmp.ts.data',
  ),
  type: number('TS Type', SELECTOR, 'What kind of addresses.', {
    wireshark: 'isakmp.ts.type',
    names: TrafficSelectorType,
  }),
  protocol: number('IP Protocol ID', SELECTOR, 'The protocol inside; 0 for all.', 'isakmp.ts.protoid'),
  length: number('Selector Length', SELECTOR, 'Octets of this selector.', 'isakmp.ts.selector_length'),
  startPort: number('Start Port', SELECTOR, 'The first port.', 'isakmp.ts.start_port'),
  endPort: number('End Port', SELECTOR, 'The last port; 0 to 65535 are all.', 'isakmp.ts.end_port'),
  start4: address('Starting Address', SELECTOR, 'The first address.', 'isakmp.ts.start_ipv4'),
  end4: address('Ending Address', SELECTOR, 'The last address.', 'isakmp.ts.end_ipv4'),
  start6: address('Starting Address', SELECTOR, 'The first address.', 'isakmp.ts.start_ipv6'),
  end6: address('Ending Address', SELECTOR, 'The last address.', 'isakmp.ts.end_ipv6'),
  other: octets('Selector Data', SELECTOR, 'A kind of selector that is not known here.'),
} as const

const CP = 'RFC 7296 §3.15'
const CP_ATTRIBUTE = 'RFC 7296 §3.15.1'
export const CFG = {
  type: number('CFG Type', CP, 'Whether something is asked for or given.', {
    wireshark: 'isakmp.cfg.type',
    names: CfgType,
    meanings: {
      1: 'The client asks for these.',
      2: 'The gateway gives these.',
      3: 'The sender would like the other end to use these.',
      4: 'These were taken.',
    },
  }),
  attribute: group(
    'Configuration Attribute',
    CP_ATTRIBUTE,
    'One setting; without a value it is asked for.',
    'isakmp.cfg.attr',
  ),
  attributeType: number('Attribute Type', CP_ATTRIBUTE, 'Which setting.', {
    wireshark: 'isakmp.cfg.attr.type',
    names: CfgAttribute,
  }),
  length: number('Length', CP_ATTRIBUTE, 'Octets of the value; 0 asks for it.', 'isakmp.cfg.attr.length'),
  value: octets('Value', CP_ATTRIBUTE, 'The value.', 'isakmp.cfg.attr.value'),
} as const
const cfg = (name: string, says: string, suffix: string, make = address): Field =>
  make(name, CP_ATTRIBUTE, says, `isakmp.cfg.attr.${suffix}`)
/** Values of configuration attributes, by type: one field after the other, each with its octets (0: the rest). */
export const CFG_VALUES: Readonly<Record<number, readonly (readonly [Field, number])[]>> = {
  1: [[cfg('Address', "The client's address inside the tunnel.", 'internal_ip4_address'), 4]],
  2: [[cfg('Netmask', 'The mask of that address.', 'internal_ip4_netmask'), 4]],
  3: [[cfg('DNS Server', 'A name server inside the tunnel.', 'internal_ip4_dns'), 4]],
  4: [[cfg('NBNS Server', 'A NetBIOS name server.', 'internal_ip4_nbns'), 4]],
  6: [[cfg('DHCP Server', 'A DHCP server inside the tunnel.', 'internal_ip4_dhcp'), 4]],
  7: [[cfg('Application Version', 'The software of the sender.', 'application_version', text), 0]],
  8: [
    [cfg('Address', "The client's address inside the tunnel.", 'internal_ip6_address'), 16],
    [cfg('Prefix Length', 'Bits of the network of that address.', 'internal_ip6_address.prefix', number), 1],
  ],
  10: [[cfg('DNS Server', 'A name server inside the tunnel.', 'internal_ip6_dns'), 16]],
  12: [[cfg('DHCP Server', 'A DHCP server inside the tunnel.', 'internal_ip6_dhcp'), 16]],
  13: [
    [cfg('Network', 'A network behind the gateway.', 'internal_ip4_subnet_ip'), 4],
    [cfg('Netmask', 'Its mask.', 'internal_ip4_subnet_netmask'), 4],
  ],
  15: [
    [cfg('Network', 'A network behind the gateway.', 'internal_ip6_subnet_ip'), 16],
    [cfg('Prefix Length', 'Bits of that network.', 'internal_ip6_subnet_prefix', number), 1],
  ],
  18: [
    [cfg('Prefix', "A prefix for the client's link.", 'internal_ip6_prefix_ip'), 16],
    [cfg('Prefix Length', 'Its bits.', 'internal_ip6_prefix_length', number), 1],
  ],
  20: [[cfg('P-CSCF Server', 'A telephony server.', 'p_cscf_ip4_address'), 4]],
  21: [[cfg('P-CSCF Server', 'A telephony server.', 'p_cscf_ip6_address'), 16]],
  25: [[text('Domain', 'RFC 8598 §4', 'A domain whose names are asked for through the tunnel.'), 0]],
}
