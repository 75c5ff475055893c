import { concat, NO_OCTETS } from '../bytes/octets.ts'
import type { TlsFragment } from '../wire/eap/tls-fragment.ts'
import { CHOICE } from './numbers.ts'

export type Arrival =
  /** Nothing but "go on". */
  | { readonly what: 'acknowledgement' }
  /** A part; the next one has to be asked for. */
  | { readonly what: 'part' }
  | { readonly what: 'message'; readonly octets: Uint8Array }
  | { readonly what: 'broken'; readonly problem: string }

/** TLS messages in fragments, both ways, one at a time. RFC 5216 §2.1.5 */
export class TlsMessages {
  readonly #version: number
  #parts: Uint8Array[] = []
  #received = 0
  #announced: number | undefined
  #outgoing: Uint8Array = NO_OCTETS

  constructor(version: number) {
    this.#version = version
  }

  /** What a fragment of the other end brings. Nothing is set aside for what it merely announces. */
  receive({ start, more, length, data }: TlsFragment): Arrival {
    if (start) return broken('a start in the middle')
    if (this.#outgoing.length > 0)
      return data.length > 0 || more
        ? broken('an answer before our message was whole')
        : { what: 'acknowledgement' }
    if (more && data.length === 0) return broken('a fragment without data')
    if (length !== undefined && length > CHOICE.tlsMessageBytes)
      return broken(`a message of ${length} octets`)
    if (length !== undefined && this.#announced !== undefined && length !== this.#announced)
      return broken('a message that changes its length')
    if (this.#parts.length === 0 && !more && data.length === 0) return { what: 'acknowledgement' }
    this.#announced ??= length
    this.#received += data.length
    if (this.#received > Math.min(this.#announced ?? CHOICE.tlsMessageBytes, CHOICE.tlsMessageBytes))
      return broken('a message longer than announced')
    this.#parts.push(data.slice())
    if (more) return { what: 'part' }
    const octets = concat(...this.#parts)
    if (this.#announced !== undefined && octets.length !== this.#announced)
      return broken('a message shorter than announced')
    this.#parts = []
    this.#received = 0
    this.#announced = undefined
    return { what: 'message', octets }
  }

  /** The first, or only, fragment of a message of ours; nothing: an acknowledgement. */
  send(message: Uint8Array): TlsFragment {
    this.#outgoing = message
    // Windows Server 2008 wants the length even where there is but one fragment.
    return message.length === 0 ? this.acknowledgement : { ...this.#part(), length: message.length }
  }

  /** The next one, once the last was acknowledged; `undefined`: there is none. */
  next(): TlsFragment | undefined {
    return this.#outgoing.length === 0 ? undefined : this.#part()
  }

  get acknowledgement(): TlsFragment {
    return { start: false, more: false, version: this.#version, data: NO_OCTETS }
  }

  #part(): TlsFragment {
    const data = this.#outgoing.subarray(0, CHOICE.fragmentBytes)
    this.#outgoing = this.#outgoing.subarray(data.length)
    return { start: false, more: this.#outgoing.length > 0, version: this.#version, data }
  }
}

const broken = (problem: string): Arrival => ({ what: 'broken', problem })
