import type { Secret } from '../core/bytes/secret.ts'
import { decodeCertificate } from '../core/cert/certificate.ts'
import { decodeRevocationList } from '../core/cert/crl.ts'
import { type Credential, readAuthorities, readCredential } from '../core/cert/own-key.ts'
import { encodePem, looksLikePem, splitPem } from '../core/cert/pem.ts'
import { type CredentialProblem, encodeKeyPem } from '../core/cert/private-key.ts'
import { samePublicKey } from '../core/cert/public-key.ts'
import type { CredentialRead, TrustRead, UnreadFile } from '../core/contract/credential.ts'
import { VpnFailure } from '../core/errors.ts'
import type { ImportFile } from '../core/profile/import/bundle.ts'
import { certificatesPem } from '../core/profile/import/credential.ts'
import type { Profile } from '../core/profile/schema.ts'
import { ownCertificatePem } from '../core/profile/sign-in.ts'

/** Ours: keys that wait to be used, at most. Older ones are wiped. */
const MOST_WAITING = 8

export interface CredentialQuestion {
  readonly files: readonly ImportFile[]
  readonly passphrase?: string | undefined
  /** A certificate, PEM, that a file with the key alone may belong to. */
  readonly beside?: string | undefined
  /** The key has to be that of this profile's certificate. */
  readonly profile?: Profile | undefined
}

/** Reads certificates and keys from files, and holds the keys until they are used: the page only knows their number. */
export class CredentialDesk {
  readonly #waiting = new Map<number, Secret>()
  #next = 1

  read({ files, passphrase, beside, profile }: CredentialQuestion): CredentialRead {
    const known = profile === undefined ? beside : ownCertificatePem(profile)
    const octets = [...files.map(({ bytes }) => bytes), ...(known === undefined ? [] : [latin1(known)])]
    const read = readCredential(octets, passphrase)
    if (!read.ok) return unread(read.problem)
    const { credential } = read
    try {
      if (profile !== undefined && !isKeyOf(credential, known)) {
        return { ok: false, why: 'other', problem: 'this key belongs to another certificate' }
      }
      return {
        ok: true,
        token: this.#keep(encodeKeyPem(credential.key)),
        certificate: certificatesPem([credential.certificate, ...credential.intermediates]),
        authorities: certificatesPem(credential.roots),
      }
    } finally {
      credential.key.secret.close()
    }
  }

  /** A copy of a key that waits. Throws `VpnFailure` (`internal`) when it does not wait any more. */
  lend(token: number): Secret {
    const secret = this.#waiting.get(token)
    if (secret === undefined) {
      throw new VpnFailure({
        kind: 'internal',
        problem: 'this key is not held any more; choose its file again',
      })
    }
    return secret.clone()
  }

  forget(token: number): void {
    this.#waiting.get(token)?.close()
    this.#waiting.delete(token)
  }

  close(): void {
    for (const token of [...this.#waiting.keys()]) this.forget(token)
  }

  #keep(secret: Secret): number {
    const token = this.#next
    this.#next += 1
    this.#waiting.set(token, secret)
    for (const old of [...this.#waiting.keys()].slice(0, -MOST_WAITING)) this.forget(old)
    return token
  }
}

/** The authorities of all files together. */
export function readTrust(files: readonly ImportFile[], passphrase: string | undefined): TrustRead {
  const found: string[] = []
  for (const { name, bytes } of files) {
    const read = readAuthorities(bytes, passphrase)
    if (!read.ok) return unread(read.problem, files.length > 1 ? name : undefined)
    found.push(certificatesPem(read.certificates))
  }
  return { ok: true, pem: found.join('') }
}

/** Lists of revoked certificates, PEM or DER. */
export function readRevocations(files: readonly ImportFile[]): TrustRead {
  const found: string[] = []
  for (const { name, bytes } of files) {
    const ders = looksLikePem(bytes)
      ? splitPem(Buffer.from(bytes).toString('latin1')).flatMap(({ label, der }) =>
          label === 'X509 CRL' ? [der] : [],
        )
      : [bytes]
    if (ders.length === 0) return { ok: false, why: 'other', problem: `there is no list in ${name}` }
    for (const der of ders) {
      const read = decodeRevocationList(der)
      if (!read.ok) return { ok: false, why: 'other', problem: `${name}: ${read.error.message}` }
      found.push(encodePem({ label: 'X509 CRL', der }))
    }
  }
  return { ok: true, pem: found.join('') }
}

const latin1 = (text: string): Uint8Array => Buffer.from(text, 'latin1')

function isKeyOf({ key }: Credential, pem: string | undefined): boolean {
  const [own] = splitPem(pem ?? '')
  const certificate = own && decodeCertificate(own.der)
  return certificate?.ok === true && samePublicKey(certificate.value.publicKey, key.publicKey)
}

const unread = ({ why, problem }: CredentialProblem, file?: string): UnreadFile => ({
  ok: false,
  why: why === 'passphraseMissing' || why === 'passphraseWrong' ? 'passphrase' : 'other',
  problem: file === undefined ? problem : `${file}: ${problem}`,
})
