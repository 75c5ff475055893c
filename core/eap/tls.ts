import { Secret } from '../bytes/secret.ts'
import type { TlsEstablished, TlsSetup } from '../crypto/tls.ts'
import { EapType } from '../iana/eap.ts'
import type { EapPeerConfig } from './config.ts'
import { broken, type PeerMethod, type ServerMethod } from './method.ts'
import type { EapServerConfig } from './server-config.ts'
import { type InnerAction, type InnerPeer, MSK_BYTES, TunnelPeer, tunnelExports } from './tunnel.ts'
import { type InnerServer, type InnerServerAction, TunnelServer } from './tunnel-server.ts'

// EAP-TLS, RFC 5216 and RFC 9190: both ends show certificates, and there is nothing inside.

const TYPE = EapType['EAP-TLS'].id
const LABEL = 'client EAP encryption'

/** In TLS 1.3 one octet of zero says that the server is content. RFC 9190 §2.5 */
const isCommitment = (data: Uint8Array): boolean => data.length === 1 && data[0] === 0

class TlsInnerPeer implements InnerPeer {
  #version: TlsEstablished['version'] | undefined
  complete = false

  begin({ version }: TlsEstablished): readonly InnerAction[] {
    this.#version = version
    // Before 1.3 the server's Finished is the end.
    if (version === 'TLSv1.2') this.complete = true
    return [{ do: 'acknowledge' }]
  }

  data(data: Uint8Array): readonly InnerAction[] {
    if (this.#version !== 'TLSv1.3' || this.complete || !isCommitment(data))
      return [broken('EAP-TLS with something inside', 'RFC 9190 §2.5')]
    this.complete = true
    return [{ do: 'acknowledge' }]
  }

  empty(): readonly InnerAction[] {
    return [broken('EAP-TLS goes on after its end', 'RFC 5216 §2.1.1')]
  }

  msk(tunnel: Secret): Secret {
    return firstOf(tunnel)
  }

  close(): void {}
}

export const firstOf = (tunnel: Secret): Secret =>
  tunnel.use((octets) => new Secret(octets.slice(0, MSK_BYTES)))

/** How a client begins; its certificate is shown where the method and the server want one. */
export const clientSetup = (
  config: EapPeerConfig,
  showCertificate: boolean,
  exports: TlsSetup['exports'],
): TlsSetup => ({
  role: 'client',
  versions: config.tls?.versions ?? ['TLSv1.2', 'TLSv1.3'],
  exports,
  ...(showCertificate && config.tls?.certificate !== undefined
    ? { certificate: config.tls.certificate }
    : {}),
})

export const serverSetup = (
  config: EapServerConfig,
  wantsCertificate: boolean,
  exports: TlsSetup['exports'],
): TlsSetup => ({
  role: 'server',
  versions: config.tls?.versions ?? ['TLSv1.2', 'TLSv1.3'],
  exports,
  wantsCertificate,
  ...(config.tls === undefined ? {} : { certificate: config.tls.certificate }),
})

export const tlsPeer = (config: EapPeerConfig): PeerMethod =>
  new TunnelPeer({
    title: 'EAP-TLS',
    setup: clientSetup(config, true, tunnelExports(TYPE, LABEL)),
    version: { ours: 0, exact: false },
    inner: new TlsInnerPeer(),
  })

class TlsInnerServer implements InnerServer {
  established({ version }: TlsEstablished): readonly InnerServerAction[] {
    return version === 'TLSv1.3' ? [{ do: 'write', data: Uint8Array.of(0) }] : [{ do: 'flush' }]
  }

  acknowledged(): readonly InnerServerAction[] {
    return [{ do: 'done' }]
  }

  data(): readonly InnerServerAction[] {
    return [broken('EAP-TLS with something inside', 'RFC 9190 §2.5')]
  }

  msk(tunnel: Secret): Secret {
    return firstOf(tunnel)
  }

  close(): void {}
}

export const tlsServer = (config: EapServerConfig): ServerMethod =>
  new TunnelServer({
    title: 'EAP-TLS',
    setup: serverSetup(config, true, tunnelExports(TYPE, LABEL)),
    inner: new TlsInnerServer(),
  })
