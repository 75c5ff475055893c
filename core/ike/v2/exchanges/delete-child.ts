import type { Millis } from '../../../bytes/brands.ts'
import { ExchangeType } from '../../../iana/ikev2.ts'
import type { DeletePayload } from '../../../wire/ikev2/payload.ts'
import type { ChildSa } from '../child-sa.ts'
import type { Established } from '../established.ts'
import { spiBytes, spiNumber } from '../payloads.ts'
import type { AskedChild } from './child-exchange.ts'
import { protocolOf } from './child-offer.ts'

/** `SK {D}` with our inbound SPI: our half of a CHILD_SA; it goes when the answer comes. RFC 7296 §1.4.1 */
export function deleteChild(e: Established, child: ChildSa, now: Millis): void {
  const { n } = e
  if (child.state === 'deleting' || e.children.deferred(child, 'delete')) return
  child.state = 'deleting'
  n.clearTimer(`child-rekey:${child.inboundSpi}`)
  askDelete(e, protocolOf(child.suite), child.inboundSpi, now, {
    wanted: () => n.children.has(child.inboundSpi),
    sent: () => {
      child.deleteSent = true
    },
    done: (at) => {
      e.children.remove(child, at)
      e.children.check(at)
    },
  })
}

/** Takes back what the peer made for a request of ours whose answer is of no use: it knows the SA by our SPI. RFC 7296 §1.4.1 */
export const deleteUnmade = (
  e: Established,
  { protocol, inboundSpi }: Pick<AskedChild, 'protocol' | 'inboundSpi'>,
  now: Millis,
): void =>
  askDelete(e, protocol, inboundSpi, now, {
    wanted: () => true,
    sent: () => {},
    done: (at) => e.children.check(at),
  })

function askDelete(
  e: Established,
  protocol: number,
  inboundSpi: number,
  now: Millis,
  on: { wanted(): boolean; sent(): void; done(at: Millis): void },
): void {
  const spis = [spiBytes(inboundSpi)]
  e.ask(
    e.current,
    {
      label: 'INFORMATIONAL delete',
      exchange: ExchangeType.INFORMATIONAL.id,
      concerns: 'child',
      build: () => {
        if (!on.wanted()) return undefined
        on.sent()
        return [{ type: 'Delete', protocol, spiBytes: 4, spis }]
      },
      onReply: (_, at) => on.done(at),
    },
    now,
  )
}

/** `halves`: our inbound SPIs of what was deleted, but for an SA we are deleting ourselves. RFC 7296 §1.4.1 */
export function onDeleteChild(
  e: Established,
  d: DeletePayload,
  now: Millis,
): { readonly halves: readonly Uint8Array[]; readonly gone: readonly ChildSa[] } {
  const halves: Uint8Array[] = []
  const gone: ChildSa[] = []
  for (const spi of d.spis) {
    const child = [...e.n.children.values()].find(
      (c) => c.outboundSpi === spiNumber(spi) && protocolOf(c.suite) === d.protocol,
    )
    if (child === undefined) continue
    if (child.deleteSent !== true) halves.push(spiBytes(child.inboundSpi))
    if (child.state !== 'deleting') gone.push(child)
    e.children.remove(child, now)
  }
  return { halves, gone }
}
