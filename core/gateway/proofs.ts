import type { Secret } from '../bytes/secret.ts'
import { certificateHas, namesOf } from '../cert/identity.ts'
import { type Credential, readCredential } from '../cert/own-key.ts'
import { VpnFailure } from '../errors.ts'
import type { Authentication, ConnectionConfig, Identity, OurProof, TheirProof } from '../ike/config.ts'
import { describeIdentity } from '../ike/v2/negotiation.ts'
import { parseIdentity } from '../profile/identity.ts'
import {
  type GatewayAuth,
  readPemCertificates,
  readPemLists,
  SYSTEM_AUTHORITIES,
} from '../profile/sign-in.ts'
import type { GatewaySettings } from './config.ts'
import type { Staples } from './staples.ts'

/** What the settings only name the files of. Whoever has it closes it. */
export interface GatewaySecrets {
  /** Undefined where nobody proves anything by it. */
  readonly psk: Secret | undefined
  /** The key file as it is: PEM, DER or PKCS#12 without a passphrase. */
  readonly key: Secret | undefined
  /** Of those clients that have a key of their own, by their place in the settings. */
  readonly clients: ReadonlyMap<number, Secret>
  /** Passwords of those who sign in by XAuth, by their names. */
  readonly users: ReadonlyMap<string, Secret>
  /** What makes the codes of some of them: octets. */
  readonly totp: ReadonlyMap<string, Secret>
  /** What proves that the sessions of an earlier run are forgotten; left out: nothing does. RFC 6290 */
  readonly crash?: Secret | undefined
}

export function closeGatewaySecrets({ psk, key, clients, users, totp, crash }: GatewaySecrets): void {
  for (const secret of [psk, key, crash, ...clients.values(), ...users.values(), ...totp.values()])
    secret?.close()
}

/** Whether somebody proves something by the pre-shared key that all have. */
export const needsPsk = ({ auth, clientAuth, clients }: GatewaySettings): boolean =>
  [auth, clientAuth].some(({ method }) => method === 'psk') ||
  clients.some((client) => isByPsk(client) && client.pskFile === undefined)

const isByPsk = ({ auth, clientAuth }: GatewaySettings['clients'][number]): boolean =>
  auth?.method === 'psk' || clientAuth?.method === 'psk'

type Proofs = Pick<ConnectionConfig, 'localIdentity' | 'authentication' | 'authenticationOf'>

/**
 * Who the gateway is, how it proves that, and how each client does. `staples`: what is said of its certificate. The key it reads out of `secrets.key` is held by
 * what it returns. Throws `VpnFailure` (`profileInvalid`).
 */
export function proofsOf(
  settings: GatewaySettings,
  secrets: GatewaySecrets,
  source: string,
  staples?: Pick<Staples, 'responses'>,
): Proofs {
  const proving = new Proving(settings, secrets, source, staples)
  try {
    return proving.proofs()
  } catch (thrown) {
    proving.close()
    throw thrown
  }
}

/**
 * How both ends prove themselves in IKEv1: everybody alike, for a key is chosen before it is known who asks; `undefined`
 * where IKEv1 knows no such way. RFC 2409 §5
 */
export function proofsV1(
  { ikev1, auth, clientAuth }: GatewaySettings,
  { psk }: GatewaySecrets,
  { authentication }: Pick<ConnectionConfig, 'authentication'>,
): Authentication | undefined {
  if (auth.method === 'psk' && clientAuth.method === 'psk' && ikev1?.hybrid !== true)
    return psk === undefined ? undefined : { method: 'psk', psk }
  if (auth.method !== 'certificate' || authentication.method !== 'each') return undefined
  const { ours, theirs } = authentication
  if (ikev1?.hybrid === true) return { method: 'each', ours, theirs: { method: 'xauth' } }
  return clientAuth.method === 'certificate' ? { method: 'each', ours, theirs } : undefined
}

type Pair = Extract<Authentication, { method: 'each' }>

class Proving {
  readonly #settings: GatewaySettings
  readonly #secrets: GatewaySecrets
  readonly #source: string
  readonly #staples: Pick<Staples, 'responses'> | undefined
  readonly #certificate: OurProof | undefined

  constructor(
    settings: GatewaySettings,
    secrets: GatewaySecrets,
    source: string,
    staples: Pick<Staples, 'responses'> | undefined,
  ) {
    this.#settings = settings
    this.#secrets = secrets
    this.#source = source
    this.#staples = staples
    this.#certificate = this.#ownCertificate()
  }

