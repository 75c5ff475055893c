/** A generator of numbers that gives the same ones for the same seed, so that a find can be made again (xorshift32). */
export class Dice {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0 || 1
  }

  /** From 0 to `sides` - 1. */
  roll(sides: number): number {
    let x = this.#state
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    this.#state = x >>> 0
    return this.#state % sides
  }

  pick<T>(items: readonly T[]): T {
    return items[this.roll(items.length)] as T
  }
}

/** What parsers stumble over. */
const TOKENS = [
  ...[
    '',
    '\0',
    '\n',
    '\r\n',
    '\n\n',
    ' ',
    '\t',
    '"',
    "'",
    '\\',
    '{',
    '}',
    '[',
    ']',
    '<',
    '>',
    '</',
    '&',
    ';',
    ':',
    '=',
    '#',
  ],
  ...['-1', '0', '65536', '4294967296', '999999999999999999999', '1e999', 'NaN', 'null', 'true', '0x', '0s'],
  ...[
    '%any',
    '%default',
    'include *',
    'also=a',
    '../',
    '__proto__',
    'constructor',
    '<![CDATA[',
    ']]>',
    '<!--',
    '&#0;',
    '&a;',
  ],
  ...[
    '10.0.0.0/33',
    '::/0',
    '255.255.0.255',
    '0.0.0.0/0',
    'ü',
    '\u2028',
    '\ufeff',
    '-----BEGIN CERTIFICATE-----',
  ],
].map((token) => Buffer.from(token))

/** Octets a few steps away from `seed`: changed, cut, doubled, mixed with `other`. */
export function mutate(seed: Uint8Array, other: Uint8Array, dice: Dice): Uint8Array {
  let bytes = Buffer.from(seed)
  for (let steps = 1 + dice.roll(6); steps > 0; steps -= 1) bytes = step(bytes, other, dice)
  return new Uint8Array(bytes.subarray(0, 1 << 18))
}

function step(bytes: Buffer<ArrayBuffer>, other: Uint8Array, dice: Dice): Buffer<ArrayBuffer> {
  const at = dice.roll(bytes.length + 1)
  const length = dice.roll(Math.min(64, bytes.length - at) + 1)
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)]
  switch (dice.roll(8)) {
    case 0:
      return Buffer.concat([before, Buffer.of(dice.roll(256)), after.subarray(1)])
    case 1:
      return Buffer.concat([before, after.subarray(length)])
    case 2:
      return Buffer.concat([before, after.subarray(0, length), after])
    case 3:
      return Buffer.concat([before, dice.pick(TOKENS), after])
    case 4:
      return Buffer.concat([before, dice.pick(TOKENS), after.subarray(length)])
    case 5:
      return Buffer.from(before)
    case 6: {
      const from = dice.roll(other.length + 1)
      return Buffer.concat([before, other.subarray(from, from + dice.roll(200)), after])
    }
    default:
      return Buffer.concat([before, ...new Array(1 + dice.roll(40)).fill(after.subarray(0, length)), after])
  }
}
