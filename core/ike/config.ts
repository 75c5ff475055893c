import type { Secret } from '../bytes/secret.ts'
import type { Certificate } from '../cert/certificate.ts'
import type { CertificateWeakness } from '../cert/chain.ts'
import type { RevocationList } from '../cert/crl.ts'
import type { SigningKey } from '../cert/private-key.ts'
import type { RevocationMode } from '../cert/revocation.ts'
import type { Phase1Snapshot, Phase2Snapshot } from '../contract/snapshot.ts'
import type { EapPeerConfig } from '../eap/config.ts'
import type { EapQuestion } from '../eap/method.ts'
import type { EapServerConfig } from '../eap/server-config.ts'
import type { VpnError } from '../errors.ts'
import type { Endpoint } from '../net/plan.ts'
import type { TrafficSelector } from '../wire/ikev2/traffic-selector.ts'
import type { ExposedKeys } from './exposed-keys.ts'
import type { AssignedConfiguration, AssignedResolver, IkeCommand, ObservedMessage } from './session.ts'
import type { TicketMemory, TicketOffice } from './v2/tickets.ts'

/** An identity as it stands in IDi and IDr. RFC 7296 §3.5 */
export interface Identity {
  /** IANA ID Type: 1 IPv4, 2 FQDN, 3 RFC 822, 5 IPv6, 9 DN, 11 KEY_ID. */
  readonly type: number
  readonly data: Uint8Array
}

/** One transform we offer: IANA type 1 … 5, IANA id, and key length in bits where the attribute is needed. */
export interface OfferedTransform {
  readonly type: number
  readonly id: number
  readonly keyBits?: number
}

/** A proposal: alternatives of each type, in order of preference. RFC 7296 §3.3 */
export type OfferedProposal = readonly OfferedTransform[]

/** What protects packets, and whether around their payload or around the whole of them. RFC 4301 §3.2, §4.1 */
export interface Protection {
  /** What a client asks for. `ah+esp`: both on one packet, which only IKEv1 can agree on. */
  readonly protocol: 'esp' | 'ah' | 'ah+esp'
  /**
   * `transport`: that or nothing; `transportOrTunnel`: a tunnel where the peer does not want to. Either is between the two
   * ends of the path alone. RFC 7296 §1.3.1
   */
  readonly mode: 'tunnel' | 'transport' | 'transportOrTunnel'
}

/** How the two ends prove who they are. RFC 7296 §2.15 */
export type Authentication =
  /** One pre-shared key proves both. */
  | { readonly method: 'psk'; readonly psk: Secret }
  /** Each in its own way; the two need not be the same. */
  | {
      readonly method: 'each'
      readonly ours: OurProof
      readonly theirs: TheirProof
      /** As an initiator: what we prove after that, under a name of its own if it has one. RFC 4739 */
      readonly oursThen?: { readonly proof: OurEap; readonly identity?: Identity }
      /** As a responder: what the client has to prove after that. */
      readonly theirsThen?: TheirEap
    }

export type OurProof =
  | { readonly method: 'psk'; readonly psk: Secret }
  | {
      readonly method: 'certificate'
      /** Our own first, then what leads to an authority. */
      readonly chain: readonly Certificate[]
      readonly key: SigningKey
      /** RSASSA-PSS instead of PKCS#1 v1.5. */
      readonly pss: boolean
      /** Sign with SHA-1 for a peer that knows nothing else. */
      readonly weakSha1: boolean
      /** What OCSP responders said of the chain, DER: for a peer that asks. RFC 4806 */
      readonly ocsp?: () => readonly Uint8Array[]
    }
  /** Nothing in phase 1 of IKEv1: a name and a password follow. draft-ietf-ipsec-isakmp-hybrid-auth */
  | { readonly method: 'xauth' }
  | OurEap
  | EapAlone

export type TheirProof =
  | { readonly method: 'psk'; readonly psk: Secret }
  | ({ readonly method: 'certificate' } & CertificateTrust)
  | { readonly method: 'xauth' }
  | TheirEap
  | EapAlone

/** We are the client of an EAP conversation. RFC 7296 §2.16 */
export interface OurEap {
  readonly method: 'eap'
  readonly peer: EapPeerConfig
  /** Whom methods with TLS may talk to; left out: nobody. */
  readonly server?: TlsTrust
  /** All that `peer` holds, to be wiped at the end. */
  readonly secrets: readonly Secret[]
}

