import { decodeEspContent, type EspContent, type EspPacket } from '../wire/esp.ts'
import { highHalf, inferSequence } from './esn.ts'
import type { ReplayWindow } from './replay-window.ts'
import type { EspSuite } from './suite.ts'

/** Why a packet was dropped. The sender never learns it; it is counted. RFC 4303 §3.4 */
export type OpenFault = 'malformed' | 'replayed' | 'failedIcv'

export type Opened =
  | { readonly ok: true; readonly content: EspContent; readonly sequence: bigint }
  /** `authentic`: the ICV was right, so the peer is alive even though the content is of no use. */
  | { readonly ok: false; readonly fault: OpenFault; readonly authentic: boolean }

/**
 * Replay check, ICV, window, decryption, trailer, in the order of RFC 4303 §3.4: nothing a forger
 * sends moves the window.
 */
export function open(suite: EspSuite, window: ReplayWindow, esn: boolean, packet: EspPacket): Opened {
  const ciphertextBytes = packet.body.length - suite.ivBytes - suite.icvBytes
  if (ciphertextBytes < 2 || ciphertextBytes % suite.blockBytes !== 0) return refused('malformed')

  const sequence = esn
    ? inferSequence(window.top, window.size, packet.sequenceLow)
    : BigInt(packet.sequenceLow)
  if (sequence === undefined || !window.check(sequence)) return refused('replayed')

  const iv = packet.body.subarray(0, suite.ivBytes)
  const sealed = packet.body.subarray(suite.ivBytes)
  const plaintext = suite.unprotect(packet.header, esn ? highHalf(sequence) : undefined, iv, sealed)
  if (plaintext === undefined) return refused('failedIcv')
  window.accept(sequence)

  const content = decodeEspContent(plaintext)
  if (!content.ok) return { ok: false, fault: 'malformed', authentic: true }
  return { ok: true, content: content.value, sequence }
}

const refused = (fault: OpenFault): Opened => ({ ok: false, fault, authentic: false })
