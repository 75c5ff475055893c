import type { Millis } from '../../../bytes/brands.ts'
import type { VpnError } from '../../../errors.ts'
import { SecurityProtocol } from '../../../iana/ikev2.ts'
import { NotifyType } from '../../../iana/ikev2-notify.ts'
import { nameOf } from '../../../iana/registry.ts'
import type { Payload } from '../../../wire/ikev2/payload.ts'
import type { Established } from '../established.ts'
import type { IkeSa } from '../ike-sa.ts'
import type { Path } from '../mobility.ts'
import { all, errorOf } from '../payloads.ts'
import { ourProof, proofWords } from '../proof.ts'
import { authLifetime } from '../reauthentication.ts'
import { redirectOf } from '../redirect.ts'
import { ticketNotify } from '../resumption.ts'
import { onDeleteChild } from './delete-child.ts'

/** The answer to a request, and what follows once it is sent. */
export interface Answer {
  readonly payloads: readonly Payload[]
  readonly after?: (now: Millis) => void
  /** With this answer the IKE SA is over. RFC 7296 §2.21.3 */
  readonly fatal?: VpnError
}

/** An INFORMATIONAL request: deletes, notifies, or nothing but a sign of life. RFC 7296 §1.4 */
export function onInformational(
  e: Established,
  sa: IkeSa,
  payloads: readonly Payload[],
  path: Path,
  now: Millis,
): Answer {
  const deletes = all(payloads, 'Delete')
  if (deletes.some((d) => d.protocol === SecurityProtocol.IKE.id)) {
    // The answer to the delete of an IKE SA is empty. RFC 7296 §1.4.1
    return { payloads: [], after: (at) => e.onIkeDeleted(sa, at) }
  }
  const error = errorOf(payloads)
  if (error?.notify === NotifyType.AUTHENTICATION_FAILED.id && sa === e.current) {
    return {
      payloads: [],
      after: () => e.finish({ kind: 'authFailed', who: 'us', method: proofWords(ourProof(e.n)) }),
    }
  }
  const lifetime = authLifetime(payloads)
  if (lifetime !== undefined) e.renewal.onLifetime(lifetime, now)
  const elsewhere = e.n.initiated && sa === e.current ? redirectOf(e.n.config, payloads) : undefined
  if (elsewhere !== undefined) return { payloads: [], after: (at) => e.redirect(elsewhere.host, at) }
  const addresses = e.mobility.onRequest(sa, payloads, path)
  for (const n of all(payloads, 'Notify')) e.n.note(`the gateway says ${nameOf(NotifyType, n.notify)}`)
  const deleted = deletes.map((d) => ({ protocol: d.protocol, ...onDeleteChild(e, d, now) }))
  const halves = [SecurityProtocol.AH.id, SecurityProtocol.ESP.id].map((protocol) => ({
    protocol,
    spis: deleted.filter((d) => d.protocol === protocol).flatMap((d) => d.halves),
  }))
  return {
    payloads: [
      ...addresses,
      ...ticketNotify(e.n, sa, payloads, now),
      ...halves
        .filter(({ spis }) => spis.length > 0)
        .map(({ protocol, spis }) => ({ type: 'Delete', protocol, spiBytes: 4, spis }) as const),
    ],
    after: (at) => {
      e.mobility.checkReturn(at)
      if (deletes.length === 0) return
      for (const child of deleted.flatMap((d) => d.gone)) e.children.lost(child, at)
      e.children.check(at)
    },
  }
}
