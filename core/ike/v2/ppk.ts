import { concat, equal, equalConstantTime } from '../../bytes/octets.ts'
import { Secret } from '../../bytes/secret.ts'
import { NotifyType } from '../../iana/ikev2-notify.ts'
import type { AuthPayload, Payload } from '../../wire/ikev2/payload.ts'
import type { ConnectionConfig, PpkConfig } from '../config.ts'
import type { InitDone } from './exchanges/ike-sa-init.ts'
import { ikeKeys, mixKeys, prfPlus } from './keys.ts'
import { all, find, findNotify, notify } from './payloads.ts'

/** A name both ends know, in octets that mean nothing by themselves. RFC 8784 §5.1 */
const PPK_ID_FIXED = 2

type Keyed = Pick<ConnectionConfig, 'ppk'>

/**
 * How a PPK comes into the keys of an IKE SA: `auth` in IKE_AUTH (RFC 8784), `early` in the last IKE_INTERMEDIATE (RFC 9867),
 * `mixed` once that is done; `no`: not at all.
 */
export type PpkUse = 'no' | 'auth' | 'early' | 'mixed'

const EARLY: Payload = notify(NotifyType.USE_PPK_INT.id)
const IN_AUTH: Payload = notify(NotifyType.USE_PPK.id)

/** USE_PPK, where we have one, and for who knows it USE_PPK_INT with what that needs. RFC 8784 §3, RFC 9867 §3.1 */
export const ppkNotify = ({ ppk }: Keyed): Payload[] =>
  ppk === undefined ? [] : ppk.early === true ? [IN_AUTH, EARLY] : [IN_AUTH]

/** The responder's: one of the two. */
export const ppkAnswer = (use: PpkUse): Payload[] =>
  use === 'early' ? [EARLY] : use === 'auth' ? [IN_AUTH] : []

/** What both of us say that we can do; whether it is the same PPK, a later exchange shows. */
export function saysPpk({ ppk }: Keyed, theirs: readonly Payload[]): PpkUse {
  const says = ({ id }: { readonly id: number }): boolean => findNotify(theirs, id) !== undefined
  if (ppk === undefined) return 'no'
  if (ppk.early === true && says(NotifyType.USE_PPK_INT) && says(NotifyType.INTERMEDIATE_EXCHANGE_SUPPORTED))
    return 'early'
  return says(NotifyType.USE_PPK) ? 'auth' : 'no'
}

/** Keys for a proof with the PPK stand ready beside those without. → the PPK, where both ends have one. */
export function beginPpk({ ppk }: Keyed, init: InitDone): PpkConfig | undefined {
  if (ppk === undefined || init.ppk !== 'auth') return undefined
  init.sa.mixed = mixKeys(init.sa.suite.prf, init.sa.keys, ppk.secret)
  return ppk
}

const named = ({ id }: Pick<PpkConfig, 'id'>): Uint8Array => concat(Uint8Array.of(PPK_ID_FIXED), id)

/** Which PPK the initiator's AUTH rests on. RFC 8784 §5.1 */
export const ppkIdentity = ({ id }: PpkConfig): Payload => notify(NotifyType.PPK_IDENTITY.id, named({ id }))

/** The same proof without the PPK, for a gateway that does not know it. `proof`: made with the keys that lack it. RFC 8784 §3 */
export function withoutPpk(proof: readonly Payload[]): Payload[] {
  const auth = find(proof, 'AUTH')
  return auth === undefined ? [] : [notify(NotifyType.NO_PPK_AUTH.id, auth.data)]
}

/** The gateway has answered: its proof, and all keys, rest on the PPK or they do not. → false when that is too little. RFC 8784 §3 */
export function concludePpk({ ppk }: Keyed, { sa, ppk: use }: InitDone, answer: readonly Payload[]): boolean {
  if (use === 'mixed') return true
  const used = sa.mixed !== undefined && findNotify(answer, NotifyType.PPK_IDENTITY.id) !== undefined
  if (used) sa.useMixed()
  else sa.forgetMixed()
  return used || ppk?.required !== true
}

/** Octets that show without telling that the PPK is had. RFC 9867 §3.1 */
const CONFIRMATION_BYTES = 8
/** Ours: PPKs a peer may name at once. */
const MOST_NAMED = 16

/** prf(PPK, Ni | Nr | SPIi | SPIr), as far as it travels. RFC 9867 §3.1 */
const confirmation = ({ secret }: PpkConfig, { sa, ni, nr }: InitDone): Uint8Array =>
  secret
    .use((key) => sa.suite.prf.compute(key, concat(ni, nr, sa.initiatorSpi, sa.responderSpi)))
    .slice(0, CONFIRMATION_BYTES)

/** The initiator's part of the last IKE_INTERMEDIATE: which PPK it means, and that it has it. RFC 9867 §3.1 */
export const ppkKey = ({ ppk }: Keyed, init: InitDone): Payload[] =>
  ppk === undefined || init.ppk !== 'early'
    ? []
    : [notify(NotifyType.PPK_IDENTITY_KEY.id, concat(named(ppk), confirmation(ppk, init)))]

/** The responder's answer to it: which PPK it is, or nothing. RFC 9867 §3.1 */
export function chooseEarly({ ppk }: Keyed, init: InitDone, request: readonly Payload[]): Payload[] {
  if (ppk === undefined) return []
  const wanted = concat(named(ppk), confirmation(ppk, init))
  const meant = all(request, 'Notify')
    .filter(({ notify: type }) => type === NotifyType.PPK_IDENTITY_KEY.id)
    .slice(0, MOST_NAMED)
    .some(({ data }) => data.length === wanted.length && equalConstantTime(data, wanted))
  return meant ? [ppkIdentity(ppk)] : []
}

/** Whether the answer takes the PPK that we named; of any other we know nothing. RFC 9867 §3.1 */
export const tookEarly = ({ ppk }: Keyed, answer: readonly Payload[]): boolean => {
  const taken = findNotify(answer, NotifyType.PPK_IDENTITY.id)
  return ppk !== undefined && taken !== undefined && equal(taken.data, named(ppk))
}

/** All SK_* anew of prf+(PPK, SK_d), after whatever key exchange went with it. RFC 9867 §3.1 */
export function mixEarly({ ppk }: Keyed, { sa, ni, nr }: InitDone): void {
  if (ppk === undefined) return
  const { prf } = sa.suite
  const seed = new Secret(ppk.secret.use((key) => sa.keys.d.use((d) => prfPlus(prf, key, d, prf.keyBytes))))
  sa.changeKeys(ikeKeys(sa.suite, seed, ni, nr, sa.initiatorSpi, sa.responderSpi))
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
  if (ppk === undefined || init.ppk === 'mixed') return { outcome: 'go on', auth, beside: [] }
  const said = findNotify(payloads, NotifyType.PPK_IDENTITY.id)?.data
  const known = said !== undefined && equal(said, named(ppk))
  if (init.ppk === 'auth' && known) {
    beginPpk(config, init)
    init.sa.useMixed()
    return { outcome: 'go on', auth, beside: [notify(NotifyType.PPK_IDENTITY.id)] }
  }
  if (ppk.required) return { outcome: 'refuse', problem: 'it does not use the PPK' }
  if (init.ppk !== 'auth') return { outcome: 'go on', auth, beside: [] }
  const without = findNotify(payloads, NotifyType.NO_PPK_AUTH.id)
  if (without === undefined)
    return { outcome: 'refuse', problem: said === undefined ? 'it names no PPK' : 'its PPK is not ours' }
  return { outcome: 'go on', auth: { ...auth, data: without.data }, beside: [] }
}
