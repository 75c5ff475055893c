import type { Registry } from '../../iana/registry.ts'
import { address, group, hex, number, octets } from '../tree.ts'

// What the inspector says of the headers around IKE, and of ESP and AH.

/** Assigned Internet Protocol Numbers, as far as they matter here. */
const Protocol = {
  HOPOPT: { id: 0, reference: 'RFC 8200' },
  ICMP: { id: 1, reference: 'RFC 792' },
  IPv4: { id: 4, reference: 'RFC 2003' },
  TCP: { id: 6, reference: 'RFC 9293' },
  UDP: { id: 17, reference: 'RFC 768' },
  IPv6: { id: 41, reference: 'RFC 2473' },
  ESP: { id: 50, reference: 'RFC 4303' },
  AH: { id: 51, reference: 'RFC 4302' },
  'IPv6-ICMP': { id: 58, reference: 'RFC 8200' },
  'IPv6-NoNxt': { id: 59, reference: 'RFC 8200' },
} as const satisfies Registry

export const FRAME = group('Frame', 'draft-ietf-opsawg-pcap §5', 'One packet as it was captured.')

export const IPV4 = {
  header: group('IPv4', 'RFC 791 §3.1', 'Carries the packet from one address to another.'),
  tos: hex(
    'Type of Service',
    'RFC 2474 §3',
    'How urgent it is, and whether there was congestion.',
    'ip.dsfield',
  ),
  length: number('Total Length', 'RFC 791 §3.1', 'Octets of the packet.', 'ip.len'),
  id: hex('Identification', 'RFC 791 §3.1', 'Ties fragments together.', 'ip.id'),
  fragment: hex(
    'Flags and Fragment Offset',
    'RFC 791 §3.1',
    'Whether this is a part of a packet, and which.',
  ),
  ttl: number('Time to Live', 'RFC 791 §3.1', 'How many more hops it may take.', 'ip.ttl'),
  protocol: number('Protocol', 'RFC 791 §3.1', 'What is inside.', { wireshark: 'ip.proto', names: Protocol }),
  checksum: hex('Header Checksum', 'RFC 791 §3.1', 'Shows whether the header was damaged.', 'ip.checksum'),
  source: address('Source Address', 'RFC 791 §3.1', 'Who sent it, or the NAT in between.', 'ip.src'),
  destination: address('Destination Address', 'RFC 791 §3.1', 'Whom it is for.', 'ip.dst'),
  options: octets('Options', 'RFC 791 §3.1', 'Rare.', 'ip.options'),
} as const

export const IPV6 = {
  header: group('IPv6', 'RFC 8200 §3', 'Carries the packet from one address to another.'),
  first: hex(
    'Version, Traffic Class, Flow Label',
    'RFC 8200 §3',
    'How urgent it is, and which packets belong together.',
  ),
  length: number('Payload Length', 'RFC 8200 §3', 'Octets after this header.', 'ipv6.plen'),
  next: number('Next Header', 'RFC 8200 §3', 'What is inside.', { wireshark: 'ipv6.nxt', names: Protocol }),
  hops: number('Hop Limit', 'RFC 8200 §3', 'How many more hops it may take.', 'ipv6.hlim'),
  source: address('Source Address', 'RFC 8200 §3', 'Who sent it.', 'ipv6.src'),
  destination: address('Destination Address', 'RFC 8200 §3', 'Whom it is for.', 'ipv6.dst'),
  extension: octets('Extension Header', 'RFC 8200 §4', 'More about how to carry the packet.'),
} as const

export const JOINED = group(
  'Packet of all fragments',
  'RFC 791 §3.2',
  'What the fragments carried, put together.',
)

export const UDP = {
  header: group('UDP', 'RFC 768', 'Tells programs on one computer apart by port.'),
  source: number(
    'Source Port',
    'RFC 768',
    '500 and 4500 are those of IKE; a NAT may change it.',
    'udp.srcport',
  ),
  destination: number('Destination Port', 'RFC 768', '500 and 4500 are those of IKE.', 'udp.dstport'),
  length: number('Length', 'RFC 768', 'Octets of the datagram.', 'udp.length'),
  checksum: hex('Checksum', 'RFC 768', 'Shows whether the datagram was damaged.', 'udp.checksum'),
  marker: octets(
    'Non-ESP Marker',
    'RFC 3948 §2.2',
    'Four zeros where ESP would have its SPI: this is IKE.',
    'udpencap.non_esp_marker',
  ),
  keepalive: octets(
    'NAT-keepalive',
    'RFC 3948 §2.3',
    'Keeps the NAT from forgetting the way back.',
    'udpencap.nat_keepalive',
  ),
} as const

