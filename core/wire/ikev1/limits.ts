/** Ours: what no honest peer reaches, and what keeps a dishonest one from keeping us busy. */
export const LIMITS = {
  payloads: 64,
  proposals: 64,
  /** In one SA payload. */
  transforms: 250,
  /** Octets of zeros behind the payloads of a message in the clear: alignment to four, as some stacks send. */
  clearPadding: 3,
} as const
