import { type Certificate, decodeCertificate, describeCertificate } from './certificate.ts'
import { nameEquals } from './name.ts'
import { looksLikePem, splitPem } from './pem.ts'
import { looksLikePkcs12, type Pkcs12Read, readPkcs12 } from './pkcs12.ts'
import { type CredentialProblem, readDerKey, readPemKey, type SigningKey } from './private-key.ts'
import { samePublicKey } from './public-key.ts'

/** Our own certificate, what leads from it to an authority, and its key. */
export interface Credential {
  readonly certificate: Certificate
  /** Certificates on the way, nearest first; a root the gateway has anyway is not among them. */
  readonly intermediates: readonly Certificate[]
  /** Authorities that signed themselves and came along: candidates for trust, if a person says so. */
  readonly roots: readonly Certificate[]
  readonly key: SigningKey
}
export type CredentialRead =
  | { readonly ok: true; readonly credential: Credential }
  | { readonly ok: false; readonly problem: CredentialProblem }

const MOST_CERTIFICATES = 32

const failed = (why: CredentialProblem['why'], problem: string): CredentialRead => ({
  ok: false,
  problem: { why, problem },
})

/** Certificates and keys in any number of files: PEM with any blocks in it, DER, PKCS#12. One pair of them must fit. */
export function readCredential(files: readonly Uint8Array[], passphrase?: string): CredentialRead {
  const found = new Findings(passphrase)
  try {
    for (const file of files) {
      const problem = found.add(file)
      if (problem !== undefined) return { ok: false, problem }
    }
    return found.pair()
  } finally {
    found.closeUnused()
  }
}

/** All certificates in one file: PEM, DER, or several PEM in a row. For CA files. Unreadable ones are a problem. */
export function readCertificates(
  file: Uint8Array,
):
  | { readonly ok: true; readonly certificates: readonly Certificate[] }
  | { readonly ok: false; readonly problem: string } {
  const ders = looksLikePem(file)
    ? splitPem(textOf(file)).flatMap(({ label, der }) => (isCertificateLabel(label) ? [der] : []))
    : [file]
  if (ders.length === 0) return { ok: false, problem: 'there is no certificate in it' }
  const certificates: Certificate[] = []
  for (const der of ders) {
    const read = decodeCertificate(der)
    if (!read.ok) return { ok: false, problem: read.error.message }
    certificates.push(read.value)
  }
  return { ok: true, certificates }
}

/** Whom a file lets one trust: all certificates of a PEM or DER file; of a PKCS#12 bundle the authorities that signed themselves. */
export function readAuthorities(
  file: Uint8Array,
  passphrase?: string,
):
  | { readonly ok: true; readonly certificates: readonly Certificate[] }
  | { readonly ok: false; readonly problem: CredentialProblem } {
  if (!looksLikePkcs12(file)) {
    const read = readCertificates(file)
    return read.ok ? read : { ok: false, problem: { why: 'malformed', problem: read.problem } }
  }
  const read = openPkcs12(file, passphrase)
  if (!read.ok) return read
  for (const key of read.value.keys) key.fill(0)
  const certificates: Certificate[] = []
  for (const der of read.value.certificates) {
    const decoded = decodeCertificate(der)
    if (decoded.ok && nameEquals(decoded.value.subject, decoded.value.issuer))
      certificates.push(decoded.value)
  }
  return certificates.length > 0
    ? { ok: true, certificates }
    : { ok: false, problem: { why: 'missing', problem: 'there is no authority in it' } }
}

/** Without a passphrase a wrong one is a missing one. */
function openPkcs12(file: Uint8Array, passphrase: string | undefined): Pkcs12Read {
  const read = readPkcs12(file, passphrase ?? '')
  return !read.ok && read.problem.why === 'passphraseWrong' && passphrase === undefined
    ? { ok: false, problem: { why: 'passphraseMissing', problem: 'the file is encrypted' } }
    : read
}