  proofs(): Proofs {
    const { auth, clientAuth, clients } = this.#settings
    const forAll = this.#pair(auth.method, clientAuth, this.#secrets.psk, '')
    const special = new Map<string, Pair>()
    for (const [at, client] of clients.entries()) {
      const field = `clients.${at}.`
      const psk = this.#secrets.clients.get(at) ?? this.#secrets.psk
      const key = keyOf(this.#identity(client.id, `${field}id`))
      if (special.has(key)) throw this.#invalid(`${field}id`, 'it stands there twice')
      special.set(
        key,
        this.#pair(client.auth?.method ?? auth.method, client.clientAuth ?? clientAuth, psk, field),
      )
    }
    return {
      localIdentity: this.#identity(this.#settings.id, 'id'),
      authentication: announced([forAll, ...special.values()]),
      authenticationOf: (client) => special.get(keyOf(client)) ?? forAll,
    }
  }

  close(): void {
    if (this.#certificate?.method === 'certificate') this.#certificate.key.secret.close()
  }

  #pair(
    ours: 'psk' | 'certificate' | 'eap',
    theirs: GatewayAuth,
    psk: Secret | undefined,
    field: string,
  ): Pair {
    const byPsk = (): { method: 'psk'; psk: Secret } => {
      if (psk === undefined) throw this.#invalid(`${field}pskFile`, 'it is missing')
      return { method: 'psk', psk }
    }
    if (ours === 'eap' || theirs.method === 'eap')
      throw this.#invalid(`${field}auth.method`, 'EAP is not there yet')
    if (ours === 'certificate' && this.#certificate === undefined) {
      throw this.#invalid(`${field}auth.method`, 'the gateway itself has no certificate')
    }
    return {
      method: 'each',
      ours: ours === 'psk' ? byPsk() : this.#certificate!,
      theirs: theirs.method === 'psk' ? byPsk() : this.#certificateOfClient(theirs, `${field}clientAuth`),
    }
  }

  #ownCertificate(): OurProof | undefined {
    const { auth, weak } = this.#settings
    if (auth.method !== 'certificate') return undefined
    const identity = this.#identity(this.#settings.id, 'id')
    const { certificate, intermediates, key } = this.#credential(auth.certificate)
    if (!certificateHas(certificate, identity, { commonName: false })) {
      key.secret.close()
      const names = namesOf(certificate).join(', ')
      throw this.#invalid('id', `the certificate is not for ${this.#settings.id} but for ${names}`)
    }
    return {
      method: 'certificate',
      chain: [certificate, ...intermediates],
      key,
      pss: auth.rsaPss,
      ocsp: () => this.#staples?.responses ?? [],
      weakSha1: weak.includes('sha1signature'),
    }
  }

  #credential(pem: string | undefined): Credential {
    const { key } = this.#secrets
    if (key === undefined) throw this.#invalid('keyFile', 'it is missing: a certificate needs its key')
    const read = key.use((octets) =>
      readCredential([...(pem === undefined ? [] : [new Uint8Array(Buffer.from(pem))]), octets]),
    )
    if (!read.ok) throw this.#invalid('keyFile', read.problem.problem)
    return read.credential
  }

  #certificateOfClient(auth: Extract<GatewayAuth, { method: 'certificate' }>, field: string): TheirProof {
    const { weak } = this.#settings
    if (auth.ca === SYSTEM_AUTHORITIES) {
      throw this.#invalid(
        `${field}.ca`,
        'the authorities that make certificates for clients are expected, in PEM',
      )
    }
    const read = <T>(what: readonly T[] | { readonly problem: string }, name: string): readonly T[] => {
      if ('problem' in what) throw this.#invalid(`${field}.${name}`, what.problem)
      return what
    }
    return {
      method: 'certificate',
      anchors: read(readPemCertificates(auth.ca), 'ca'),
      lists: auth.crl === undefined ? [] : read(readPemLists(auth.crl), 'crl'),
      revocation: auth.revocation,
      weak: { shortRsa: weak.includes('shortrsa'), sha1: weak.includes('sha1signature') },
      commonName: auth.commonName,
    }
  }

  #identity(text: string, field: string): Identity {
    const identity = parseIdentity(text)
    if ('problem' in identity) throw this.#invalid(field, identity.problem)
    return identity
  }

  #invalid(field: string, problem: string): VpnFailure {
    return new VpnFailure({ kind: 'profileInvalid', source: this.#source, field, problem })
  }
}

/** In words, so that nobody slips past what is asked of a name by saying it as another type of identity. */
const keyOf = (identity: Identity): string => describeIdentity(identity).toLowerCase()

/**
 * Before anybody has said who they are: certificates, if anybody has one. All authorities are asked for.
 * RFC 7296 §1.2, RFC 7427 §4
 */
function announced(pairs: readonly Pair[]): Authentication {
  const ours = pairs.find((pair) => pair.ours.method === 'certificate')?.ours ?? pairs[0]!.ours
  const certificates = pairs.flatMap(({ theirs }) => (theirs.method === 'certificate' ? [theirs] : []))
  const [first] = certificates
  if (first === undefined) return { method: 'each', ours, theirs: pairs[0]!.theirs }
  const anchors = certificates.flatMap((one) => (typeof one.anchors === 'function' ? [] : one.anchors))
  return { method: 'each', ours, theirs: { ...first, anchors: [...new Set(anchors)] } }
}
