import { createHmac } from 'node:crypto'
import { addressBytes } from '../bytes/address.ts'
import type { Millis } from '../bytes/brands.ts'
import { concat, equalConstantTime } from '../bytes/octets.ts'
import type { Random } from '../bytes/random.ts'
import { NotifyType } from '../iana/ikev2-notify.ts'
import type { Endpoint } from '../net/plan.ts'
import type { Message } from '../wire/ikev2/message.ts'

/** Ours: a cookie is good for this long, and for as long again. */
const ROTATE_MS = 60_000

/**
 * Cookies of a whole gateway: a newcomer must show that it receives what is sent to its address, before anything is
 * computed or kept for it. `<version of the secret> | HMAC(secret, Ni | IPi | SPIi)`, as RFC 7296 §2.6 proposes.
 */
export class Cookies {
  readonly #random: Random
  #secrets: readonly { readonly version: number; readonly key: Uint8Array }[] = []
  #renewAt = Number.NEGATIVE_INFINITY

  constructor(random: Random) {
    this.#random = random
  }

  /** The cookie this request has to come with. */
  make(message: Message, from: Endpoint, now: Millis): Uint8Array {
    this.#rotate(now)
    const { version, key } = this.#secrets[0]!
    return cookie(version, key, message, from)
  }

  /** Whether the request came with a cookie of ours, made for it, not long ago. */
  isShown(message: Message, from: Endpoint, now: Millis): boolean {
    const first = message.payloads[0]
    // It stands first, so that it can be looked at before anything else. RFC 7296 §2.6
    if (first?.type !== 'Notify' || first.notify !== NotifyType.COOKIE.id) return false
    this.#rotate(now)
    const secret = this.#secrets.find(({ version }) => version === first.data[0])
    return (
      secret !== undefined && equalConstantTime(first.data, cookie(secret.version, secret.key, message, from))
    )
  }

  #rotate(now: Millis): void {
    if (now < this.#renewAt) return
    const version = ((this.#secrets[0]?.version ?? 0) + 1) & 0xff
    // One that was not renewed in time is too old by now.
    const before = now < this.#renewAt + ROTATE_MS ? this.#secrets.slice(0, 1) : []
    this.#secrets = [{ version, key: this.#random.bytes(32) }, ...before]
    this.#renewAt = now + ROTATE_MS
  }
}

function cookie(version: number, key: Uint8Array, message: Message, from: Endpoint): Uint8Array {
  const nonce = message.payloads.find((payload) => payload.type === 'Nonce')?.nonce ?? new Uint8Array(0)
  const bound = concat(nonce, addressBytes(from.address), message.header.initiatorSpi)
  return concat(Uint8Array.of(version), createHmac('sha256', key).update(bound).digest())
}
