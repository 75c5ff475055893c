import { concat } from '../bytes/octets.ts'
import { tcpPacket, udpPacket } from '../capture/ip-packets.ts'
import { type CapturedPacket, writePcapng } from '../capture/pcapng.ts'
import type { CaptureFiles } from '../contract/capture.ts'
import type { MessageLine } from '../contract/message.ts'
import { VERSION } from '../contract/version.ts'
import { frame, STREAM_PREFIX } from '../esp/tcp-encapsulation.ts'
import type { Path } from '../ike/config.ts'
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
    const streams = new Streams()
    const datagrams = log.lines().flatMap((line) => packetOf(log, line, streams))
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
function packetOf(log: MessageLog, line: MessageLine, streams: Streams): readonly CapturedPacket[] {
  const datagram = line.fragments === undefined ? log.datagram(line.number) : undefined
  if (datagram === undefined) return []
  const { path, bytes } = datagram
  const { local, remote } = path
  const [source, destination] = line.direction === 'out' ? [local, remote] : [remote, local]
  const inTcp = local.transport === 'tcp'
  const marked = inTcp || local.port === ENCAPSULATED || remote.port === ENCAPSULATED
  const payload = marked ? concat(NON_ESP_MARKER, bytes) : bytes
  const packet = inTcp
    ? streams.packet(path, line.direction, payload)
    : udpPacket({ source, destination, payload })
  return [{ atMs: line.atMs, packet, comment: commentOn(line) }]
}

/** The TCP connections of a capture, without what was not kept: that they were opened, and the ESP on them. RFC 9329 */
class Streams {
  readonly #sent = new Map<string, { out: number; in: number }>()

  packet({ local, remote }: Path, direction: MessageLine['direction'], message: Uint8Array): Uint8Array {
    const name = `${local.address} ${local.port} ${remote.address} ${remote.port}`
    const isNew = !this.#sent.has(name)
    const sent = this.#sent.get(name) ?? { out: 1, in: 1 }
    this.#sent.set(name, sent)
    const framed = frame(message)
    const payload = isNew && direction === 'out' ? concat(STREAM_PREFIX, framed) : framed
    const [source, destination] = direction === 'out' ? [local, remote] : [remote, local]
    const acknowledgement = direction === 'out' ? sent.in : sent.out
    const packet = tcpPacket({ source, destination, payload }, { sequence: sent[direction], acknowledgement })
    sent[direction] = (sent[direction] + payload.length) >>> 0
    return packet
  }
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
