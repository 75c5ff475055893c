import type { Packet } from './decoder.ts'
import { H as H1, MESSAGE as IKEV1 } from './fields/ikev1.ts'
import { H as H2, MESSAGE as IKEV2 } from './fields/ikev2.ts'
import { AH, ESP } from './fields/packets.ts'
import { find, type Node, titleOf, wordsOf } from './tree.ts'

/** What a packet is, in a line without numbers of octets: `IKE_AUTH request 1: SK`. */
export function summaryOf({ kind, tree: { root } }: Packet): string {
  const ike2 = find(root, IKEV2)
  if (ike2 !== undefined) {
    const exchange = nameOnly(find(ike2, H2.exchange))
    const response = find(ike2, H2.response)?.value === 1 ? 'response' : 'request'
    return `${exchange} ${response} ${find(ike2, H2.messageId)?.value ?? '?'}${payloadsOf(ike2)}`
  }
  const ike1 = find(root, IKEV1)
  if (ike1 !== undefined) {
    const id = find(ike1, H1.messageId)
    const message = id?.value === 0 || id === undefined ? '' : ` ${wordsOf(id)}`
    return `${nameOnly(find(ike1, H1.exchange))}${message}${payloadsOf(ike1)}`
  }
  const esp = find(root, ESP.packet)
  const ah = find(root, AH.header)
  const parts = [
    ...(ah === undefined ? [] : [`AH ${spiAndSequence(ah, AH)}`]),
    ...(esp === undefined ? [] : [`ESP ${spiAndSequence(esp, ESP)}`]),
  ]
  if (parts.length > 0) return parts.join(', ')
  return kind === 'keepalive' ? 'NAT-keepalive' : 'other'
}

const spiAndSequence = (node: Node, { spi, sequence }: typeof AH | typeof ESP): string => {
  const number = find(node, spi)
  return `${number === undefined ? '' : wordsOf(number)} ${find(node, sequence)?.value ?? ''}`
}

const nameOnly = (node: Node | undefined): string =>
  node === undefined ? 'a broken message' : wordsOf(node).replace(/^(.+) \(\d+\)$/, '$1')

function payloadsOf(message: Node): string {
  const names: string[] = []
  const collect = (node: Node): void => {
    for (const child of node.children) {
      if (child.field.wireshark === 'isakmp.typepayload') names.push(titleOf(child))
      if (['Decrypted payloads', 'Message of all fragments'].includes(child.field.name)) collect(child)
      else if (child.field.name.startsWith('Encrypted and')) collect(child)
    }
  }
  collect(message)
  return names.length === 0 ? '' : `: ${names.join(', ')}`
}

/** A packet for people: a headline, and unless `brief` its tree with the place of every field. */
export function formatPacket(packet: Packet, brief: boolean): string {
  const { number, atMs, source, destination, sourcePort, destinationPort, bytes } = packet
  const time = new Date(atMs).toISOString().slice(11, 23)
  const from = sourcePort === undefined ? source : `${source}.${sourcePort}`
  const to = destinationPort === undefined ? destination : `${destination}.${destinationPort}`
  const head = `${number}  ${time}  ${from} → ${to}  ${bytes} octets  ${summaryOf(packet)}`
  if (brief) return head
  const lines = [head]
  for (const child of packet.tree.root.children) addLines(lines, child, 1, packet)
  for (const { text } of packet.tree.root.remarks) lines.push(`  ! ${text}`)
  return lines.join('\n')
}

function addLines(lines: string[], node: Node, depth: number, packet: Packet): void {
  const indent = '  '.repeat(depth)
  const words = wordsOf(node)
  // A payload's number says nothing its name does not.
  const value = words === '' || node.field.wireshark === 'isakmp.typepayload' ? '' : `: ${words}`
  const layer = node.layer === 0 ? '' : `${packet.tree.layers[node.layer]!.name} `
  lines.push(`${indent}${titleOf(node)}${value}  [${layer}${node.at}+${node.length}]`)
  for (const { text } of node.remarks) lines.push(`${indent}  ! ${text}`)
  for (const child of node.children) addLines(lines, child, depth + 1, packet)
}
