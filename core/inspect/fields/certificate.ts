import type { Registry } from '../../iana/registry.ts'
import { group, number, octets, text } from '../tree.ts'

// What the inspector says of the parts of a certificate.

const CERTIFICATE = 'RFC 5280 §4.1'
const Version = {
  v1: { id: 0, reference: CERTIFICATE },
  v2: { id: 1, reference: CERTIFICATE },
  v3: { id: 2, reference: CERTIFICATE },
} as const satisfies Registry
export const X509 = {
  certificate: group(
    'X.509 certificate',
    CERTIFICATE,
    'Says whose public key this is; the issuer vouches for it.',
  ),
  version: number('Version', 'RFC 5280 §4.1.2.1', 'The version of the format; it counts from 0.', {
    wireshark: 'x509af.version',
    names: Version,
  }),
  serial: octets(
    'Serial Number',
    'RFC 5280 §4.1.2.2',
    'The number its issuer gave it.',
    'x509af.serialNumber',
  ),
  issuer: text('Issuer', 'RFC 5280 §4.1.2.4', 'Who vouches for it.'),
  validity: text('Validity', 'RFC 5280 §4.1.2.5', 'From when to when it is good.'),
  subject: text('Subject', 'RFC 5280 §4.1.2.6', 'Whose key it is.'),
  key: text('Subject Public Key', 'RFC 5280 §4.1.2.7', 'The public key itself.'),
  extensions: group('Extensions', 'RFC 5280 §4.2', 'What it may be used for, and more names.'),
  alternative: text(
    'Subject Alternative Name',
    'RFC 5280 §4.2.1.6',
    'A name that is as good as the subject.',
  ),
  authority: text('Basic Constraints', 'RFC 5280 §4.2.1.9', 'Whether it may vouch for others.'),
  purpose: text('Extended Key Usage', 'RFC 5280 §4.2.1.12', 'What the key may be used for.'),
  signature: octets(
    'Signature',
    'RFC 5280 §4.1.1.3',
    'By it the issuer vouches; whether it is good is not checked here.',
  ),
} as const
