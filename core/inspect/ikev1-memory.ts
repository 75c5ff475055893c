import { concat, toHex } from '../bytes/octets.ts'
import type { Secret } from '../bytes/secret.ts'
import type { CipherInfo, CryptoRegistry } from '../crypto/transforms.ts'
import { HASHES, type HashInfo } from '../ike/v1/hash-algorithms.ts'
import { decrypt, exchangeIv, firstIv, lastBlock } from '../ike/v1/protect.ts'
import { PHASE_1_ATTRIBUTES } from './fields/ikev1-attributes.ts'
import { KE } from './fields/ikev1-bodies.ts'
import type { Ikev1Header, Ikev1Help } from './ikev1.ts'
import type { Ikev1Key } from './key-tables.ts'
import { Recent } from './recent.ts'
import { find, type RemarkKind, type Tree } from './tree.ts'

/** Ours: SAs, exchanges of each, messages in fragments and octets of each. */
const CHOICE = { sas: 256, exchanges: 64, repeats: 16, messages: 64, octets: 1 << 16 } as const

/** Numbers of phase 1 → IANA id of the cipher of IKEv2 that is the same. */
const CIPHERS: ReadonlyMap<number, number> = new Map([
  [5, 3],
  [7, 12],
  [8, 23],
])

interface Sa {
  cipher: CipherInfo | undefined
  hash: HashInfo | undefined
  initiatorKe: Uint8Array | undefined
  responderKe: Uint8Array | undefined
  /** The IV of the next message of phase 1; afterwards what the IVs of exchanges are made of. */
  phase1Iv: Uint8Array | undefined
  /** By Message ID. */
  readonly ivs: Recent<Uint8Array>
  /** What was decrypted before, by its last octets and Message ID: a repetition has the IV of its first time. */
  readonly seen: Recent<Uint8Array>
}

interface Parts {
  readonly data: Map<number, Uint8Array>
  last: number | undefined
  octets: number
}

const MAIN_AND_AGGRESSIVE = [2, 4]

/** What has to be remembered from one IKEv1 message to the next: algorithms, key exchange, IVs, and fragments. */
export class Ikev1Memory implements Ikev1Help {
  readonly #registry: CryptoRegistry
  readonly #keys: ReadonlyMap<string, Secret>
  readonly #sas = new Recent<Sa>(CHOICE.sas)
  readonly #parts = new Recent<Parts>(CHOICE.messages)

  constructor(registry: CryptoRegistry, keys: readonly Ikev1Key[]) {
    this.#registry = registry
    this.#keys = new Map(keys.map(({ initiatorCookie, key }) => [initiatorCookie, key]))
  }

  /** Learns what a message in the clear tells: the chosen algorithms and the public values. */
  learn({ initiatorCookie, responderCookie, exchange, encrypted }: Ikev1Header, { root }: Tree): void {
    if (encrypted || !MAIN_AND_AGGRESSIVE.includes(exchange)) return
    const sa = this.#sa(toHex(initiatorCookie))
    const { values } = PHASE_1_ATTRIBUTES
    const cipher = find(root, values[1]!)?.value
    const hash = find(root, values[2]!)?.value
    if (typeof cipher === 'number') {
      const row = this.#registry.encryption.get(CIPHERS.get(cipher) ?? -1)
      sa.cipher = row === undefined || row.aead ? undefined : row
    }
    if (typeof hash === 'number') sa.hash = HASHES.get(hash)
    const ke = find(root, KE)?.value
    if (!(ke instanceof Uint8Array)) return
    const fromResponder = sa.initiatorKe !== undefined && toHex(sa.initiatorKe) !== toHex(ke)
    // Copies: otherwise the whole capture they are a piece of would be kept.
    if (fromResponder && responderCookie.some((octet) => octet !== 0)) sa.responderKe ??= ke.slice()
    else sa.initiatorKe ??= ke.slice()
  }

  open(
    message: Uint8Array,
    { initiatorCookie, messageId }: Ikev1Header,
    check: (plaintext: Uint8Array) => boolean,
  ): { readonly plaintext: Uint8Array } | { readonly remark: RemarkKind; readonly text: string } {
    const cookie = toHex(initiatorCookie)
    const key = this.#keys.get(cookie)
    if (key === undefined) return { remark: 'noKey', text: 'encrypted: there is no key for this cookie' }
    const sa = this.#sa(cookie)
    const { cipher, hash, initiatorKe, responderKe } = sa
    if (
      cipher === undefined ||
      hash === undefined ||
      initiatorKe === undefined ||
      responderKe === undefined
    ) {
      return {
        remark: 'incomplete',
        text: 'the messages that agreed on algorithms and exchanged keys are not here',
      }
    }
    const ciphertext = message.subarray(28)
    const name = `${messageId} ${toHex(ciphertext.subarray(-16))}`
    const known = sa.seen.get(name)
    if (known !== undefined) return { plaintext: known }
    sa.phase1Iv ??= firstIv(hash, initiatorKe, responderKe, cipher.blockBytes)
    const fresh = messageId === 0 ? sa.phase1Iv : exchangeIv(hash, sa.phase1Iv, messageId)
    const iv = messageId === 0 ? fresh : (sa.ivs.get(`${messageId}`) ?? fresh)
    const plaintext = safely(() => decrypt(cipher, key, iv, ciphertext))
    if (plaintext === undefined)
      return { remark: 'badLength', text: 'no whole number of blocks, or a key that does not fit' }
    if (!check(plaintext))
      return {
        remark: 'wrongKey',
        text: 'nonsense comes out: another key, or a message before it is not here',
      }
    const next = lastBlock(ciphertext, cipher.blockBytes)
    if (messageId === 0) sa.phase1Iv = next
    else sa.ivs.set(`${messageId}`, next)
    sa.seen.set(name, plaintext)
    return { plaintext }
  }

  join(
    { initiatorCookie, responderCookie }: Ikev1Header,
    { id, number, last, data }: { id: number; number: number; last: boolean; data: Uint8Array },
  ): Uint8Array | undefined {
    const name = `${toHex(initiatorCookie)} ${toHex(responderCookie)} ${id}`
    const parts = this.#parts.get(name) ?? { data: new Map<number, Uint8Array>(), last: undefined, octets: 0 }
    this.#parts.set(name, parts)
    if (parts.octets + data.length > CHOICE.octets) return undefined
    if (!parts.data.has(number)) parts.octets += data.length
    parts.data.set(number, data.slice())
    if (last) parts.last = number
    if (parts.last === undefined || parts.data.size < parts.last) return undefined
    const ordered = Array.from({ length: parts.last }, (_, i) => parts.data.get(i + 1))
    if (ordered.includes(undefined)) return undefined
    this.#parts.delete(name)
    return concat(...(ordered as Uint8Array[]))
  }

  #sa(cookie: string): Sa {
    const known = this.#sas.get(cookie)
    if (known !== undefined) return known
    const sa: Sa = {
      cipher: undefined,
      hash: undefined,
      initiatorKe: undefined,
      responderKe: undefined,
      phase1Iv: undefined,
      ivs: new Recent(CHOICE.exchanges),
      seen: new Recent(CHOICE.repeats),
    }
    this.#sas.set(cookie, sa)
    return sa
  }
}

/** A cipher refuses a key of the wrong length by throwing; here that is just another wrong key. */
function safely<T>(work: () => T | undefined): T | undefined {
  try {
    return work()
  } catch {
    return undefined
  }
}
