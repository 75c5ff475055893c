import { concat, toHex } from '../bytes/octets.ts'
import type { CryptoRegistry } from '../crypto/transforms.ts'
import type { Ikev2Header, Ikev2Help, Ikev2Opened } from './ikev2.ts'
import type { Ikev2Key } from './key-tables.ts'
import { Recent } from './recent.ts'
import type { RemarkKind } from './tree.ts'
import { unlock } from './unlock.ts'

/** Ours: messages in fragments that are not complete, and octets of each. RFC 7383 §2.6 leaves it to us. */
const CHOICE = { messages: 256, octets: 1 << 17, fragments: 512 } as const

interface Parts {
  readonly total: number
  readonly contents: Map<number, Uint8Array>
  first: number
  octets: number
}

/** What has to be remembered from one IKEv2 message to the next: keys by SPI, and fragments. */
export class Ikev2Memory implements Ikev2Help {
  readonly #registry: CryptoRegistry
  readonly #keys: ReadonlyMap<string, Ikev2Key>
  readonly #parts = new Recent<Parts>(CHOICE.messages)

  constructor(registry: CryptoRegistry, keys: readonly Ikev2Key[]) {
    this.#registry = registry
    this.#keys = new Map(keys.map((key) => [`${key.initiatorSpi} ${key.responderSpi}`, key]))
  }

  open(
    message: Uint8Array,
    { initiatorSpi, responderSpi, initiator }: Ikev2Header,
    at: number,
    end: number,
  ): Ikev2Opened | { readonly remark: RemarkKind; readonly text: string } {
    const key = this.#keys.get(`${toHex(initiatorSpi)} ${toHex(responderSpi)}`)
    if (key === undefined) return { remark: 'noKey', text: 'encrypted: there is no key for these SPIs' }
    const keys = initiator
      ? { encryption: key.ei, integrity: key.ai }
      : { encryption: key.er, integrity: key.ar }
    const opened = unlock(this.#registry, key, keys, {
      prefix: message.subarray(0, at),
      body: message.subarray(at, end),
    })
    if ('remark' in opened) return opened
    const { plaintext, ivBytes, icvBytes, checked } = opened
    const content = plaintext.length - 1 - (plaintext.at(-1) ?? 0)
    if (content < 0) return { remark: 'wrongKey', text: 'more padding than there are octets' }
    return { content: plaintext.subarray(0, content), ivBytes, icvBytes, checked }
  }

  join(
    header: Ikev2Header,
    { number, total, first, content }: { number: number; total: number; first: number; content: Uint8Array },
  ): { readonly first: number; readonly content: Uint8Array } | undefined {
    const { initiatorSpi, responderSpi, messageId, initiator, response } = header
    const name = `${toHex(initiatorSpi)} ${toHex(responderSpi)} ${messageId} ${initiator} ${response}`
    let parts = this.#parts.get(name)
    // A sender that cut anew, smaller, began from the start. RFC 7383 §2.6.1
    if (parts === undefined || parts.total < total) {
      parts = { total, contents: new Map(), first: 0, octets: 0 }
      this.#parts.set(name, parts)
    }
    if (total > CHOICE.fragments || total !== parts.total || parts.octets + content.length > CHOICE.octets)
      return undefined
    if (number === 1) parts.first = first
    if (!parts.contents.has(number)) parts.octets += content.length
    parts.contents.set(number, content.slice())
    if (parts.contents.size < total) return undefined
    this.#parts.delete(name)
    const ordered = Array.from({ length: total }, (_, i) => parts.contents.get(i + 1))
    return ordered.includes(undefined)
      ? undefined
      : { first: parts.first, content: concat(...(ordered as Uint8Array[])) }
  }
}