const isCertificateLabel = (label: string): boolean =>
  label === 'CERTIFICATE' || label === 'X509 CERTIFICATE' || label === 'TRUSTED CERTIFICATE'

const textOf = (file: Uint8Array): string => Buffer.from(file).toString('latin1')

class Findings {
  readonly #passphrase: string | undefined
  readonly #certificates: Certificate[] = []
  readonly #keys: SigningKey[] = []
  #given: SigningKey | undefined

  constructor(passphrase: string | undefined) {
    this.#passphrase = passphrase
  }

  add(file: Uint8Array): CredentialProblem | undefined {
    if (looksLikePem(file)) return this.#addPem(textOf(file))
    const certificate = decodeCertificate(file)
    if (certificate.ok) return this.#addCertificate(file)
    if (looksLikePkcs12(file)) return this.#addPkcs12(file)
    return this.#addKey(file)
  }

  #addPem(text: string): CredentialProblem | undefined {
    for (const block of splitPem(text)) {
      let problem: CredentialProblem | undefined
      if (isCertificateLabel(block.label)) problem = this.#addCertificate(block.der)
      else if (block.label.endsWith('PRIVATE KEY')) {
        const read = readPemKey(block, this.#passphrase)
        if (read.ok) this.#keys.push(read.key)
        else problem = read.problem
      }
      if (problem !== undefined) return problem
    }
    return undefined
  }

  #addPkcs12(file: Uint8Array): CredentialProblem | undefined {
    const read = openPkcs12(file, this.#passphrase)
    if (!read.ok) return read.problem
    const problems = [
      ...read.value.certificates.map((der) => this.#addCertificate(der)),
      ...read.value.keys.map((der) => this.#addKey(der)),
    ]
    for (const der of read.value.keys) der.fill(0)
    return problems.find((problem) => problem !== undefined)
  }

  #addCertificate(der: Uint8Array): CredentialProblem | undefined {
    if (this.#certificates.length >= MOST_CERTIFICATES) {
      return { why: 'unsupported', problem: `more than ${MOST_CERTIFICATES} certificates` }
    }
    const read = decodeCertificate(der)
    if (!read.ok) return { why: 'malformed', problem: read.error.message }
    this.#certificates.push(read.value)
    return undefined
  }

  #addKey(der: Uint8Array): CredentialProblem | undefined {
    const read = readDerKey(der, this.#passphrase)
    if (!read.ok) return read.problem
    this.#keys.push(read.key)
    return undefined
  }

  pair(): CredentialRead {
    if (this.#keys.length === 0) return failed('missing', 'there is no private key in it')
    if (this.#certificates.length === 0) return failed('missing', 'there is no certificate in it')
    for (const key of this.#keys) {
      const certificate = this.#certificates.find(({ publicKey }) => samePublicKey(publicKey, key.publicKey))
      if (certificate === undefined) continue
      this.#given = key
      return { ok: true, credential: { certificate, key, ...this.#above(certificate) } }
    }
    const names = this.#certificates.slice(0, 4).map(describeCertificate)
    return failed('mismatch', `the private key belongs to none of the certificates (${names.join('; ')})`)
  }

  #above(certificate: Certificate): { intermediates: readonly Certificate[]; roots: readonly Certificate[] } {
    const selfIssued = ({ subject, issuer }: Certificate): boolean => nameEquals(subject, issuer)
    const others = this.#certificates.filter((other) => other !== certificate)
    const roots = others.filter(selfIssued)
    const left = others.filter((other) => !selfIssued(other))
    const intermediates: Certificate[] = []
    let last: Certificate | undefined = certificate
    while (last !== undefined) {
      const { issuer }: Certificate = last
      const at = left.findIndex(({ subject }) => nameEquals(subject, issuer))
      last = at === -1 ? undefined : left.splice(at, 1)[0]
      if (last !== undefined) intermediates.push(last)
    }
    return { intermediates, roots }
  }

  closeUnused(): void {
    for (const key of this.#keys) if (key !== this.#given) key.secret.close()
  }
}
