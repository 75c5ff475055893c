import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Secret } from '../../core/bytes/secret.ts'
import type { TlsJudge } from '../../core/crypto/platform-tls.ts'
import type { TlsCertificate } from '../../core/crypto/tls.ts'
import type { VpnError } from '../../core/errors.ts'

const der = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../eap/data/${name}`, import.meta.url)))

/** A certificate of `test/eap/data` with its key. */
export const shown = (name: 'server' | 'client' | 'impostor' | 'large'): TlsCertificate => ({
  chain: [der(`${name}.der`)],
  key: new Secret(der(`${name}.key.der`)),
})

const refused = (problem: string): VpnError => ({
  kind: 'certificateRefused',
  subject: 'the server',
  rule: 'untrusted',
  problem,
})

/** Believes what the authority of `test/eap/data` signed, for this name. */
export const judge =
  (name: string): TlsJudge =>
  ([leaf]) => {
    if (leaf === undefined) return refused('it shows no certificate')
    const certificate = new X509Certificate(leaf)
    if (!certificate.verify(new X509Certificate(der('ca.der')).publicKey))
      return refused('nobody vouches for it')
    const named = certificate.checkHost(name) !== undefined || certificate.checkEmail(name) !== undefined
    return named ? undefined : refused('it is for somebody else')
  }
