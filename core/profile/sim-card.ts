import { Secret } from '../bytes/secret.ts'
import { operatorVariant } from '../crypto/milenage.ts'
import { MilenageCard, type SimCard, tripletCard } from '../eap/sim-card.ts'

/** What the secret `card` holds, opened. `secrets`: to be closed when the card is not needed any more. */
export interface CardInHand {
  readonly card: SimCard
  readonly secrets: readonly Secret[]
}

const MOST_TRIPLETS = 1_000
const FIELDS: Readonly<Record<string, number>> = { k: 16, opc: 16, op: 16, sqn: 6 }

/**
 * A card written down: `k=… opc=…` (or `op=…`) in hex, with `sqn=…` where the network counts from elsewhere than zero;
 * or triplets for SIM, a line each: `RAND,SRES,Kc`, with the identity in front or without. Takes the secret over.
 */
export function readSimCard(secret: Secret): CardInHand | { readonly problem: string } {
  const text = secret.use((octets) => Buffer.from(octets).toString('latin1'))
  secret.close()
  return text.includes(',') ? readTriplets(text) : readMilenage(text)
}

function readMilenage(text: string): CardInHand | { readonly problem: string } {
  const values = new Map<string, Uint8Array>()
  for (const word of text.split(/[\s;]+/).filter((one) => one !== '')) {
    const [, name = '', hex = ''] = /^([a-z]+)[=:](?:0x)?([0-9a-f]*)$/i.exec(word) ?? []
    const size = FIELDS[name.toLowerCase()]
    if (size === undefined) return { problem: 'a card is written as k=… opc=… in hex, or as triplets' }
    if (hex.length !== 2 * size) return { problem: `${name} of a card has ${2 * size} hex digits` }
    values.set(name.toLowerCase(), new Uint8Array(Buffer.from(hex, 'hex')))
  }
  const [k, op] = [values.get('k'), values.get('op')]
  const opc = values.get('opc') ?? (k !== undefined && op !== undefined ? operatorVariant(k, op) : undefined)
  if (k === undefined || opc === undefined) return { problem: 'a card needs k, and opc or op' }
  const secrets = [new Secret(k), new Secret(opc)] as const
  return { card: new MilenageCard(...secrets, values.get('sqn') ?? new Uint8Array(6)), secrets }
}

function readTriplets(text: string): CardInHand | { readonly problem: string } {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '' && !line.startsWith('#'))
  if (lines.length > MOST_TRIPLETS) return { problem: `a card has at most ${MOST_TRIPLETS} triplets` }
  const triplets = lines.map((line) => {
    const words = line.split(',').map((word) => word.trim().replace(/^0x/i, ''))
    const [rand, sres, kc] = words.slice(-3).map((hex) => new Uint8Array(Buffer.from(hex, 'hex')))
    return rand?.length === 16 && sres?.length === 4 && kc?.length === 8 ? { rand, sres, kc } : undefined
  })
  const whole = triplets.filter((triplet) => triplet !== undefined)
  if (whole.length < lines.length)
    return { problem: 'a triplet is RAND, SRES and Kc: 32, 8 and 16 hex digits' }
  return { card: tripletCard(whole), secrets: [] }
}
