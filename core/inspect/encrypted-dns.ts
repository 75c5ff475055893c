import { HashAlgorithm } from '../iana/ikev2.ts'
import type { Registry } from '../iana/registry.ts'
import type { Cursor } from './cursor.ts'
import { address, group, type Node, number, octets, text } from './tree.ts'

// Attributes of the configuration payload for name servers that are asked through TLS.

const RESOLVER = 'RFC 9464 §3.1'
const DIGEST = 'RFC 9464 §3.2'
const SVCB = 'RFC 9460 §2.2'

/** Service parameter keys, RFC 9460 §14.3.2 and the documents of the registry. */
const SvcParamKey = {
  mandatory: { id: 0, reference: 'RFC 9460' },
  alpn: { id: 1, reference: 'RFC 9460' },
  'no-default-alpn': { id: 2, reference: 'RFC 9460' },
  port: { id: 3, reference: 'RFC 9460' },
  ipv4hint: { id: 4, reference: 'RFC 9460' },
  ech: { id: 5, reference: 'RFC 9848' },
  ipv6hint: { id: 6, reference: 'RFC 9460' },
  dohpath: { id: 7, reference: 'RFC 9461' },
  ohttp: { id: 8, reference: 'RFC 9540' },
} as const satisfies Registry

const F = {
  priority: number('Service Priority', RESOLVER, 'The name server with the smallest number is wanted most.'),
  addresses: number('Num Addresses', RESOLVER, 'How many addresses follow.'),
  nameLength: number('ADN Length', RESOLVER, 'Octets of the name.'),
  address: address('IP Address', RESOLVER, 'Where the name server is asked.'),
  name: text(
    'Authentication Domain Name',
    RESOLVER,
    'Whom the certificate of the name server has to be for.',
  ),
  parameter: group('SvcParam', SVCB, 'How the name server is asked.'),
  key: number('SvcParamKey', SVCB, 'What this parameter says.', { names: SvcParamKey }),
  length: number('Length', SVCB, 'Octets of the value.'),
  protocolLength: number('ALPN Length', 'RFC 9460 §7.1', 'Octets of the name of the protocol.'),
  protocol: text(
    'ALPN',
    'RFC 9460 §7.1',
    'A protocol: dot is DNS over TLS, h2 DNS over HTTPS, doq DNS over QUIC.',
  ),
  port: number('Port', 'RFC 9460 §7.2', 'Where it listens, if not at the usual port.'),
  path: text('DoH Path', 'RFC 9461 §5', 'The template of the path for DNS over HTTPS.'),
  value: octets('SvcParamValue', SVCB, 'The value.'),
  hashes: number('Num Hash Algs', DIGEST, 'How many hash algorithms are named.'),
  hash: number('Hash Algorithm Identifier', DIGEST, 'What the digest is made with.', {
    names: HashAlgorithm,
  }),
  digest: octets(
    'Certificate Digest',
    DIGEST,
    'Of the public key of the name server: its certificate is held against this alone.',
  ),
} as const

/** The value of ENCDNS_IP4, ENCDNS_IP6 or ENCDNS_DIGEST_INFO; → whether it was one. */
export function readEncryptedDns(node: Node, part: Cursor, type: number): boolean {
  if (type === 27 || type === 28) readResolver(node, part, type === 27 ? 4 : 16)
  else if (type === 29) readDigest(node, part)
  else return false
  return true
}

function readResolver(node: Node, part: Cursor, addressOctets: 4 | 16): void {
  part.number(node, F.priority, 2)
  const count = part.number(node, F.addresses, 1)
  const nameOctets = part.number(node, F.nameLength, 1)
  for (let i = 0; i < count; i++) part.address(node, F.address, addressOctets)
  if (nameOctets > 0) part.text(node, F.name, nameOctets)
  while (part.left > 0) {
    const length = part.peek16(2)
    const parameter = part.group(node, F.parameter, 4 + length)
    readParameter(parameter, part.take(4 + length))
  }
}

function readParameter(node: Node, part: Cursor): void {
  const key = part.number(node, F.key, 2)
  const length = part.number(node, F.length, 2)
  if (length > part.left) node.remark('tooShort', `${length} octets announced, ${part.left} there`)
  if (key === SvcParamKey.alpn.id)
    while (part.left > 0) part.text(node, F.protocol, part.number(node, F.protocolLength, 1))
  else if (key === SvcParamKey.port.id && part.left === 2) part.number(node, F.port, 2)
  else if (key === SvcParamKey.dohpath.id) part.text(node, F.path)
  else if (part.left > 0) part.octets(node, F.value)
}

function readDigest(node: Node, part: Cursor): void {
  const hashes = part.number(node, F.hashes, 1)
  const nameOctets = part.number(node, F.nameLength, 1)
  if (nameOctets > 0) part.text(node, F.name, nameOctets)
  for (let i = 0; i < hashes; i++) part.number(node, F.hash, 2)
  if (part.left > 0) part.octets(node, F.digest)
}
