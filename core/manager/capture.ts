import { concat } from '../bytes/octets.ts'
import { type CapturedPacket, udpPacket, writePcapng } from '../capture/pcapng.ts'
import type { CaptureFiles } from '../contract/capture.ts'
import type { MessageLine } from '../contract/message.ts'
import { VERSION } from '../contract/version.ts'
import { closeExposed, type ExposedKeys } from '../ike/exposed-keys.ts'
import { writeKeyTables } from '../inspect/write-key-tables.ts'
import type { MessageLog } from './message-log.ts'

/** In front of IKE messages where ESP goes the same way. RFC 3948 §2.2 */
const NON_ESP_MARKER = new Uint8Array(4)
const ENCAPSULATED = 4500

/** The messages of a connection as they travelled, and the keys of what stands, which are closed. */
export function captureOf(
  device: string,
  log: MessageLog,
  keys: ExposedKeys = { ikev1: [], ikev2: [], esp: [] },
): CaptureFiles {
  try {
    const datagrams = log.lines().flatMap((line) => datagramOf(log, line))
    return {
      pcapng: Buffer.concat([...writePcapng(`Culvert ${VERSION}`, device, datagrams)]).toString('base64'),
      messages: datagrams.length,
      ...writeKeyTables(keys),
    }
  } finally {
    closeExposed(keys)
  }
}

/** Nothing for a message that went in fragments: those are there themselves. */
function datagramOf(log: MessageLog, line: MessageLine): readonly CapturedPacket[] {
  const datagram = line.fragments === undefined ? log.datagram(line.number) : undefined
  if (datagram === undefined) return []
  const { local, remote } = datagram.path
  const [source, destination] = line.direction === 'out' ? [local, remote] : [remote, local]
  const marked = local.port === ENCAPSULATED || remote.port === ENCAPSULATED
  const payload = marked ? concat(NON_ESP_MARKER, datagram.bytes) : datagram.bytes
  const packet = udpPacket({ source, destination, payload })
  return [{ atMs: line.atMs, packet, comment: commentOn(line) }]
}

/** What the packet is, in words, also for who has no keys. */
function commentOn(line: MessageLine): string {
  const { number, exchange, response, retransmission, problem, payloads, fragment } = line
  const part = fragment === undefined ? '' : `, fragment ${fragment.number} of ${fragment.total}`
  return [
    `${number}: ${exchange} ${response ? 'response' : 'request'}${part}${retransmission ? ', sent again' : ''}`,
    ...(payloads.length === 0 ? [] : [payloads.join(', ')]),
    ...(problem === undefined ? [] : [problem]),
  ].join('\n')
}
