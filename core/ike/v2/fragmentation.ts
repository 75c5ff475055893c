import type { Millis } from '../../bytes/brands.ts'
import { concat } from '../../bytes/octets.ts'
import type { Endpoint } from '../../net/plan.ts'
import { encodeMessage, HEADER_BYTES, type Header } from '../../wire/ikev2/message.ts'
import type { SkfPayload, SkPayload } from '../../wire/ikev2/payload.ts'
import { CHOICE } from './numbers.ts'

/** The generic header of a payload. RFC 7296 §3.2 */
const PAYLOAD_HEADER_BYTES = 4

/** What fits behind the length and the non-ESP marker. RFC 9329 §3 */
const MOST_STREAM_BYTES = 0xffff - 2 - 4

/** How large our messages may be, in octets without IP, UDP and the non-ESP marker. */
export interface FragmentSizes {
  /** A larger message goes in fragments that are no larger than this. */
  readonly messageBytes: number
  /** The same once larger ones seem to get lost on the way. RFC 7383 §2.5.2 */
  readonly smallestBytes: number
}

/** Sizes towards an address. `datagramBytes`: IP datagrams to begin with. RFC 7383 §2.5.1 */
export function fragmentSizes(
  { address: remoteAddress, transport }: Endpoint,
  datagramBytes: number = CHOICE.datagramBytes,
): FragmentSizes {
  // A stream cuts messages by itself. RFC 9329 §7.5
  if (transport === 'tcp') return { messageBytes: MOST_STREAM_BYTES, smallestBytes: MOST_STREAM_BYTES }
  // IP and UDP headers and the non-ESP marker of RFC 3948 §2.2.
  const framing = (remoteAddress.includes(':') ? 40 : 20) + 8 + 4
  const smallestBytes = CHOICE.smallDatagramBytes - framing
  return { messageBytes: Math.max(datagramBytes - framing, smallestBytes), smallestBytes }
}

/** The content of an Encrypted payload in pieces of `room` octets, wherever the inner payloads begin. RFC 7383 §2.5 */
export function split(content: Uint8Array, room: number): Uint8Array[] {
  const pieces: Uint8Array[] = []
  for (let at = 0; at === 0 || at < content.length; at += room) pieces.push(content.subarray(at, at + room))
  return pieces
}

/**
 * IKE header and header of SK of the message that fragments carry, as they would be without fragments; the
 * decrypted content follows in thought only, so that no record of octets holds it. RFC 9242 §3.3.2 builds the same.
 */
export function unfragmentedHead(
  header: Header,
  first: number,
  content: Uint8Array,
  bits: Pick<SkfPayload, 'critical' | 'reserved'> = {},
): Uint8Array {
  const sk: SkPayload = {
    type: 'SK',
    first,
    body: content,
    bodyOffset: 0,
    ...(bits.critical === undefined ? {} : { critical: bits.critical }),
    ...(bits.reserved === undefined ? {} : { reserved: bits.reserved }),
  }
  return encodeMessage(header, [sk]).slice(0, HEADER_BYTES + PAYLOAD_HEADER_BYTES)
}

/** A message put together again. */
export interface Whole {
  /** Type of the first payload inside. */
  readonly first: number
  readonly content: Uint8Array
  readonly total: number
  /** Octets of the largest message that carried a part. */
  readonly largestBytes: number
  /** As {@link unfragmentedHead} gives it. */
  readonly head: Uint8Array
}

interface Started {
  readonly header: Header
  readonly total: number
  readonly at: Millis
  readonly parts: Map<number, Uint8Array>
  opening: SkfPayload | undefined
  contentBytes: number
  largestBytes: number
}

/**
 * Fragments of one message at a time, of one direction of one IKE SA. What it keeps has passed its
 * integrity check, is bounded in number, octets and time, and belongs to one Message ID. RFC 7383 §2.6
 */
export class Reassembly {
  #started: Started | undefined

  /** Why a fragment is to be dropped before anything is computed for it; `undefined`: it is wanted. */
  refusal(header: Header, skf: SkfPayload, now: Millis): string | undefined {
    this.expire(now)
    if (skf.fragment < 1 || skf.fragment > skf.total) return `fragment ${skf.fragment} of ${skf.total}`
    if (skf.total > CHOICE.mostFragments) return `${skf.total} fragments are too many`
    const started = this.#startedFor(header)
    if (started === undefined || skf.total > started.total) return undefined
    if (skf.total < started.total) return `of ${skf.total} fragments, of ${started.total} are awaited`
    if (header.exchange !== started.header.exchange) return 'a fragment of another exchange'
    return started.parts.has(skf.fragment) ? `fragment ${skf.fragment} is here already` : undefined
  }

  /**
   * Keeps a fragment that {@link refusal} let pass and that passed its integrity check. `content`: what was in it;
   * `messageBytes`: octets of the message that carried it. → the whole message once nothing is missing, or why
   * everything kept had to go.
   */
  add(
    header: Header,
    skf: SkfPayload,
    content: Uint8Array,
    messageBytes: number,
    now: Millis,
  ): Whole | string | undefined {
    let started = this.#startedFor(header)
    // More fragments than before: the sender took smaller ones, and pieces of two sizes do not fit together.
    if (started === undefined || skf.total > started.total) {
      started = {
        header,
        total: skf.total,
        at: now,
        parts: new Map(),
        opening: undefined,
        contentBytes: 0,
        largestBytes: 0,
      }
      this.#started = started
    }
    started.parts.set(skf.fragment, content.slice())
    started.contentBytes += content.length
    started.largestBytes = Math.max(started.largestBytes, messageBytes)
    if (skf.fragment === 1) started.opening = skf
    if (started.contentBytes > CHOICE.mostContentBytes) {
      this.clear()
      return `more than ${CHOICE.mostContentBytes} octets in fragments`
    }
    if (started.parts.size < started.total || started.opening === undefined) return undefined
    this.clear()
    return whole(started, started.opening)
  }

  /** Forgets what waited too long for the rest. */
  expire(now: Millis): void {
    if (this.#started !== undefined && now - this.#started.at >= CHOICE.reassemblyMs) this.clear()
  }

  clear(): void {
    this.#started = undefined
  }

  #startedFor(header: Header): Started | undefined {
    return this.#started?.header.messageId === header.messageId ? this.#started : undefined
  }
}

function whole(started: Started, opening: SkfPayload): Whole {
  const content = concat(...[...started.parts].sort(([a], [b]) => a - b).map(([, part]) => part))
  return {
    first: opening.first,
    content,
    total: started.total,
    largestBytes: started.largestBytes,
    head: unfragmentedHead(started.header, opening.first, content, opening),
  }
}