/** The client signs in by EAP, and we are the server. */
export interface TheirEap {
  readonly method: 'eap'
  readonly server: EapServerConfig
  /** Whose certificates count where the method has some; left out: nobody's. */
  readonly clients?: CertificateTrust
}

/** The EAP method proves this end of it too, and nothing else does. RFC 5998 */
export interface EapAlone {
  readonly method: 'eapAlone'
}

/** Whose certificates to believe. */
export interface CertificateTrust {
  /** Whom to believe; where they are too many to read them all, those that concern these certificates (DER). */
  readonly anchors: readonly Certificate[] | ((certificates: readonly Uint8Array[]) => readonly Certificate[])
  /** `off`: only `lists` count, and nobody is asked. */
  readonly revocation: RevocationMode
  readonly lists: readonly RevocationList[]
  /** Weak certificates, and with `sha1` weak signatures in AUTH, somebody allowed by name. */
  readonly weak: CertificateWeakness
  /** The common name counts as a host where there is no dNSName. */
  readonly commonName: boolean
}

/** The same for the server of TLS, which need not have the name of the gateway. */
export interface TlsTrust extends CertificateTrust {
  readonly identity: Identity
}

/** A post-quantum pre-shared key. RFC 8784, RFC 9867 */
export interface PpkConfig {
  /** Its name, as both ends know it: the octets of a PPK_ID_FIXED. RFC 8784 §5.1 */
  readonly id: Uint8Array
  readonly secret: Secret
  /** No connection without it. */
  readonly required: boolean
  /** Mixed in before IKE_AUTH where the peer can do that too, so that phase 1 is as safe; left out: no. RFC 9867 */
  readonly early?: boolean
}

/** What a responder hands out by CP: CIDR and numeric addresses. No address: INTERNAL_ADDRESS_FAILURE. RFC 7296 §3.15.4 */
export interface Assigned {
  readonly addresses: readonly string[]
  readonly dnsServers: readonly string[]
  /** What these servers know names of. */
  readonly domain?: string
  /** What alone those servers are for, A-labels; left out: everything. RFC 8598 */
  readonly dnsDomains?: readonly string[]
  /** Name servers that are asked through TLS. RFC 9464 */
  readonly encryptedDns?: readonly AssignedResolver[]
}

/** A client whose AUTH was right. */
export interface ProvenClient {
  readonly identity: Identity
  /** It knows of no other IKE SA with us: older ones of this identity are gone. RFC 7296 §2.4 */
  readonly initialContact: boolean
}

/** IKEv1 in what IKEv2 has no counterpart of. */
export interface IkeV1Config {
  /** Three messages instead of six, with identities in the clear; as a responder: taken too. RFC 2409 §5 */
  readonly aggressive?: boolean
  /** Left out: `ikeProposals`. What IKEv1 has no number for is passed over. */
  readonly ikeProposals?: readonly OfferedProposal[]
  /** Sign in after phase 1, with a name and a password. draft-beaulieu-ike-xauth */
  readonly xauth?: XauthConfig
  /** As a responder: give addresses before anybody asks; left out: no. draft-dukes-ike-mode-cfg §3.4 */
  readonly push?: boolean
}

export type XauthConfig =
  /** Ours, as a client. */
  | { readonly role: 'client'; readonly user: string; readonly password: Secret }
  /** Who may come in, as a gateway. */
  | XauthGatewayConfig

export interface XauthGatewayConfig {
  readonly role: 'gateway'
  /** Passwords by name. */
  readonly users: ReadonlyMap<string, Secret>
  /** Passwords do not travel: clients prove by CHAP that they have them; left out: no. RFC 1994 */
  readonly chap?: boolean
  /** A second question, for a code that is good for one time. */
  readonly codes?: OneTimeCodes
}

export interface OneTimeCodes {
  /** Whether this one is asked for a code. */
  has(name: string): boolean
  /** Whether it is right now; it is not a second time. */
  take(name: string, code: Uint8Array): boolean
}

