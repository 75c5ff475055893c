import type { CaptureState } from '../../core/contract/capture.ts'
import { thousands } from './figures.ts'

// The sentences of captures.

export const CAPTURE = {
  title: 'A capture',
  open: 'Open a capture…',
  close: 'Close it',
  reading: 'Being read.',
  nothing: 'There is no IKE, ESP or AH in it.',
  drop: 'Drop a capture here (pcap or pcapng, also gzipped), with Wireshark’s tables of keys beside it if you have them.',
  first: 'First',
  second: 'Second',
} as const

/** `41 messages in 120 packets, 2 tables of keys`. */
export function captureLine({ messages, packets, keys, reading }: CaptureState): string {
  const tables = keys === 0 ? 'without keys' : keys === 1 ? 'one table of keys' : `${keys} tables of keys`
  return `${reading ? 'Reading: ' : ''}${thousands(messages)} messages in ${thousands(packets)} packets, ${tables}`
}

/** What is not shown, and why. */
export const captureNotes = ({ problem, full, sampled, messages }: CaptureState): readonly string[] => [
  ...(problem === undefined ? [] : [problem]),
  ...(full ? [`Only the first ${thousands(messages)} messages are shown.`] : []),
  ...(sampled === 0
    ? []
    : [
        `Of each SA the first ${thousands(1000)} packets are shown; ${thousands(sampled)} more went the same way.`,
      ]),
]
