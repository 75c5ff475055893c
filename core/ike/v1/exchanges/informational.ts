import { addressText } from '../../../bytes/address.ts'
import type { Millis } from '../../../bytes/brands.ts'
import { equal } from '../../../bytes/octets.ts'
import { isErrorType, NotifyType, SecurityProtocol } from '../../../iana/ikev1.ts'
import type { DeletePayload, NotifyPayload, Payload } from '../../../wire/ikev1/payload.ts'
import { spiNumber } from '../../v2/payloads.ts'
import { spisToSay } from '../child-sas.ts'
import type { Established } from '../established.ts'
import type { IsakmpSa } from '../isakmp-sa.ts'
import type { ChildSa } from '../negotiation.ts'
import { SPEC } from '../numbers.ts'
import { notify, notifyName } from '../payloads.ts'
import { type Named, readLife } from '../phase2-suite.ts'

/** What an Informational says whose HASH(1) fits. Nothing in it is answered but a query for life. RFC 2409 §5.7 */
export function onInformational(
  e: Established,
  sa: IsakmpSa,
  payloads: readonly Payload[],
  now: Millis,
): void {
  for (const payload of payloads) {
    // A delete may have taken the very SA along that the rest came by.
    if (sa.closed) return
    if (payload.type === 'Delete') onDelete(e, payload, now)
    if (payload.type === 'Notify') onNotify(e, sa, payload, now)
  }
}

function onDelete(e: Established, { protocol, spis }: DeletePayload, now: Millis): void {
  const deleted: ChildSa[] = []
  for (const spi of spis) {
    if (protocol === SecurityProtocol.ISAKMP.id) {
      const gone = e.sas.find((s) => equal(s.spi, spi))
      // An older one may be deleted through its successor, by the peer of both.
      if (gone !== undefined) e.onSaDeleted(gone, now)
    } else if (protocol === SecurityProtocol.ESP.id || protocol === SecurityProtocol.AH.id) {
      const number = spiNumber(spi)
      const which = protocol === SecurityProtocol.AH.id ? 'ah' : 'esp'
      // It is the sender's inbound SPI; some gateways name ours. Without the one the other protects nothing.
      const children = [...e.n.children.values()]
      const child =
        children.find((c) => c.spis[which]?.outbound === number) ??
        children.find((c) => c.spis[which]?.inbound === number)
      if (child !== undefined) {
        deleted.push(child)
        e.children.remove(child, now)
      }
    }
  }
  e.children.onDeleted(deleted, now)
}

function onNotify(e: Established, sa: IsakmpSa, n: NotifyPayload, now: Millis): void {
  switch (n.notify) {
    case NotifyType.R_U_THERE.id:
      // The number goes back as it came. RFC 3706 §5.4
      if (n.data.length === 4) e.inform(sa, [notify(NotifyType.R_U_THERE_ACK.id, sa.spi, n.data)])
      return
    case NotifyType.R_U_THERE_ACK.id:
      return e.onAlive(spiNumber(n.data), now)
    case NotifyType.UNITY_LOAD_BALANCE.id:
      if (n.data.length === 4 && n.data.some((octet) => octet !== 0)) e.onSentOn(addressText(n.data))
      return
    case NotifyType.INITIAL_CONTACT.id:
      // Some say so here and not in phase 1. Older ones of the same client go when it is given an address.
      if (!e.n.initiated && sa === e.current) e.n.facts.initialContact = true
      return
    case NotifyType.RESPONDER_LIFETIME.id:
      return onLifetime(e, sa, n, now)
    default:
      if (!isErrorType(n.notify)) return
      e.n.note(`the peer says ${notifyName(n.notify)}`)
      e.onRefusal(n.notify, now)
  }
}

/** The peer will not keep an SA as long as was agreed: it is renewed in time. Never later than before. RFC 2407 §4.6.3.1 */
function onLifetime(e: Established, sa: IsakmpSa, { protocol, spi, data }: NotifyPayload, now: Millis): void {
  if (protocol === SecurityProtocol.ISAKMP.id) return e.onPhase1Lifetime(sa, readLife(data, 1), now)
  const number = spi.length === 4 ? spiNumber(spi) : undefined
  const child = [...e.n.children.values()].find((c) => c.outboundSpi === number || c.inboundSpi === number)
  if (child !== undefined) e.children.shorten(child, readLife(data), now)
}

/** Says that SAs of ours are gone: each by its inbound SPI, in one payload for each protocol. RFC 2408 §3.15 */
export const deleteChildren = (children: readonly Pick<ChildSa, 'spis'>[]): Payload[] =>
  deletes(children.flatMap(({ spis }) => spisToSay(spis, 'inbound')))

export const deletes = (named: readonly Named[]): Payload[] =>
  [...new Set(named.map(({ protocol }) => protocol))].map((protocol) => ({
    type: 'Delete',
    doi: SPEC.doi,
    protocol,
    spiBytes: 4,
    spis: named.filter((one) => one.protocol === protocol).map(({ spi }) => spi),
  }))

/** Says that an ISAKMP SA is gone. RFC 2408 §3.15 */
export const deleteSa = (sa: IsakmpSa): Payload => ({
  type: 'Delete',
  doi: SPEC.doi,
  protocol: SecurityProtocol.ISAKMP.id,
  spiBytes: 16,
  spis: [sa.spi],
})
