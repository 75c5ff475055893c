import type { StepSnapshot } from '../contract/snapshot.ts'
import type { ObservedMessage } from '../ike/session.ts'
import { isXauth } from '../ike/v1/xauth.ts'
import { isManual } from '../profile/manual.ts'
import type { Profile } from '../profile/schema.ts'

type What = StepSnapshot['what']

/** In the header of either version. RFC 2408 §3.1, RFC 7296 §3.1 */
const MAJOR_VERSION_AT = 17

/** What each step of a connection is called in the standard, before any message says it. */
export type Exchanges = Readonly<Partial<Record<What, readonly string[]>>>

const IKEV2: Exchanges = { agree: ['IKE_SA_INIT'], prove: ['IKE_AUTH'], open: ['CHILD_SA'] }

/** With IKEv1: in the exchange the profile asks for. RFC 2409 §5 */
function ikev1({ ike, auth, xauth, requestAddresses }: Profile): Exchanges {
  const mode = ike.aggressive === true ? AGGRESSIVE : MAIN
  const asks = requestAddresses.ipv4 || requestAddresses.ipv6
  return {
    agree: [mode],
    prove: [mode, ...(xauth === undefined && auth.method !== 'xauth' ? [] : [XAUTH])],
    open: [...(asks ? [MODE_CONFIG] : []), QUICK],
  }
}

const [MAIN, AGGRESSIVE, XAUTH, MODE_CONFIG, QUICK] = [
  'Main mode',
  'Aggressive mode',
  'XAuth',
  'Mode Config',
  'Quick mode',
] as const

/** What is expected of a profile. `version`: the one that is spoken; left out: the one that is tried first. */
export const expectedOf = (profile: Profile, version?: 1 | 2): Exchanges =>
  isManual(profile) ? {} : (version ?? (profile.ike.version === 1 ? 1 : 2)) === 1 ? ikev1(profile) : IKEV2

/** The step a message belongs to, and the exchange it is of; `undefined` for one that is of no step. */
export function exchangeOf(
  message: ObservedMessage,
): { readonly what: What; readonly name: string; readonly version: 1 | 2 } | undefined {
  const version = message.bytes[MAJOR_VERSION_AT]! >> 4 === 1 ? 1 : 2
  const found = version === 1 ? ofIkev1(message) : OF_IKEV2[message.exchange]
  return found === undefined ? undefined : { what: found[0], name: found[1] ?? message.exchange, version }
}

const OF_IKEV2: Readonly<Record<string, readonly [What, string?]>> = {
  IKE_SA_INIT: ['agree'],
  IKE_INTERMEDIATE: ['agree'],
  IKE_AUTH: ['prove'],
  CREATE_CHILD_SA: ['open'],
}

/** IKEv1 proves with its first encrypted messages. RFC 2409 §5 */
function ofIkev1({ exchange, plaintext, payloads }: ObservedMessage): readonly [What, string] | undefined {
  const phase1 = plaintext === undefined ? 'agree' : 'prove'
  switch (exchange) {
    case 'MAIN':
      return [phase1, MAIN]
    case 'AGGRESSIVE':
      return [phase1, AGGRESSIVE]
    case 'TRANSACTION':
      return isSignIn(payloads) ? ['prove', XAUTH] : ['open', MODE_CONFIG]
    case 'QUICK':
      return ['open', QUICK]
    default:
      return undefined
  }
}

const isSignIn = (payloads: readonly unknown[]): boolean =>
  payloads.some((payload) => {
    const { type, attributes } = payload as { type?: string; attributes?: readonly { type: number }[] }
    return type === 'ATTRIBUTES' && attributes?.some((one) => isXauth(one.type)) === true
  })
