import { readFileSync } from 'node:fs'
import * as tls from 'node:tls'
import { type Certificate, decodeCertificate } from '../cert/certificate.ts'
import { splitPem } from '../cert/pem.ts'

/** Of those a computer trusts, the ones that may have issued one of these certificates (DER), or are one of them. */
export type SystemAuthorities = (certificates: readonly Uint8Array[]) => readonly Certificate[]

/** Where a computer keeps whom it trusts. */
export interface TrustStores {
  /** Newer Nodes ask the operating system. */
  readonly getCACertificates?: ((kind: 'system') => readonly string[]) | undefined
  /** A file as text. Throws where it cannot be read. */
  read(path: string): string
  /** The list the runtime was built with. */
  readonly rootCertificates: readonly string[]
}

/** Bundles of Debian, Fedora, SUSE, Alpine and macOS. */
const BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
]
/** No honest chain is longer; a longer one is refused anyway. */
const MOST_CERTIFICATES = 16

/**
 * The authorities of the operating system, where it can be asked or keeps a file of them, else those that came with the
 * runtime. They are more than a hundred: only those somebody refers to are read whole.
 */
export function authoritiesIn(stores: TrustStores): SystemAuthorities {
  let all: readonly Buffer[] | undefined
  const read = new Map<Buffer, Certificate | undefined>()
  const certificateOf = (der: Buffer): Certificate | undefined => {
    if (!read.has(der)) {
      const decoded = decodeCertificate(der)
      read.set(der, decoded.ok ? decoded.value : undefined)
    }
    return read.get(der)
  }
  return (certificates) => {
    all ??= pemsOf(stores).flatMap((pem) => splitPem(pem).map(({ der }) => Buffer.from(der)))
    const wanted = certificates.slice(0, MOST_CERTIFICATES).flatMap((der) => {
      const decoded = decodeCertificate(der)
      // Authorities write their name as octets for octets the same into what they issue. RFC 5280 §4.1.2.6
      const issuers = decoded.ok && decoded.value.issuer.rdns.length > 0 ? [decoded.value.issuer.der] : []
      return [...issuers, der].map((octets) => Buffer.from(octets))
    })
    return all
      .filter((der) => wanted.some((octets) => octets.length > 0 && der.includes(octets)))
      .flatMap((der) => certificateOf(der) ?? [])
  }
}

/** Those of this computer. */
export const systemAuthorities: SystemAuthorities = authoritiesIn({
  getCACertificates: (tls as { getCACertificates?: TrustStores['getCACertificates'] }).getCACertificates,
  read: (path) => readFileSync(path, 'latin1'),
  rootCertificates: tls.rootCertificates,
})

function pemsOf({ getCACertificates, read, rootCertificates }: TrustStores): readonly string[] {
  const tries = [
    () => getCACertificates?.('system') ?? [],
    ...[process.env.SSL_CERT_FILE ?? '', ...BUNDLES].map((path) => () => (path === '' ? [] : [read(path)])),
  ]
  for (const attempt of tries) {
    try {
      const found = attempt()
      if (found.some((pem) => splitPem(pem).length > 0)) return found
    } catch {
      // A store that is not there or cannot be opened is an empty one.
    }
  }
  return rootCertificates
}
