const HALF = 1n << 32n
const HIGHEST = (1n << 64n) - 1n

/**
 * The whole 64-bit sequence number of a packet that shows only the low half: the one nearest to the
 * window, never below it. RFC 4303 appendix A2
 *
 * @param top highest sequence number accepted so far
 * @param windowSize in packets
 * @param low the 32 bits on the wire
 * @returns `undefined` when the only number that fits lies outside 0 … 2⁶⁴−1
 */
export function inferSequence(top: bigint, windowSize: number, low: number): bigint | undefined {
  const topHigh = top / HALF
  const topLow = top % HALF
  const bottom = topLow - BigInt(windowSize) + 1n
  const wireLow = BigInt(low)
  const high =
    bottom >= 0n
      ? // The window lies within one subspace: what is below it belongs to the next one.
        wireLow >= bottom
        ? topHigh
        : topHigh + 1n
      : // It spans two: what is above its wrapped bottom belongs to the one before.
        wireLow >= bottom + HALF
        ? topHigh - 1n
        : topHigh
  const sequence = high * HALF + wireLow
  return sequence < 0n || sequence > HIGHEST ? undefined : sequence
}

/** The half that is not sent but enters the ICV. RFC 4303 §2.2.1 */
export const highHalf = (sequence: bigint): number => Number(sequence >> 32n)