export const TCP = {
  header: group('TCP', 'RFC 9293 §3.1', 'A stream of octets, of which this packet has a piece.'),
  source: number('Source Port', 'RFC 9293 §3.1', 'Where it comes from.', 'tcp.srcport'),
  destination: number(
    'Destination Port',
    'RFC 9293 §3.1',
    '4500 is that of IKE where UDP does not get through.',
    'tcp.dstport',
  ),
  sequence: number(
    'Sequence Number',
    'RFC 9293 §3.1',
    'Which octet of the stream is the first.',
    'tcp.seq_raw',
  ),
  acknowledgement: number(
    'Acknowledgment Number',
    'RFC 9293 §3.1',
    'The octet that is awaited from the other end.',
    'tcp.ack_raw',
  ),
  flags: hex(
    'Data Offset and Flags',
    'RFC 9293 §3.1',
    'Where the octets begin, and what this packet is for.',
  ),
  window: number('Window', 'RFC 9293 §3.1', 'How much may be sent.', 'tcp.window_size_value'),
  checksum: hex('Checksum', 'RFC 9293 §3.1', 'Shows whether it was damaged.', 'tcp.checksum'),
  urgent: number('Urgent Pointer', 'RFC 9293 §3.1', 'Not used by IKE.', 'tcp.urgent_pointer'),
  options: octets('Options', 'RFC 9293 §3.2', 'What the ends agree about.', 'tcp.options'),
  prefix: octets('Stream Prefix', 'RFC 9329 §4', 'IKETCP: what follows is IKE and ESP.'),
  frame: group('Message in TCP', 'RFC 9329 §3', 'One message of IKE, or one ESP packet, behind its length.'),
  length: number('Length', 'RFC 9329 §3', 'Octets of the message, these two among them.'),
  part: octets(
    'Part of a message',
    'RFC 9329 §3',
    'TCP cuts where it likes; the rest comes in other packets.',
  ),
  joined: group('Messages of several packets', 'RFC 9329 §3', 'What the stream carried, put together.'),
} as const

export const ICMP = {
  header: group('ICMP', 'RFC 792', 'News about the network; pings among them.'),
  type: number('Type', 'RFC 792', '8 asks for an echo, 0 answers.', 'icmp.type'),
  code: number('Code', 'RFC 792', 'More about the type.', 'icmp.code'),
  rest: octets('Data', 'RFC 792', 'What belongs to it.'),
  type6: number('Type', 'RFC 4443 §2.1', '128 asks for an echo, 129 answers.', 'icmpv6.type'),
  code6: number('Code', 'RFC 4443 §2.1', 'More about the type.', 'icmpv6.code'),
} as const

export const ESP = {
  packet: group('ESP', 'RFC 4303 §2', 'A packet of the tunnel, encrypted.'),
  spi: hex('SPI', 'RFC 4303 §2.1', 'Which SA of the receiver this belongs to.', 'esp.spi'),
  sequence: number(
    'Sequence Number',
    'RFC 4303 §2.2',
    'Counts up; one that came before is thrown away.',
    'esp.sequence',
  ),
  iv: octets('IV', 'RFC 4303 §2.3', 'Makes the same text look different each time.', 'esp.iv'),
  data: octets(
    'Encrypted data',
    'RFC 4303 §2.3',
    'The packet inside, padding and what kind it is.',
    'esp.encrypted_data',
  ),
  icv: octets('ICV', 'RFC 4303 §2.8', 'Shows that nothing was changed on the way.', 'esp.icv'),
  decrypted: group('Decrypted', 'RFC 4303 §2', 'What was inside.', 'esp.decrypted_data'),
  padding: octets('Padding', 'RFC 4303 §2.4', 'Fills the last block: 1, 2, 3 and so on.', 'esp.pad'),
  padLength: number('Pad Length', 'RFC 4303 §2.5', 'Octets of padding.', 'esp.pad_len'),
  next: hex(
    'Next Header',
    'RFC 4303 §2.6',
    'What is inside: 4 and 41 a whole packet, else what follows the header.',
    {
      wireshark: 'esp.protocol',
      names: Protocol,
    },
  ),
} as const

export const AH = {
  header: group(
    'AH',
    'RFC 4302 §2',
    'Shows that the packet and its header were not changed; nothing is encrypted.',
  ),
  next: number('Next Header', 'RFC 4302 §2.1', 'What follows.', {
    wireshark: 'ah.next_header',
    names: Protocol,
  }),
  length: number('Payload Length', 'RFC 4302 §2.2', 'Units of four octets, less two.', 'ah.length'),
  reserved: octets('RESERVED', 'RFC 4302 §2.3', 'Zero.', 'ah.reserved'),
  spi: hex('SPI', 'RFC 4302 §2.4', 'Which SA of the receiver this belongs to.', 'ah.spi'),
  sequence: number(
    'Sequence Number',
    'RFC 4302 §2.5',
    'Counts up; one that came before is thrown away.',
    'ah.sequence',
  ),
  icv: octets(
    'ICV',
    'RFC 4302 §2.6',
    'A hash of the packet with a key; fields that change on the way count as zero.',
    'ah.icv',
  ),
} as const

export const OTHER = octets('Data', 'RFC 791 §3.1', 'What the packet carries is not IKE, ESP or AH.')
