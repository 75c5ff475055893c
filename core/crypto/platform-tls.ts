import { constants } from 'node:crypto'
import { Duplex } from 'node:stream'
import {
  type ConnectionOptions,
  connect,
  createSecureContext,
  type PeerCertificate,
  TLSSocket,
} from 'node:tls'
import { concat, NO_OCTETS } from '../bytes/octets.ts'
import { Secret } from '../bytes/secret.ts'
import type { VpnError } from '../errors.ts'
import type { TlsCertificate, TlsEstablished, TlsInput, TlsSetup, TlsTurn, TlsVersion } from './tls.ts'

/** Whether to believe the other end's certificates, DER, its own first; none: it showed none. */
export type TlsJudge = (chain: readonly Uint8Array[]) => VpnError | undefined | Promise<VpnError | undefined>

/** Rounds of the event loop without a sign of life after which TLS has done all it can with what it was given. */
const QUIET_ROUNDS = 6
/** More links than this are no chain. */
const MOST_CERTIFICATES = 16

/**
 * The platform's TLS over octets in memory, one turn at a time. What it wants to send is held back until the other
 * end's certificate was judged, so that neither our certificate nor anything after it reaches somebody unknown.
 */
export class PlatformTls {
  readonly #setup: TlsSetup
  readonly #judge: TlsJudge
  readonly #pipe: Pipe
  #socket: TLSSocket | undefined
  #activity = 0
  #data: Uint8Array[] = []
  #shaken = false
  #told = false
  #judged = false
  #problem: VpnError | undefined

  constructor(setup: TlsSetup, judge: TlsJudge) {
    this.#setup = setup
    this.#judge = judge
    this.#pipe = new Pipe(() => this.#activity++)
  }

  /** Never rejects: whatever goes wrong is the turn's `problem`. */
  async turn(input: Omit<TlsInput, 'setup'>): Promise<TlsTurn> {
    try {
      this.#socket ??= this.#open()
      if (input.receive !== undefined && input.receive.length > 0) this.#pipe.push(input.receive)
      if (input.send !== undefined) this.#socket.write(input.send)
    } catch (error) {
      this.#fail(error)
    }
    await this.#settle()
    return this.#result()
  }

  close(): void {
    this.#socket?.destroy()
    this.#pipe.destroy()
  }

  #open(): TLSSocket {
    const { role } = this.#setup
    const socket = role === 'client' ? connect(this.#clientOptions()) : this.#serverSocket()
    socket.on(role === 'client' ? 'secureConnect' : 'secure', () => {
      this.#activity++
      this.#shaken = true
      // A server that starts all over has nothing new to say.
      socket.disableRenegotiation()
    })
    socket.on('data', (data: Buffer) => {
      this.#activity++
      this.#data.push(new Uint8Array(data))
    })
    socket.on('error', (error) => this.#fail(error))
    socket.on('close', () => this.#activity++)
    return socket
  }

  #clientOptions(): ConnectionOptions {
    return {
      socket: this.#pipe,
      // Judged here, with the names and rules of the profile, and before anything of ours is sent.
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
      ca: [],
      // Servers of strongSwan 5 do not know RFC 5746. Nobody renegotiates here: what the attack needs cannot happen.
      secureOptions: constants.SSL_OP_LEGACY_SERVER_CONNECT ?? 0,
      ...this.#common(),
    }
  }

  #serverSocket(): TLSSocket {
    return new TLSSocket(this.#pipe, {
      isServer: true,
      // Nobody resumes here, so tickets need not carry the client's certificate around.
      secureContext: createSecureContext({ ...this.#common(), secureOptions: constants.SSL_OP_NO_TICKET }),
      requestCert: this.#setup.wantsCertificate === true,
      rejectUnauthorized: false,
    })
  }

  #common(): { minVersion: TlsVersion; maxVersion: TlsVersion; cert?: string; key?: Buffer } {
    const { versions, certificate } = this.#setup
    const limits = {
      minVersion: versions.includes('TLSv1.2') ? 'TLSv1.2' : 'TLSv1.3',
      maxVersion: versions.includes('TLSv1.3') ? 'TLSv1.3' : 'TLSv1.2',
    } as const
    return certificate === undefined ? limits : { ...limits, ...pemOf(certificate) }
  }

