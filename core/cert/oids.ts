// Object identifiers of certificates, by the name the RFCs give them. Not IANA registries, but tables all the same.

export interface Oid {
  readonly oid: string
  readonly reference: string
}
type Oids = Readonly<Record<string, Oid>>

/** Extensions, RFC 5280 §4.2. */
export const Extension = {
  subjectKeyIdentifier: { oid: '2.5.29.14', reference: 'RFC 5280 §4.2.1.2' },
  keyUsage: { oid: '2.5.29.15', reference: 'RFC 5280 §4.2.1.3' },
  subjectAltName: { oid: '2.5.29.17', reference: 'RFC 5280 §4.2.1.6' },
  basicConstraints: { oid: '2.5.29.19', reference: 'RFC 5280 §4.2.1.9' },
  nameConstraints: { oid: '2.5.29.30', reference: 'RFC 5280 §4.2.1.10' },
  certificatePolicies: { oid: '2.5.29.32', reference: 'RFC 5280 §4.2.1.4' },
  cRLDistributionPoints: { oid: '2.5.29.31', reference: 'RFC 5280 §4.2.1.13' },
  authorityInfoAccess: { oid: '1.3.6.1.5.5.7.1.1', reference: 'RFC 5280 §4.2.2.1' },
  policyMappings: { oid: '2.5.29.33', reference: 'RFC 5280 §4.2.1.5' },
  policyConstraints: { oid: '2.5.29.36', reference: 'RFC 5280 §4.2.1.11' },
  authorityKeyIdentifier: { oid: '2.5.29.35', reference: 'RFC 5280 §4.2.1.1' },
  extendedKeyUsage: { oid: '2.5.29.37', reference: 'RFC 5280 §4.2.1.12' },
  inhibitAnyPolicy: { oid: '2.5.29.54', reference: 'RFC 5280 §4.2.1.14' },
} as const satisfies Oids

/** The policy for everything. RFC 5280 §4.2.1.4 */
export const ANY_POLICY = '2.5.29.32.0'

/** Key purposes that concern IKE. */
export const KeyPurpose = {
  anyExtendedKeyUsage: { oid: '2.5.29.37.0', reference: 'RFC 5280 §4.2.1.12' },
  serverAuth: { oid: '1.3.6.1.5.5.7.3.1', reference: 'RFC 5280 §4.2.1.12' },
  clientAuth: { oid: '1.3.6.1.5.5.7.3.2', reference: 'RFC 5280 §4.2.1.12' },
  ipsecIKE: { oid: '1.3.6.1.5.5.7.3.17', reference: 'RFC 4945 §5.1.3.12' },
  OCSPSigning: { oid: '1.3.6.1.5.5.7.3.9', reference: 'RFC 6960 §4.2.2.2' },
  // Never in an RFC, yet what several gateways carry.
  ikeIntermediate: { oid: '1.3.6.1.5.5.8.2.2', reference: 'draft-ietf-ipsec-pki-req' },
} as const satisfies Oids

/** Keys, RFC 3279, RFC 5480, RFC 8410. */
export const KeyAlgorithm = {
  rsaEncryption: { oid: '1.2.840.113549.1.1.1', reference: 'RFC 3279 §2.3.1' },
  rsassaPss: { oid: '1.2.840.113549.1.1.10', reference: 'RFC 4055 §3.1' },
  ecPublicKey: { oid: '1.2.840.10045.2.1', reference: 'RFC 5480 §2.1.1' },
  ed25519: { oid: '1.3.101.112', reference: 'RFC 8410 §3' },
  ed448: { oid: '1.3.101.113', reference: 'RFC 8410 §3' },
} as const satisfies Oids

export type CurveName = 'P-256' | 'P-384' | 'P-521'

export const Curve = {
  'P-256': { oid: '1.2.840.10045.3.1.7', octets: 32, reference: 'RFC 5480 §2.1.1.1' },
  'P-384': { oid: '1.3.132.0.34', octets: 48, reference: 'RFC 5480 §2.1.1.1' },
  'P-521': { oid: '1.3.132.0.35', octets: 66, reference: 'RFC 5480 §2.1.1.1' },
} as const satisfies Readonly<Record<CurveName, Oid & { readonly octets: number }>>

export type HashName = 'sha1' | 'sha256' | 'sha384' | 'sha512'

/** Hashes of signatures; `id`: SIGNATURE_HASH_ALGORITHMS, RFC 7427 §4. */
export const Hash = {
  sha1: { id: 1, oid: '1.3.14.3.2.26', octets: 20, reference: 'RFC 7427' },
  sha256: { id: 2, oid: '2.16.840.1.101.3.4.2.1', octets: 32, reference: 'RFC 7427' },
  sha384: { id: 3, oid: '2.16.840.1.101.3.4.2.2', octets: 48, reference: 'RFC 7427' },
  sha512: { id: 4, oid: '2.16.840.1.101.3.4.2.3', octets: 64, reference: 'RFC 7427' },
} as const satisfies Readonly<Record<HashName, Oid & { readonly id: number; readonly octets: number }>>

/** Attributes of a name by the short form people write. RFC 4514 §3 and what is seen beside it. */
export const NameAttribute = {
  CN: { oid: '2.5.4.3', reference: 'RFC 4519 §2.3' },
  SN: { oid: '2.5.4.4', reference: 'RFC 4519 §2.32' },
  serialNumber: { oid: '2.5.4.5', reference: 'RFC 4519 §2.31' },
  C: { oid: '2.5.4.6', reference: 'RFC 4519 §2.2' },
  L: { oid: '2.5.4.7', reference: 'RFC 4519 §2.16' },
  ST: { oid: '2.5.4.8', reference: 'RFC 4519 §2.33' },
  street: { oid: '2.5.4.9', reference: 'RFC 4519 §2.34' },
  O: { oid: '2.5.4.10', reference: 'RFC 4519 §2.19' },
  OU: { oid: '2.5.4.11', reference: 'RFC 4519 §2.20' },
  title: { oid: '2.5.4.12', reference: 'RFC 4519 §2.38' },
  GN: { oid: '2.5.4.42', reference: 'RFC 4519 §2.12' },
  UID: { oid: '0.9.2342.19200300.100.1.1', reference: 'RFC 4519 §2.39' },
  DC: { oid: '0.9.2342.19200300.100.1.25', reference: 'RFC 4519 §2.4' },
  E: { oid: '1.2.840.113549.1.9.1', reference: 'RFC 5280 §4.1.2.6' },
} as const satisfies Oids

/** The key of the row with this object identifier. */
export function namedBy<T extends Oids>(table: T, oid: string): keyof T | undefined {
  return Object.keys(table).find((name) => table[name]?.oid === oid)
}
