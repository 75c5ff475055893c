import { Malformed } from '../../bytes/malformed.ts'
import { isErrorType } from '../../iana/ikev2.ts'
import type { NotifyPayload, Payload, PayloadType } from './payload.ts'

/** How often each payload may stand in a message: at least, at most. What is not listed may not. */
export type Rules = Readonly<Partial<Record<PayloadType, readonly [min: number, max: number]>>>

/** As many as nobody needs: enough for every extension at once, too few to keep us busy. */
const SOME = 20
const ANY = { Notify: [0, 40], VendorID: [0, SOME], Unknown: [0, SOME] } as const satisfies Rules

/** RFC 7296 §1.2, Appendix C.1. COOKIE comes as a notify before the rest. */
export const IKE_SA_INIT_REQUEST = { SA: [1, 1], KE: [1, 1], Nonce: [1, 1], ...ANY } as const satisfies Rules

/** RFC 7296 §1.2, Appendix C.1: the answer that goes on; look for {@link errorNotify} and COOKIE first. */
export const IKE_SA_INIT_REPLY = {
  SA: [1, 1],
  KE: [1, 1],
  Nonce: [1, 1],
  CERTREQ: [0, SOME],
  ...ANY,
} as const satisfies Rules

/** The first IKE_AUTH request, RFC 7296 §1.2 and Appendix C.2; without AUTH it asks for EAP, §2.16; without SA, TSi, TSr for no child, RFC 6023. */
export const IKE_AUTH_REQUEST = {
  IDi: [1, 1],
  CERT: [0, SOME],
  CERTREQ: [0, SOME],
  IDr: [0, 1],
  AUTH: [0, 1],
  CP: [0, 1],
  SA: [0, 1],
  TSi: [0, 1],
  TSr: [0, 1],
  ...ANY,
} as const satisfies Rules

/** RFC 7296 §1.2 and Appendix C.2. A child that failed leaves SA, TSi and TSr out, §1.2. */
export const IKE_AUTH_REPLY = {
  IDr: [1, 1],
  CERT: [0, SOME],
  AUTH: [1, 1],
  CP: [0, 1],
  SA: [0, 1],
  TSi: [0, 1],
  TSr: [0, 1],
  ...ANY,
} as const satisfies Rules

/** The answer that begins EAP, RFC 7296 §2.16 and Appendix C.3; without AUTH under RFC 5998. */
export const IKE_AUTH_EAP_START = {
  IDr: [1, 1],
  CERT: [0, SOME],
  AUTH: [0, 1],
  EAP: [1, 1],
  ...ANY,
} as const satisfies Rules

/** Between them, both ways, RFC 7296 Appendix C.3. */
export const IKE_AUTH_EAP = { EAP: [1, 1], ...ANY } as const satisfies Rules

/** After EAP-Success, RFC 7296 §2.16. */
export const IKE_AUTH_EAP_FINISH_REQUEST = { AUTH: [1, 1], ...ANY } as const satisfies Rules
export const IKE_AUTH_EAP_FINISH_REPLY = {
  AUTH: [1, 1],
  CP: [0, 1],
  SA: [0, 1],
  TSi: [0, 1],
  TSr: [0, 1],
  ...ANY,
} as const satisfies Rules

/** RFC 7296 §1.3.1, Appendix C.4; the same both ways. */
export const CREATE_CHILD_SA_NEW_CHILD = {
  CP: [0, 1],
  SA: [1, 1],
  Nonce: [1, 1],
  KE: [0, 1],
  TSi: [1, 1],
  TSr: [1, 1],
  ...ANY,
} as const satisfies Rules

/** RFC 7296 §1.3.3, Appendix C.4: the request carries REKEY_SA. */
export const CREATE_CHILD_SA_REKEY_CHILD = CREATE_CHILD_SA_NEW_CHILD

/** RFC 7296 §1.3.2, Appendix C.5: KE is required, selectors have no place. */
export const CREATE_CHILD_SA_REKEY_IKE = {
  SA: [1, 1],
  Nonce: [1, 1],
  KE: [1, 1],
  ...ANY,
} as const satisfies Rules

/** RFC 7296 §1.4, Appendix C.6. */
export const INFORMATIONAL = { ...ANY, Delete: [0, SOME], CP: [0, 1] } as const satisfies Rules

/** What of `rules` the payloads break; their order means nothing, RFC 7296 §2.5. */
export function checkRules(rules: Rules, payloads: readonly Payload[]): Malformed | undefined {
  const counts = new Map<PayloadType, number>()
  for (const { type } of payloads) counts.set(type, (counts.get(type) ?? 0) + 1)
  for (const type of Object.keys(rules) as PayloadType[]) if (!counts.has(type)) counts.set(type, 0)

  for (const [type, count] of counts) {
    const [min, max] = rules[type] ?? [0, 0]
    if (count >= min && count <= max) continue
    return broken(type, max === 0 ? 'has no place here' : `${count} present, ${wanted(min, max)} wanted`)
  }
  return undefined
}

/** Some of `types` without the others: SA, TSi and TSr of IKE_AUTH come together or not at all. */
export function checkTogether(
  types: readonly PayloadType[],
  payloads: readonly Payload[],
): Malformed | undefined {
  const missing = types.filter((type) => !payloads.some((payload) => payload.type === type))
  if (missing.length === 0 || missing.length === types.length) return undefined
  return broken(missing[0]!, `missing beside ${types.filter((type) => !missing.includes(type)).join(', ')}`)
}

/** The number of the first payload nobody here knows whose sender insists on it. RFC 7296 §2.5 */
export function unknownCritical(payloads: readonly Payload[]): number | undefined {
  for (const payload of payloads) if (payload.type === 'Unknown' && payload.critical) return payload.payload
  return undefined
}

/** The first error notify, known or not: in a reply it refuses the request. RFC 7296 §3.10.1 */
export function errorNotify(payloads: readonly Payload[]): NotifyPayload | undefined {
  return payloads.find(
    (payload): payload is NotifyPayload => payload.type === 'Notify' && isErrorType(payload.notify),
  )
}

const wanted = (min: number, max: number): string => (min === max ? `${min}` : `${min} … ${max}`)

/** Offset 0: it is the message as a whole that is wrong. */
const broken = (type: PayloadType, problem: string): Malformed =>
  new Malformed([type], 0, problem, 'RFC 7296 Appendix C')
