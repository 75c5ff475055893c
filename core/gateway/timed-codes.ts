import { createHmac } from 'node:crypto'
import { equalConstantTime, utf8 } from '../bytes/octets.ts'
import type { Secret } from '../bytes/secret.ts'
import type { OneTimeCodes } from '../ike/config.ts'

/** RFC 6238 §4.1, §5.2; the digits that all apps show. */
const SPEC = { stepMs: 30_000, digits: 6 } as const
/** Ours: steps before and after, for clocks that differ and people who type slowly. RFC 6238 §6 */
const AROUND = 1

/** The code of one step of time. RFC 4226 §5.3, RFC 6238 §4.2 */
export function timedCode(key: Uint8Array, step: number, digits: number = SPEC.digits): string {
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(step))
  const mac = createHmac('sha1', key).update(counter).digest()
  const number = mac.readUInt32BE(mac.at(-1)! & 0x0f) & 0x7fff_ffff
  return String(number % 10 ** digits).padStart(digits, '0')
}

/** Codes of people who have an app, or a token, that shows another one every half minute. RFC 6238 */
export class TimedCodes implements OneTimeCodes {
  readonly #keys: ReadonlyMap<string, Secret>
  readonly #unixMs: () => number
  /** The latest step whose code was taken, by name: neither that one nor an older is good any more. RFC 6238 §5.2 */
  readonly #taken = new Map<string, number>()

  constructor(keys: ReadonlyMap<string, Secret>, unixMs: () => number) {
    this.#keys = keys
    this.#unixMs = unixMs
  }

  has(name: string): boolean {
    return this.#keys.has(name)
  }

  take(name: string, code: Uint8Array): boolean {
    const now = Math.floor(this.#unixMs() / SPEC.stepMs)
    for (let step = now - AROUND; step <= now + AROUND; step++) {
      const right = this.#keys.get(name)?.use((key) => timedCode(key, step))
      if (right === undefined || !equalConstantTime(utf8(right), code)) continue
      if (step <= (this.#taken.get(name) ?? -1)) return false
      this.#taken.set(name, step)
      return true
    }
    return false
  }
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** Octets of Base32 as apps take it, in any case, with or without padding and spaces; `undefined` for anything else. RFC 4648 §6 */
export function readBase32(text: string): Uint8Array | undefined {
  const letters = text.toUpperCase().replaceAll(/[\s=-]/g, '')
  if (letters === '') return undefined
  const out: number[] = []
  let [bits, value] = [0, 0]
  for (const letter of letters) {
    const at = ALPHABET.indexOf(letter)
    if (at < 0) return undefined
    value = ((value << 5) | at) & 0xfff
    bits += 5
    if (bits < 8) continue
    bits -= 8
    out.push((value >> bits) & 0xff)
  }
  return Uint8Array.from(out)
}
