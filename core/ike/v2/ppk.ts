import { concat, equal } from '../../bytes/octets.ts'
import { NotifyType } from '../../iana/ikev2-notify.ts'
import type { AuthPayload, Payload } from '../../wire/ikev2/payload.ts'
import type { ConnectionConfig, PpkConfig } from '../config.ts'
import type { InitDone } from './exchanges/ike-sa-init.ts'
import { mixKeys } from './keys.ts'
import { find, findNotify, notify } from './payloads.ts'

/** A name both ends know, in octets that mean nothing by themselves. RFC 8784 §5.1 */
const PPK_ID_FIXED = 2

type Keyed = Pick<ConnectionConfig, 'ppk'>

/** USE_PPK, where we have one. RFC 8784 §3 */
export const ppkNotify = ({ ppk }: Keyed): Payload[] =>
  ppk === undefined ? [] : [notify(NotifyType.USE_PPK.id)]

/** Both of us have one; whether it is the same one, IKE_AUTH shows. */
export const saysPpk = ({ ppk }: Keyed, theirs: readonly Payload[]): boolean =>
  ppk !== undefined && findNotify(theirs, NotifyType.USE_PPK.id) !== undefined

/** Keys for a proof with the PPK stand ready beside those without. → the PPK, where both ends have one. */
export function beginPpk({ ppk }: Keyed, init: InitDone): PpkConfig | undefined {
  if (ppk === undefined || !init.ppk) return undefined
  init.sa.mixed = mixKeys(init.sa.suite.prf, init.sa.keys, ppk.secret)
  return ppk
}

/** Which PPK the initiator's AUTH rests on. RFC 8784 §5.1 */
export const ppkIdentity = ({ id }: PpkConfig): Payload =>
  notify(NotifyType.PPK_IDENTITY.id, concat(Uint8Array.of(PPK_ID_FIXED), id))

/** The same proof without the PPK, for a gateway that does not know it. `proof`: made with the keys that lack it. RFC 8784 §3 */
export function withoutPpk(proof: readonly Payload[]): Payload[] {
  const auth = find(proof, 'AUTH')
  return auth === undefined ? [] : [notify(NotifyType.NO_PPK_AUTH.id, auth.data)]
}

/** The gateway has answered: its proof, and all keys, rest on the PPK or they do not. → false when that is too little. RFC 8784 §3 */
export function concludePpk({ ppk }: Keyed, { sa }: InitDone, answer: readonly Payload[]): boolean {
  const used = sa.mixed !== undefined && findNotify(answer, NotifyType.PPK_IDENTITY.id) !== undefined
  if (used) sa.useMixed()
  else sa.forgetMixed()
  return used || ppk?.required !== true
}

/** The responder's side of it. `auth`: what proves the initiator; `beside`: goes beside our own proof. */
export type PpkChoice =
  | { readonly outcome: 'refuse'; readonly problem: string }
  | { readonly outcome: 'go on'; readonly auth: AuthPayload; readonly beside: readonly Payload[] }

/** With the PPK where we know the one the initiator names, without where it offers that and we may. RFC 8784 §3 */
export function choosePpk(
  config: Keyed,
  init: InitDone,
  auth: AuthPayload,
  payloads: readonly Payload[],
): PpkChoice {
  const { ppk } = config
  if (ppk === undefined) return { outcome: 'go on', auth, beside: [] }
  const named = findNotify(payloads, NotifyType.PPK_IDENTITY.id)?.data
  const known = named !== undefined && equal(named, concat(Uint8Array.of(PPK_ID_FIXED), ppk.id))
  if (init.ppk && known) {
    beginPpk(config, init)
    init.sa.useMixed()
    return { outcome: 'go on', auth, beside: [notify(NotifyType.PPK_IDENTITY.id)] }
  }
  if (ppk.required) return { outcome: 'refuse', problem: 'it does not use the PPK' }
  if (!init.ppk) return { outcome: 'go on', auth, beside: [] }
  const without = findNotify(payloads, NotifyType.NO_PPK_AUTH.id)
  if (without === undefined)
    return { outcome: 'refuse', problem: named === undefined ? 'it names no PPK' : 'its PPK is not ours' }
  return { outcome: 'go on', auth: { ...auth, data: without.data }, beside: [] }
}