  async #settle(): Promise<void> {
    let seen = this.#activity
    for (let quiet = 0; quiet < QUIET_ROUNDS; quiet++) {
      await new Promise((resolve) => setImmediate(resolve))
      if (this.#activity === seen) continue
      seen = this.#activity
      quiet = -1
    }
  }

  async #result(): Promise<TlsTurn> {
    const output = this.#pipe.takeWritten()
    const data = concat(...this.#data.splice(0))
    if (this.#problem === undefined) await this.#judgeOther(output.length > 0)
    // After a fault of the protocol there may be an alert to deliver; to somebody we don't believe we owe none.
    if (this.#problem !== undefined) {
      const silent = this.#problem.kind === 'certificateRefused' || this.#problem.kind === 'gatewayIdMismatch'
      return { output: silent ? NO_OCTETS : output, data: NO_OCTETS, problem: this.#problem }
    }
    if (!this.#shaken || this.#told) return { output, data }
    this.#told = true
    return { output, data, established: this.#established() }
  }

  async #judgeOther(sends: boolean): Promise<void> {
    const { role, wantsCertificate } = this.#setup
    if (this.#judged || (role === 'server' && wantsCertificate !== true)) return
    const chain = chainOf(this.#socket)
    // Before the handshake has ended there may be no certificate yet; nothing of ours is in the first flight.
    if (chain.length === 0 && !this.#shaken) return
    if (!this.#shaken && !sends) return
    this.#judged = true
    this.#problem = await this.#judge(chain)
  }

  #established(): TlsEstablished {
    const socket = this.#socket!
    const version = socket.getProtocol() as TlsVersion
    // The platform's types want a context; without one is something else than with an empty one. RFC 5705 §4
    type Exporter = (bytes: number, label: string, context?: Uint8Array) => Buffer
    const exporter = socket.exportKeyingMaterial.bind(socket) as Exporter
    const exported = this.#setup
      .exports(version)
      .map(({ bytes, label, context }) =>
        context === undefined ? exporter(bytes, label) : exporter(bytes, label, Buffer.from(context)),
      )
    return { version, exported: exported.map((octets) => new Secret(octets)) }
  }

  #fail(error: unknown): void {
    this.#activity++
    this.#problem ??= {
      kind: 'protocol',
      exchange: 'TLS',
      problem: problemOf(error),
      reference: 'RFC 5246, RFC 8446',
    }
  }
}

/** Both ends of a wire, in memory. */
class Pipe extends Duplex {
  readonly #onWrite: () => void
  #written: Uint8Array[] = []

  constructor(onWrite: () => void) {
    super()
    this.#onWrite = onWrite
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#written.push(new Uint8Array(chunk))
    this.#onWrite()
    done()
  }

  takeWritten(): Uint8Array {
    return concat(...this.#written.splice(0))
  }
}

/** What the other end showed, from its own certificate towards its authority. */
function chainOf(socket: TLSSocket | undefined): readonly Uint8Array[] {
  const chain: Uint8Array[] = []
  let next: PeerCertificate | undefined = socket?.getPeerCertificate(true)
  const seen = new Set<PeerCertificate>()
  while (next?.raw !== undefined && !seen.has(next) && chain.length < MOST_CERTIFICATES) {
    seen.add(next)
    chain.push(new Uint8Array(next.raw))
    next = 'issuerCertificate' in next ? (next.issuerCertificate as PeerCertificate) : undefined
  }
  return chain
}

function pemOf({ chain, key }: TlsCertificate): { cert: string; key: Buffer } {
  const pem = (label: string, der: Uint8Array): string => {
    const lines =
      Buffer.from(der)
        .toString('base64')
        .match(/.{1,64}/g) ?? []
    return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
  }
  return {
    cert: chain.map((der) => pem('CERTIFICATE', der)).join(''),
    key: key.use((der) => Buffer.from(pem('PRIVATE KEY', der))),
  }
}

/** `error:0A000412:SSL routines::sslv3 alert bad certificate:…` → `alert bad certificate` */
function problemOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  const alert = /alert [a-z ]+/.exec(text)
  if (alert !== null) return `the other end says: ${alert[0].trim()}`
  // OpenSSL's own words, where the runtime has taken them apart.
  const { reason } = error as { readonly reason?: unknown }
  if (typeof reason === 'string') return reason
  const after = /:(?:SSL|OPENSSL)[^:]*:[^:]*:([^:]+)/.exec(text)
  return after?.[1]?.trim() ?? text
}
