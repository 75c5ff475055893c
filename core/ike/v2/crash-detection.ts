import { createHmac } from 'node:crypto'
import { concat, equalConstantTime } from '../../bytes/octets.ts'
import type { Secret } from '../../bytes/secret.ts'
import { ExchangeType } from '../../iana/ikev2.ts'
import { NotifyType } from '../../iana/ikev2-notify.ts'
import { encodeMessage, type Header } from '../../wire/ikev2/message.ts'
import type { Payload } from '../../wire/ikev2/payload.ts'
import type { ConnectionConfig } from '../config.ts'
import type { IkeSa } from './ike-sa.ts'
import { all, findNotify, notify } from './payloads.ts'

// Quick crash detection, RFC 6290: who has lost all its IKE SAs can prove it, and nobody else can.

/** Octets of a token. RFC 6290 §4.1 */
const SPEC = { least: 16, most: 128 } as const
/** Tokens looked at of one message. RFC 6290 §4.3 */
const MOST_TOKENS = 4

type Spis = Pick<Header, 'initiatorSpi' | 'responderSpi'>

/** What only who has the secret can say of an IKE SA, whatever else it has forgotten. RFC 6290 §5.1 */
const tokenOf = (secret: Secret, { initiatorSpi, responderSpi }: Spis): Uint8Array =>
  secret.use(
    (key) => new Uint8Array(createHmac('sha256', key).update(concat(initiatorSpi, responderSpi)).digest()),
  )

/** As a responder with a secret: the token of a fresh IKE SA, for later. RFC 6290 §4.2 */
export const crashNotify = ({ crashSecret }: Pick<ConnectionConfig, 'crashSecret'>, sa: Spis): Payload[] =>
  crashSecret === undefined ? [] : [notify(NotifyType.QUICK_CRASH_DETECTION.id, tokenOf(crashSecret, sa))]

/** The token that the peer gives of an IKE SA; `undefined` where it gives none. RFC 6290 §4.2 */
export const crashToken = (payloads: readonly Payload[]): Uint8Array | undefined =>
  tokensIn(payloads)[0]?.slice()

const tokensIn = (payloads: readonly Payload[]): readonly Uint8Array[] =>
  all(payloads, 'Notify')
    .filter(({ notify: type }) => type === NotifyType.QUICK_CRASH_DETECTION.id)
    .map(({ data }) => data)
    .filter(({ length }) => length >= SPEC.least && length <= SPEC.most)
    .slice(0, MOST_TOKENS)

/** Whether this message in the clear proves that the peer has forgotten the IKE SA. RFC 6290 §4.3 */
export const provesCrash = (
  { crashToken: token }: Pick<IkeSa, 'crashToken'>,
  header: Header,
  payloads: readonly Payload[],
): boolean =>
  token !== undefined &&
  header.response &&
  findNotify(payloads, NotifyType.INVALID_IKE_SPI.id) !== undefined &&
  tokensIn(payloads).some((one) => one.length === token.length && equalConstantTime(one, token))

/** `HDR, N(INVALID_IKE_SPI), N(QCD_TOKEN)` for a request of an IKE SA that nobody knows any more. RFC 6290 §4.3 */
export function crashAnswer(secret: Secret, header: Header): Uint8Array | undefined {
  if (header.response || header.exchange === ExchangeType.IKE_SA_INIT.id) return undefined
  const reply = { ...header, initiator: !header.initiator, response: true }
  return encodeMessage(reply, [
    notify(NotifyType.INVALID_IKE_SPI.id),
    notify(NotifyType.QUICK_CRASH_DETECTION.id, tokenOf(secret, header)),
  ])
}
