import type { Millis } from '../../../bytes/brands.ts'
import { NotifyType } from '../../../iana/ikev2-notify.ts'
import type { Payload } from '../../../wire/ikev2/payload.ts'
import {
  CREATE_CHILD_SA_NEW_CHILD,
  CREATE_CHILD_SA_REKEY_IKE,
  checkRules,
} from '../../../wire/ikev2/rules.ts'
import type { Established } from '../established.ts'
import type { IkeSa } from '../ike-sa.ts'
import { find } from '../payloads.ts'
import { PROTOCOL } from '../suite.ts'
import { malformed, refuse } from './child-offer.ts'
import type { Answer } from './informational.ts'
import { onNewChildRequest } from './new-child.ts'
import { onRekeyChildRequest, rekeyNotify } from './rekey-child.ts'
import { onRekeyIkeRequest } from './rekey-ike.ts'

/** CREATE_CHILD_SA of the peer: a rekey of the IKE SA, a rekey of a CHILD_SA, or a new one. RFC 7296 §1.3 */
export function onCreateChildRequest(
  e: Established,
  sa: IkeSa,
  payloads: readonly Payload[],
  now: Millis,
): Answer {
  const forIke = find(payloads, 'SA')?.proposals.every((p) => p.protocol === PROTOCOL.IKE) === true
  const broken = checkRules(forIke ? CREATE_CHILD_SA_REKEY_IKE : CREATE_CHILD_SA_NEW_CHILD, payloads)
  if (broken !== undefined)
    return malformed(`${broken.path.join(' / ')}: ${broken.problem}`, broken.reference)
  if (e.leaving) return refuse(NotifyType.TEMPORARY_FAILURE.id)
  if (forIke) return onRekeyIkeRequest(e, sa, payloads, now)
  // While the IKE SA itself is being replaced, its children stay as they are. RFC 7296 §2.25.2
  if (sa.state !== 'live') return refuse(NotifyType.TEMPORARY_FAILURE.id)
  const rekey = rekeyNotify(payloads)
  if (rekey === undefined) return onNewChildRequest(e, sa, payloads, now)
  return onRekeyChildRequest(e, sa, rekey, payloads, now)
}
