import { createCipheriv } from 'node:crypto'

// Milenage, 3GPP TS 35.206: what a SIM card computes, for those whose credentials are numbers in a file.

const BLOCK = 16

export interface Milenage {
  /** f1 and f1*: 8 octets each. `sqn`: 6 octets, `amf`: 2. */
  f1(
    rand: Uint8Array,
    sqn: Uint8Array,
    amf: Uint8Array,
  ): { readonly macA: Uint8Array; readonly macS: Uint8Array }
  /** f2 to f5. */
  f2345(rand: Uint8Array): {
    readonly res: Uint8Array
    readonly ck: Uint8Array
    readonly ik: Uint8Array
    readonly ak: Uint8Array
  }
  /** f5*: the AK that hides the number in AUTS. */
  f5star(rand: Uint8Array): Uint8Array
}

/** OPc of an operator's OP. TS 35.206 §4.1 */
export const operatorVariant = (k: Uint8Array, op: Uint8Array): Uint8Array => xor(encrypt(k, op), op)

/** `k` and `opc`: 16 octets each. */
export function milenage(k: Uint8Array, opc: Uint8Array): Milenage {
  const temp = (rand: Uint8Array): Uint8Array => encrypt(k, xor(rand, opc))
  /** E_K(rot(in ⊕ OPc, rotation) ⊕ c) ⊕ OPc, TEMP mixed in by the caller. */
  const out = (input: Uint8Array, rotation: number, c: number, mixed?: Uint8Array): Uint8Array => {
    const rotated = rotate(xor(input, opc), rotation)
    rotated[BLOCK - 1]! ^= c
    return xor(encrypt(k, mixed === undefined ? rotated : xor(rotated, mixed)), opc)
  }
  return {
    f1: (rand, sqn, amf) => {
      const in1 = Uint8Array.of(...sqn, ...amf, ...sqn, ...amf)
      const both = out(in1, 8, 0, temp(rand))
      return { macA: both.slice(0, 8), macS: both.slice(8) }
    },
    f2345: (rand) => {
      const t = temp(rand)
      const both = out(t, 0, 1)
      return { ak: both.slice(0, 6), res: both.slice(8), ck: out(t, 4, 2), ik: out(t, 8, 4) }
    },
    f5star: (rand) => out(temp(rand), 12, 8).slice(0, 6),
  }
}

function encrypt(key: Uint8Array, block: Uint8Array): Uint8Array {
  const cipher = createCipheriv('aes-128-cbc', key, new Uint8Array(BLOCK))
  return new Uint8Array(cipher.update(block))
}

export const xor = (a: Uint8Array, b: Uint8Array): Uint8Array => a.map((octet, i) => octet ^ b[i]!)

/** To the left, by octets. */
const rotate = (block: Uint8Array, octets: number): Uint8Array =>
  Uint8Array.of(...block.subarray(octets), ...block.subarray(0, octets))