/** Everything a session must know before the first message; it never changes during its life. Whoever runs it closes its secrets. */
export interface ConnectionConfig {
  /** Of IKE; `auto`: 2, and 1 where the gateway knows nothing else; left out: 2, and never anything else. */
  readonly version?: 1 | 2 | 'auto'
  /** Numeric address of the gateway. */
  readonly gatewayAddress: string
  /** The name the person typed, for messages. */
  readonly gatewayHost: string
  readonly localIdentity: Identity
  /** Whom we expect; undefined takes any identity (only with a pre-shared key, which proves itself). */
  readonly remoteIdentity: Identity | undefined
  /** Put it into our IDr, which a gateway without that very name may refuse; left out: yes. RFC 7296 §2.15 */
  readonly asksForIdentity?: boolean
  readonly authentication: Authentication
  /** As a responder: how this client and we prove ourselves; left out: like all. `authentication` is what IKE_SA_INIT announces. */
  readonly authenticationOf?: (client: Identity) => Authentication
  /** Announce and use method 14 where somebody signs; left out: yes. Without it we are a peer of before 2015. RFC 7427 */
  readonly digitalSignatures?: boolean
  /** As a responder: say in IKE_SA_INIT which proofs are taken; left out: no. Clients say theirs to who does. RFC 9593 */
  readonly announcesMethods?: boolean
  /** A key beside the others that keeps what was recorded safe from quantum computers. RFC 8784 */
  readonly ppk?: PpkConfig
  readonly ikeProposals: readonly OfferedProposal[]
  /** As a responder: none, and nobody gets ESP. */
  readonly espProposals: readonly OfferedProposal[]
  /** An integrity algorithm and sequence numbers each. As a responder: left out, and nobody gets AH. RFC 4302 */
  readonly ahProposals?: readonly OfferedProposal[]
  /** Left out: ESP in tunnel mode. */
  readonly protection?: Protection
  /** Ask for virtual addresses of these families by CP. RFC 7296 §2.19 */
  readonly requestAddresses: {
    readonly ipv4: boolean
    readonly ipv6: boolean
    /** Those we have had, CIDR: asked for by name, at most one of each family. RFC 7296 §3.15.1 */
    readonly preferred?: readonly string[]
  }
  /** Tell the gateway that we have no other IKE SA with it; left out: yes. RFC 7296 §2.4 */
  readonly initialContact?: boolean
  /** Our side when no address is requested (our own inner addresses). */
  readonly localSelectors: readonly TrafficSelector[]
  /** The other side we ask for: 0.0.0.0/0 and ::/0 unless the profile says less. */
  readonly remoteSelectors: readonly TrafficSelector[]
  /** As a responder: what a client that asks gets by CP; a function is asked once the client has proven who it is. */
  readonly assigns?: Assigned | ((client: ProvenClient) => Assigned)
  /** As a responder: every newcomer has to show a cookie. RFC 7296 §2.6 */
  readonly demandCookie?: boolean
  /** Large messages in fragments where the peer can do it too; left out: yes. RFC 7383 */
  readonly fragmentation?: boolean
  /** Octets of the IP datagrams such fragments go in, at least 576; left out: a size that fits nearly everywhere. */
  readonly fragmentDatagramBytes?: number
  /** As a client: whether everything goes over TCP, always or where UDP does not get through; left out: never. RFC 9329 §5 */
  readonly tcp?: { readonly use: 'fallback' | 'always'; readonly port: number }
  /** UDP encapsulation even where no NAT is found; else ESP goes as protocol 50 there. */
  readonly forceEncapsulation: boolean
  readonly lifetimes: {
    readonly ikeRekeySeconds: number
    readonly childRekeySeconds: number
    /** Prove who we are again after this time, even if the gateway does not ask for it; left out: never. */
    readonly reauthSeconds?: number
  }
  /** Seconds of silence before we ask; 0 never. */
  readonly dpdSeconds: number
  readonly keepaliveSeconds: number
  /** CHILD_SAs that stand at once, as far as the peer may make more of them; left out: 1 as a client, some as a responder. RFC 7296 §1.3.1 */
  readonly mostChildren?: number
  /**
   * As a client: make the first CHILD_SA by CREATE_CHILD_SA where the gateway can, so that it has a key exchange of its own.
   * As a responder: take clients that do. Left out: no. RFC 6023
   */
  readonly childless?: boolean
  /** As a client: where the ticket is kept with which an interrupted connection is taken up again; left out: none is asked for. RFC 5723 */
  readonly tickets?: TicketMemory
  /** As a responder: who makes such tickets and takes them; left out: nobody. */
  readonly ticketOffice?: TicketOffice
  /** As a client: follow a gateway that sends us to another one; left out: no. RFC 5685 */
  readonly redirect?: boolean
  /** As a responder: where clients are sent that can be, and in which exchange. RFC 5685 §3, §6 */
  readonly redirectsTo?: { readonly host: string; readonly in: 'IKE_SA_INIT' | 'IKE_AUTH' }
  /** As a responder: what proves to clients, after a restart too, that we have forgotten their IKE SAs; left out: nothing does. RFC 6290 */
  readonly crashSecret?: Secret
  /** The tunnel may go on from other addresses; left out: no. RFC 4555 */
  readonly mobike?: boolean
  /** What only IKEv1 asks. */
  readonly ikev1?: IkeV1Config
  /** Groups for CHILD_SAs made by CREATE_CHILD_SA, IANA ids, the most wanted first; none: no perfect forward secrecy. */
  readonly pfsGroups: readonly number[]
  /** A peer that refuses such a key exchange is not left for that: fresh keys come without. Left out: they do not. */
  readonly secrecyOptional?: boolean
}

