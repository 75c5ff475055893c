import type { Secret } from '../../bytes/secret.ts'
import type { Outcome, Report } from './report.ts'

/** One way to prove oneself; several stand for rounds, in order. */
export type SignIn =
  | 'psk'
  | 'certificate'
  | 'eap'
  | 'eap-mschapv2'
  | 'eap-md5'
  | 'eap-gtc'
  | 'eap-tls'
  | 'eap-ttls'
  | 'eap-peap'
  | 'eap-peap-tls'
  | 'eap-sim'
  | 'eap-aka'
  | 'xauth'
  | 'hybrid'
  | 'raw-key'
  | 'smartcard'
  | 'agent'
  | 'none'

/** How the gateway proves itself. */
export type GatewayProof = 'psk' | 'certificate' | 'eap' | 'raw-key' | 'none'

/** Names under which secrets go to the keychain. */
export type SecretName = 'psk' | 'password' | 'key' | 'passphrase' | 'pin' | 'ppk'

/**
 * All that any format can say of a connection, in our words. Units stand in the names; suites are spelled as in
 * `core/profile/suites.ts`, identities as `parseIdentity` reads them, certificates are DER.
 */
export interface Slots {
  name: string
  /** The file's own lasting name of the connection. */
  uuid: string
  version: 'auto' | 1 | 2
  auth: readonly SignIn[]
  gatewayAuth: GatewayProof
  host: string
  otherHosts: readonly string[]
  port: number
  aggressive: boolean
  localId: string
  remoteId: string
  /** Who signs in by EAP or XAuth. */
  user: string
  aaaId: string
  ownCertificates: readonly Uint8Array[]
  caCertificates: readonly Uint8Array[]
  gatewayCertificates: readonly Uint8Array[]
  /** Names, besides the remote ID, that the gateway's certificate must have. */
  gatewayNames: readonly string[]
  sendCertificateRequest: boolean
  revocation: 'off' | 'if-possible' | 'strict'
  rsaPss: boolean
  ikeProposals: readonly string[]
  espProposals: readonly string[]
  ahProposals: readonly string[]
  pfs: boolean
  ikeRekeySeconds: number
  reauthSeconds: number
  childRekeySeconds: number
  childRekeyOctets: number
  dpdSeconds: number
  keepaliveSeconds: number
  mode: 'tunnel' | 'transport'
  ipcomp: boolean
  sha256Truncated: boolean
  replayWindow: number
  /** Ask the gateway for inner addresses of these families. */
  requestAddresses: { readonly ipv4: boolean; readonly ipv6: boolean }
  /** Own inner networks. */
  localSubnets: readonly string[]
  remoteSubnets: readonly string[]
  /** Ports and protocols inside the selectors, as written. */
  selectorPorts: readonly string[]
  excludedSubnets: readonly string[]
  /** Everything, or only what the gateway or the file names. */
  fullTunnel: boolean
  dnsServers: readonly string[]
  dnsSearch: readonly string[]
  /** Domains whose names are asked of the tunnel's servers only. */
  dnsMatch: readonly string[]
  dnsFromGateway: boolean
  mtu: number
  allowLan: boolean
  forceEncapsulation: boolean
  natTraversal: boolean
  fragmentation: boolean
  mobike: boolean
  redirect: boolean
  childless: 'no' | 'allow' | 'prefer' | 'force'
  /** RFC 9329. */
  tcp: { readonly use: 'always' | 'fallback'; readonly port: number }
  ppkId: string
  ppkRequired: boolean
  postQuantum: readonly string[]
  onDemand: boolean
  /** The first packet that belongs into the tunnel opens it. */
  openedByTraffic: boolean
  idleSeconds: number
  /** Traffic of this family that the tunnel does not carry is dropped. */
  blockIpv4: boolean
  blockIpv6: boolean
  proxy: string
  vendor: string
}

export type SlotName = keyof Slots

/** A key of the draft's own file, or one of a file beside it. */
export type Field = string | { readonly file: string; readonly field: string }

/** A value and the keys of the file it came from. */
export interface Said<T> {
  readonly value: T
  readonly fields: readonly Field[]
}

