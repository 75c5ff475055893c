/** A certificate as people read it. */
export interface CertificateWords {
  readonly subject: string
  readonly issuer: string
  /** Whom it names, as a profile would write it: the first stands for its owner where no ID is given. */
  readonly names: readonly string[]
  /** Unix time in ms. */
  readonly validUntilMs: number
}

/** What became of files with a certificate and its key. The key itself stays in main and is named by `token`. */
export type CredentialRead =
  | {
      readonly ok: true
      readonly token: number
      /** The certificate, then what leads from it to an authority. PEM. */
      readonly certificate: string
      /** Authorities that came along, PEM: to trust the gateway by, if the person says so. Empty for none. */
      readonly authorities: string
    }
  | UnreadFile

/** Certificates of authorities, or lists of revoked certificates, from files. */
export type TrustRead = { readonly ok: true; readonly pem: string } | UnreadFile

export interface UnreadFile {
  readonly ok: false
  /** `passphrase`: it is encrypted, and another passphrase could open it. */
  readonly why: 'passphrase' | 'other'
  /** A clause without a full stop. */
  readonly problem: string
}