/** Both ends of what carries IKE and ESP. */
export interface Path {
  readonly local: Endpoint
  readonly remote: Endpoint
}

/** What the manager hears from a running connection. */
export interface ConnectionListener {
  /** Something in {@link ConnectionView} changed. */
  changed(): void
  /**
   * Phase 1 and 2 stand. The manager brings the operating system to its plan and gives the device to the datapath. Said
   * again when a later authentication changed what was agreed.
   */
  established(
    configuration: AssignedConfiguration,
    remote: readonly TrafficSelector[],
    local: readonly TrafficSelector[],
  ): void
  /** It is over; `error` undefined after an orderly disconnect. */
  closed(error: VpnError | undefined): void
  /** `path`: between which addresses and ports it travelled, where it did. */
  message(message: ObservedMessage, path: Path | undefined): void
  note(text: string): void
  /**
   * The gateway wants to know something, until `untilMs` (Unix time). Resolves with the answer, whose receiver closes it,
   * or with `undefined` when the person does not want to. Rejects with `VpnFailure` where there is nobody to ask.
   */
  ask(question: EapQuestion, untilMs: number): Promise<Secret | undefined>
}

/** A running connection, as the manager holds it: `startConnection(…)` in driver.ts makes one. */
export interface Connection {
  /** Who carries its packets. */
  readonly engine: 'native' | 'typescript'
  command(command: IkeCommand): void
  /** Connects the datapath to this TUN descriptor; the connection reads and writes it from now on but does not close it. `kept`: packets that came from it before. */
  attachTun(fd: number, kept?: readonly Uint8Array[]): void
  /** The computer goes to sleep: silence means nothing, and no timer is due until `resume`. */
  pause(): void
  /** It is awake: the gateway is asked at once, and whatever waits for an answer has all its tries before it. */
  resume(): void
  view(): ConnectionView
  /** Copies of the keys in use, for a person who asked for them on purpose; the caller closes them. */
  keys(): ExposedKeys
  /** Ends at once, without telling the gateway; wipes keys. */
  close(): void
}

export interface ConnectionView {
  readonly state: 'phase1' | 'phase2' | 'connected' | 'disconnecting' | 'closed'
  readonly step: string
  readonly phase1: Phase1Snapshot | undefined
  readonly phase2: readonly Phase2Snapshot[]
  readonly rekeys: { readonly ike: number; readonly child: number }
  /** It can go on from another address of this computer. RFC 4555 */
  readonly movable?: boolean
}

/** Wipes all secrets of a configuration, which cannot be used afterwards. */
export function closeSecrets(config: Pick<ConnectionConfig, 'authentication' | 'ikev1' | 'ppk'>): void {
  const { authentication, ikev1, ppk } = config
  ppk?.secret.close()
  const proofs =
    authentication.method === 'each'
      ? [authentication.ours, authentication.theirs, authentication.oursThen?.proof]
      : [authentication]
  for (const proof of proofs) {
    if (proof === undefined) continue
    if (proof.method === 'psk') proof.psk.close()
    else if ('key' in proof) proof.key.secret.close()
    else if ('secrets' in proof) for (const secret of proof.secrets) secret.close()
  }
  const xauth = ikev1?.xauth
  if (xauth?.role === 'client') xauth.password.close()
  if (xauth?.role === 'gateway') for (const password of xauth.users.values()) password.close()
}
