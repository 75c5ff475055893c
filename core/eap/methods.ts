import { EapType } from '../iana/eap.ts'
import { akaPeer, akaPrimePeer } from './aka.ts'
import type { EapMethodName, EapPeerConfig } from './config.ts'
import { gtcPeer, gtcServer, otpPeer, otpServer } from './gtc.ts'
import { md5Peer, md5Server } from './md5.ts'
import type { PeerMethod, PeerTools, ServerMethod, ServerTools } from './method.ts'
import { mschapv2Peer } from './mschapv2.ts'
import { mschapv2Server } from './mschapv2-server.ts'
import { peapPeer } from './peap.ts'
import { peapServer } from './peap-server.ts'
import type { EapServerConfig } from './server-config.ts'
import { simPeer } from './sim.ts'
import { tlsPeer, tlsServer } from './tls.ts'
import { ttlsPeer } from './ttls.ts'
import { ttlsServer } from './ttls-server.ts'

/** What a method is and what it gives. RFC 3748 §7.2 */
export interface MethodInfo {
  readonly name: EapMethodName
  /** IANA method type. */
  readonly type: number
  /** The name IANA gives it. */
  readonly title: string
  /** It proves the server too. */
  readonly mutual: boolean
  /** It gives an MSK. */
  readonly key: boolean
  /** Who listens cannot try passwords at leisure. */
  readonly guessProof: boolean
  readonly peer: (config: EapPeerConfig, tools: PeerTools) => PeerMethod
  /** Left out: we are no server for it. */
  readonly server?: (config: EapServerConfig, user: string, tools: ServerTools) => ServerMethod
}

/** The strongest first: the order in which we ask for them. */
export const METHODS: readonly MethodInfo[] = [
  info('aka-prime', "EAP-AKA'", true, true, true, akaPrimePeer),
  info('aka', 'EAP-AKA', true, true, true, akaPeer),
  // The network proves itself by 128 bits at most, and old networks by less: not enough to stand alone.
  info('sim', 'EAP-SIM', true, true, false, simPeer),
  info('tls', 'EAP-TLS', true, true, true, tlsPeer, tlsServer),
  info('ttls', 'EAP-TTLS', true, true, true, ttlsPeer, ttlsServer),
  info('peap', 'PEAP', true, true, true, peapPeer, peapServer),
  info('mschapv2', 'EAP-MSCHAPv2', true, true, false, mschapv2Peer, mschapv2Server),
  info('gtc', 'GTC', false, false, false, gtcPeer, gtcServer),
  info('otp', 'OTP', false, false, false, otpPeer, otpServer),
  info('md5', 'MD5-Challenge', false, false, false, md5Peer, md5Server),
]

function info(
  name: EapMethodName,
  title: keyof typeof EapType,
  mutual: boolean,
  key: boolean,
  guessProof: boolean,
  peer: MethodInfo['peer'],
  server?: MethodInfo['server'],
): MethodInfo {
  const row = { name, type: EapType[title].id, title, mutual, key, guessProof, peer }
  return server === undefined ? row : { ...row, server }
}

/** The methods of a list, in our order. */
export const chosenMethods = (names: readonly EapMethodName[]): readonly MethodInfo[] =>
  METHODS.filter((method) => names.includes(method.name))

/**
 * Whether the gateway may leave out its own AUTH because the method proves it: mutual, with a key, and nothing to
 * guess at. RFC 5998 §4
 */
export const isSafeAlone = (method: MethodInfo): boolean => method.mutual && method.key && method.guessProof

/** Those of a list that are. */
export const safeAlone = (names: readonly EapMethodName[]): readonly EapMethodName[] =>
  chosenMethods(names)
    .filter(isSafeAlone)
    .map(({ name }) => name)
