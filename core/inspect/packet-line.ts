import { toHex } from '../bytes/octets.ts'
import type { MessageLine } from '../contract/message.ts'
import { EapCode, EapType } from '../iana/eap.ts'
import { ExchangeType as ExchangeTypeV1, PayloadNumber as PayloadNumberV1 } from '../iana/ikev1.ts'
import { NotifyType as NotifyTypeV1 } from '../iana/ikev1-notify.ts'
import { ExchangeType, PayloadNumber } from '../iana/ikev2.ts'
import { NotifyType } from '../iana/ikev2-notify.ts'
import { nameOf, type Registry } from '../iana/registry.ts'
import type { Packet } from './decoder.ts'
import { E } from './fields/eap.ts'
import { G as G1, H as H1, MESSAGE as IKEV1 } from './fields/ikev1.ts'
import { FRAGMENT as FRAGMENT1, N as N1 } from './fields/ikev1-bodies.ts'
import { H as H2, MESSAGE as IKEV2, SK } from './fields/ikev2.ts'
import { N as N2 } from './fields/ikev2-payloads.ts'
import { AH, ESP } from './fields/packets.ts'
import { find, isMalformed, type Node, remarksOf, wordsOf } from './tree.ts'

/** A packet of a capture as a line of the inspector's list; nothing for one that is neither IKE nor ESP nor AH. */
export function packetLine(
  packet: Packet,
  number: number,
  direction: MessageLine['direction'],
  retransmission: boolean,
): MessageLine | undefined {
  const { root } = packet.tree
  const remarks = remarksOf(root)
  const problem = remarks.find((one) => isMalformed(one) || one.kind === 'wrongKey')?.text
  const parts = partsOf(packet)
  if (parts === undefined) return undefined
  // One literal: objects spread into each other cost more here than taking the packet apart.
  const line: MessageLine = {
    number,
    atMs: packet.atMs,
    direction,
    exchange: parts.exchange,
    messageId: parts.messageId,
    response: parts.response,
    retransmission,
    problem,
    payloads: parts.payloads,
    octets: parts.octets,
    sa: parts.sa,
  }
  return parts.refusal === undefined ? line : { ...line, refusal: parts.refusal }
}

interface PartsOfLine
  extends Pick<MessageLine, 'exchange' | 'messageId' | 'response' | 'payloads' | 'octets' | 'sa'> {
  readonly refusal: string | undefined
}

function partsOf({ bytes, tree: { root } }: Packet): PartsOfLine | undefined {
  const ike2 = find(root, IKEV2)
  if (ike2 !== undefined) return ikev2(ike2)
  const ike1 = find(root, IKEV1)
  if (ike1 !== undefined) return ikev1(ike1)
  const [ah, esp] = [find(root, AH.header), find(root, ESP.packet)]
  const outer = ah ?? esp
  if (outer === undefined) return undefined
  const { spi, sequence } = ah === undefined ? ESP : AH
  const spiNode = find(outer, spi)
  return {
    octets: bytes,
    exchange: [...(ah === undefined ? [] : ['AH']), ...(esp === undefined ? [] : ['ESP'])].join(', '),
    messageId: Number(find(outer, sequence)?.value ?? 0),
    response: false,
    sa: spiNode === undefined ? '' : wordsOf(spiNode),
    payloads: spiNode === undefined ? [] : [wordsOf(spiNode)],
    refusal: undefined,
  }
}

const numberIn = (node: Node, field: Node['field']): number => Number(find(node, field)?.value ?? 0)
const octetsIn = (node: Node, field: Node['field']): string => {
  const value = find(node, field)?.value
  return value instanceof Uint8Array ? toHex(value) : ''
}

function ikev2(message: Node): PartsOfLine {
  const { payloads, refusal } = payloadsOf(message, V2)
  return {
    octets: message.length,
    exchange: nameOf(ExchangeType, numberIn(message, H2.exchange)),
    messageId: numberIn(message, H2.messageId),
    response: numberIn(message, H2.response) === 1,
    sa: octetsIn(message, H2.initiatorSpi),
    payloads,
    refusal,
  }
}

/** Modes have no requests and responses: what the initiator sends first is none. RFC 2409 §5 */
function ikev1(message: Node): PartsOfLine {
  const { payloads, refusal } = payloadsOf(message, V1)
  return {
    octets: message.length,
    exchange: nameOf(ExchangeTypeV1, numberIn(message, H1.exchange)),
    messageId: numberIn(message, H1.messageId),
    response: false,
    sa: octetsIn(message, H1.initiatorCookie),
    payloads,
    refusal,
  }
}

/** Below it are errors in both versions. RFC 7296 §3.10.1, RFC 2408 §3.14.1 */
const FIRST_STATUS = 16_384
/** Groups whose payloads are those of the message. */
const TRANSPARENT: ReadonlySet<Node['field']> = new Set([
  G1.decrypted,
  SK.decrypted,
  SK.joined,
  FRAGMENT1.joined,
  IKEV1,
])
const ENCRYPTED: ReadonlySet<number> = new Set([PayloadNumber.SK.id, PayloadNumber.SKF.id])

/** In which numbers a version of IKE speaks. */
interface Numbers {
  readonly payloads: Registry
  readonly notify: Node['field']
  readonly notifies: Registry
  /** The payload that is a Notify. */
  readonly notifyNumber: number
}
const V1: Numbers = {
  payloads: PayloadNumberV1,
  notify: N1.type,
  notifies: NotifyTypeV1,
  notifyNumber: PayloadNumberV1.Notify.id,
}
const V2: Numbers = {
  payloads: PayloadNumber,
  notify: N2.type,
  notifies: NotifyType,
  notifyNumber: PayloadNumber.Notify.id,
}

function payloadsOf(
  message: Node,
  numbers: Numbers,
): { readonly payloads: readonly string[]; readonly refusal: string | undefined } {
  const payloads: string[] = []
  let refusal: string | undefined
  const notifyName = (node: Node): string | undefined => {
    const notify = find(node, numbers.notify)?.value
    if (typeof notify !== 'number') return undefined
    if (notify < FIRST_STATUS) refusal ??= nameOf(numbers.notifies, notify)
    return `N(${nameOf(numbers.notifies, notify)})`
  }
  const eapName = (node: Node): string | undefined => {
    const eap = find(node, E.code)?.value
    if (typeof eap !== 'number') return undefined
    const type = find(node, E.type)?.value
    const called = `EAP ${nameOf(EapCode, eap)}`
    if (eap === EapCode.Failure.id) refusal ??= called
    return typeof type === 'number' ? `${called}, ${nameOf(EapType, type)}` : called
  }
  const name = (node: Node, number: number): string => {
    const closer =
      number === numbers.notifyNumber
        ? notifyName(node)
        : number === PayloadNumber.EAP.id
          ? eapName(node)
          : undefined
    return closer ?? nameOf(numbers.payloads, number)
  }
  const collect = (node: Node): void => {
    for (const child of node.children) {
      const { field, value } = child
      if (TRANSPARENT.has(field)) collect(child)
      else if (field.wireshark === 'isakmp.typepayload' && typeof value === 'number') {
        const before = payloads.length
        const carries = numbers === V2 ? ENCRYPTED.has(value) : value === PayloadNumberV1.FRAGMENT.id
        if (carries) collect(child)
        if (payloads.length === before) payloads.push(name(child, value))
      }
    }
  }
  collect(message)
  return { payloads, refusal }
}
