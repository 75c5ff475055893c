/** A numbered packet of `lab stream`: when it left, and when its echo came; milliseconds since the first left. */
export interface StreamPacket {
  readonly sentMs: number
  readonly heardMs?: number
}

/** The lines of `lab stream`. */
export function streamIn(output: string): readonly StreamPacket[] {
  return [...output.matchAll(/^\d+ ([\d.]+) ([\d.]+|-)$/gm)].map(([, sent, heard]) => ({
    sentMs: Number(sent),
    ...(heard === '-' ? {} : { heardMs: Number(heard) }),
  }))
}

/** The longest time without traffic. */
export interface Silence {
  /** Packets lost one after the other. */
  readonly packets: number
  /** From when the first of them left until the first that was answered again left. */
  readonly ms: number
}

/**
 * The longest silence between two answered packets, by the packets' own times; and the longest time the sender itself
 * stood still, which is how busy this machine was.
 */
export function silenceIn(packets: readonly StreamPacket[]): Silence & { readonly stoodMs: number } {
  let longest: Silence = { packets: 0, ms: 0 }
  let since: number | undefined
  let stoodMs = 0
  for (const [at, { sentMs, heardMs }] of packets.entries()) {
    if (at > 0) stoodMs = Math.max(stoodMs, sentMs - packets[at - 1]!.sentMs)
    if (heardMs === undefined) {
      since ??= at
      continue
    }
    if (since !== undefined) {
      const ms = sentMs - packets[since]!.sentMs
      if (ms > longest.ms) longest = { packets: at - since, ms }
    }
    since = undefined
  }
  if (since !== undefined) {
    const ms = packets.at(-1)!.sentMs - packets[since]!.sentMs
    if (ms > longest.ms) longest = { packets: packets.length - since, ms }
  }
  return { ...longest, stoodMs }
}