export interface SaidSecret {
  readonly secret: Secret
  readonly field: Field
}

/** What one file says of one connection: slots filled by an importer, each with the key it came from. */
export class Draft {
  /** The file, for messages. */
  readonly file: string
  /** In front of every key in the report, e.g. `connections.home.`. */
  readonly prefix: string
  readonly report: Report
  readonly #slots = new Map<SlotName, Said<unknown>>()
  readonly #joined = new Map<SlotName, Field[]>()
  readonly #secrets = new Map<SecretName, SaidSecret>()
  readonly #warnings: string[] = []
  #refusal: string | undefined

  constructor(file: string, report: Report, prefix = '') {
    this.file = file
    this.prefix = prefix
    this.report = report
  }

  /** Fills a slot; the last one to speak has it. */
  say<K extends SlotName>(slot: K, value: Slots[K], ...fields: readonly Field[]): void {
    for (const field of fields) this.mention(field)
    this.#slots.set(slot, { value, fields })
  }

  /** Adds to a list. */
  add<K extends SlotName>(slot: K, values: Slots[K] & readonly unknown[], ...fields: readonly Field[]): void {
    const before = this.#slots.get(slot) as Said<readonly unknown[]> | undefined
    this.say(
      slot,
      [...(before?.value ?? []), ...values] as unknown as Slots[K],
      ...(before?.fields ?? []),
      ...fields,
    )
  }

  /** A key that another one gave its meaning: it shares the fate of the slot. */
  join(slot: SlotName, field: Field): void {
    this.mention(field)
    this.#joined.set(slot, [...(this.#joined.get(slot) ?? []), field])
  }

  said<K extends SlotName>(slot: K): Said<Slots[K]> | undefined {
    const said = this.#slots.get(slot) as Said<Slots[K]> | undefined
    const joined = this.#joined.get(slot)
    if (said === undefined || joined === undefined) return said
    return { value: said.value, fields: [...said.fields, ...joined] }
  }

  value<K extends SlotName>(slot: K): Slots[K] | undefined {
    return this.said(slot)?.value
  }

  /** Takes over `secret`; the last one of a name stays. */
  hide(name: SecretName, secret: Secret, field: Field): void {
    this.mention(field)
    const before = this.#secrets.get(name)
    if (before !== undefined) {
      before.secret.close()
      this.mark(before.field, 'ignored', 'another one is more to the point')
    }
    this.#secrets.set(name, { secret, field })
  }

  /** Takes a secret away again. */
  forget(name: SecretName): void {
    this.#secrets.get(name)?.secret.close()
    this.#secrets.delete(name)
  }

  /** Empties slots that another key switches off. */
  unsay(slots: readonly SlotName[], reason: string): void {
    for (const slot of slots) {
      for (const field of this.said(slot)?.fields ?? []) this.mark(field, 'ignored', reason)
      this.#slots.delete(slot)
    }
  }

  get secrets(): ReadonlyMap<SecretName, SaidSecret> {
    return this.#secrets
  }

  /** The connection cannot be used at all. The first reason stands: it is told in one sentence. */
  refuse(reason: string): void {
    this.#refusal ??= reason
  }

  get refusal(): string | undefined {
    return this.#refusal
  }

  /** Something about this file that weakens security and that no slot shows. A sentence. */
  warn(sentence: string): void {
    if (!this.#warnings.includes(sentence)) this.#warnings.push(sentence)
  }

  get warnings(): readonly string[] {
    return this.#warnings
  }

  mention(field: Field): void {
    const place = this.placeOf(field)
    this.report.mention(place.file, place.field)
  }

  mark(field: Field, outcome: Outcome, reason?: string): void {
    const place = this.placeOf(field)
    this.report.mark(place.file, place.field, outcome, reason)
  }

  /** Where a key stands, for messages. */
  placeOf(field: Field): { readonly file: string; readonly field: string } {
    return typeof field === 'string' ? { file: this.file, field: this.prefix + field } : field
  }

  close(): void {
    for (const { secret } of this.#secrets.values()) secret.close()
  }
}
