import type { MessageLine } from '../contract/message.ts'
import { Spool } from './spool.ts'

/** Ours: messages kept of one connection, or read of one capture. */
export const MOST_MESSAGES = 100_000

export interface RecordsChoice {
  /** How many are kept at least before old ones make room. */
  readonly most?: number
  /** Where octets go that are too many for the memory. */
  readonly folder?: string | undefined
}

/** The octets of one message: as they travelled, decrypted, and whatever else belongs to them. */
export type Parts = readonly (Uint8Array | undefined)[]

/**
 * Messages in their order: a line of each in the memory, their octets put aside. The oldest make room, a tenth of all
 * at a time, with the file they are in.
 */
export class Records {
  readonly #most: number
  readonly #folder: string | undefined
  #lines: MessageLine[] = []
  #spools: Spool[] = []
  #next = 1
  #lengths = new DataView(new ArrayBuffer(0))

  constructor({ most = MOST_MESSAGES, folder }: RecordsChoice = {}) {
    this.#most = most
    this.#folder = folder
  }

  /** The number the next message gets; they count from 1 and are never used again. */
  get next(): number {
    return this.#next
  }

  /** The number of the oldest one that is kept. */
  get first(): number {
    return this.#next - this.#lines.length
  }

  add(line: MessageLine, parts: Parts): void {
    if (this.#lines.length % this.#each === 0) this.#begin()
    this.#lines.push(line)
    const present = parts.filter((part) => part !== undefined)
    this.#spools.at(-1)!.put(this.#lengthsOf(parts), ...present)
    this.#next += 1
  }

  /** Those with a number above `after`, oldest first. */
  lines(after = 0, most = Number.POSITIVE_INFINITY): readonly MessageLine[] {
    const from = Math.max(0, after + 1 - this.first)
    return this.#lines.slice(from, from + most)
  }

  line(number: number): MessageLine | undefined {
    return this.#lines[number - this.first]
  }

  /** The octets of one, good until the next call. */
  parts(number: number): Parts | undefined {
    const at = number - this.first
    if (at < 0) return undefined
    const record = this.#spools[Math.floor(at / this.#each)]?.get(at % this.#each)
    return record === undefined ? undefined : split(record)
  }

  close(): void {
    for (const spool of this.#spools) spool.close()
    this.#spools = []
    this.#lines = []
  }

  /** In front of the parts: how many there are, and the octets of each. Good until the next call. */
  #lengthsOf(parts: Parts): Uint8Array {
    const length = 1 + 4 * parts.length
    if (this.#lengths.byteLength < length) this.#lengths = new DataView(new ArrayBuffer(length))
    this.#lengths.setUint8(0, parts.length)
    for (const [at, part] of parts.entries()) this.#lengths.setUint32(1 + 4 * at, part?.length ?? ABSENT)
    return new Uint8Array(this.#lengths.buffer, 0, length)
  }

  get #each(): number {
    return Math.max(1, Math.floor(this.#most / 10))
  }

  #begin(): void {
    this.#spools.push(new Spool(this.#folder))
    if (this.#lines.length <= this.#most) return
    this.#lines = this.#lines.slice(this.#each)
    this.#spools.shift()?.close()
  }
}

const ABSENT = 0xffff_ffff

function split(record: Uint8Array): Parts {
  const view = new DataView(record.buffer, record.byteOffset, record.length)
  const count = view.getUint8(0)
  let at = 1 + 4 * count
  return Array.from({ length: count }, (_, index) => {
    const length = view.getUint32(1 + 4 * index)
    if (length === ABSENT) return undefined
    at += length
    // A copy: a slice of a Buffer would be none.
    return new Uint8Array(record.subarray(at - length, at))
  })
}
