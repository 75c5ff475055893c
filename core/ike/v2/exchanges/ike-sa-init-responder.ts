import { asIkeSpi, asNonce, type Millis } from '../../../bytes/brands.ts'
import { concat, equal } from '../../../bytes/octets.ts'
import { NotifyType } from '../../../iana/ikev2-notify.ts'
import { encodeMessage, type Header, type Message } from '../../../wire/ikev2/message.ts'
import type { Payload } from '../../../wire/ikev2/payload.ts'
import { announceMethods } from '../auth-methods.ts'
import { IkeSa } from '../ike-sa.ts'
import { ikeKeys, skeyseed } from '../keys.ts'
import { natNotifies, readNat } from '../nat-detection.ts'
import type { Negotiation } from '../negotiation.ts'
import { CHOICE } from '../numbers.ts'
import { find, findNotify, notify } from '../payloads.ts'
import { ppkAnswer, saysPpk } from '../ppk.ts'
import { agreedHashes, certificateRequest, hashesNotify } from '../proof.ts'
import { identityOf } from '../redirect.ts'
import { choose, encodeChoice, ikeSuite, isAdditional, PROTOCOL } from '../suite.ts'
import {
  agreeFragmentation,
  fragmentationNotify,
  type InitDone,
  ignore,
  initHeader,
  intermediateNotify,
  NO_SPI,
  saysFragmentation,
  saysIntermediate,
} from './ike-sa-init.ts'

export type InitResponse =
  | {
      readonly outcome: 'done'
      readonly bytes: Uint8Array
      readonly header: Header
      readonly payloads: readonly Payload[]
      readonly done: InitDone
    }
  /** Answer with this notify and keep no state. */
  | {
      readonly outcome: 'answer'
      readonly bytes: Uint8Array
      readonly header: Header
      readonly payloads: readonly Payload[]
      readonly why: string
    }
  | { readonly outcome: 'ignore'; readonly why: string }

/** The responder's side: choose, answer, derive. `cookie`: demanded before anything is computed. RFC 7296 §2.6 */
export function respondInit(
  n: Negotiation,
  bytes: Uint8Array,
  message: Message,
  now: Millis,
  cookie?: Uint8Array,
): InitResponse {
  const { header, payloads } = message
  const answer = (payload: Payload, why: string): InitResponse => {
    const reply = initHeader(header.initiatorSpi, NO_SPI, true)
    return {
      outcome: 'answer',
      bytes: encodeMessage(reply, [payload]),
      header: reply,
      payloads: [payload],
      why,
    }
  }
  const sa = find(payloads, 'SA')
  const ke = find(payloads, 'KE')
  const nonce = find(payloads, 'Nonce')
  if (sa === undefined || ke === undefined || nonce === undefined) return ignore('SA, KE or Nonce is missing')
  if (cookie !== undefined) {
    const shown = findNotify(payloads, NotifyType.COOKIE.id)
    if (shown === undefined || !equal(shown.data, cookie))
      return answer(notify(NotifyType.COOKIE.id, cookie), 'a cookie is wanted')
  }
  const { redirectsTo } = n.config
  n.redirectable =
    findNotify(payloads, NotifyType.REDIRECT_SUPPORTED.id) !== undefined ||
    findNotify(payloads, NotifyType.REDIRECTED_FROM.id) !== undefined
  if (redirectsTo?.in === 'IKE_SA_INIT' && n.redirectable) {
    const data = concat(identityOf(redirectsTo.host), nonce.nonce)
    return answer(notify(NotifyType.REDIRECT.id, data), `sent to ${redirectsTo.host}`)
  }
  // Without IKE_INTERMEDIATE a proposal that needs it is one nobody knows. RFC 9370 §2.2.1
  const possible = sa.proposals.filter((p) => saysIntermediate(payloads) || !p.transforms.some(isAdditional))
  const pick = choose(n.config.ikeProposals, PROTOCOL.IKE, possible, (id) => n.registry.keyExchange.has(id))
  const suite = pick === undefined ? undefined : ikeSuite(n.registry, pick.chosen)
  if (pick === undefined || suite === undefined)
    return answer(notify(NotifyType.NO_PROPOSAL_CHOSEN.id), 'no proposal fits')
  const group = suite.keyExchange
  if (ke.group !== group.id || ke.data.length !== group.initiatorBytes) {
    return answer(
      notify(NotifyType.INVALID_KE_PAYLOAD.id, Uint8Array.of(group.id >> 8, group.id & 0xff)),
      `${group.name} is wanted`,
    )
  }
  const exchange = group.respond(n.random, ke.data)
  if (exchange === undefined) return ignore('the public value is not acceptable (RFC 6989 §2)')
  const spiI = asIkeSpi(header.initiatorSpi.slice())
  const spiR = n.freshIkeSpi()
  const nr = asNonce(n.random.bytes(CHOICE.nonce))
  const ni = asNonce(nonce.nonce.slice())
  const reply = initHeader(spiI, spiR, true)
  const ppk = saysPpk(n.config, payloads)
  const out: Payload[] = [
    {
      type: 'SA',
      proposals: [encodeChoice(pick.proposal.number, PROTOCOL.IKE, new Uint8Array(0), pick.chosen)],
    },
    { type: 'KE', group: group.id, data: exchange.data },
    { type: 'Nonce', nonce: nr },
    ...natNotifies(n, spiI, spiR),
    ...(saysFragmentation(payloads) ? fragmentationNotify(n) : []),
    ...(findNotify(payloads, NotifyType.SIGNATURE_HASH_ALGORITHMS.id) === undefined
      ? []
      : hashesNotify(n.config)),
    ...ppkAnswer(ppk),
    ...(saysIntermediate(payloads) ? intermediateNotify(n) : []),
    ...(n.config.childless === true ? [notify(NotifyType.CHILDLESS_IKEV2_SUPPORTED.id)] : []),
    ...certificateRequest(n.config),
    ...multipleProofs(n),
    ...announceMethods(n.config),
  ]
  readNat(n, payloads, { initiatorSpi: spiI, responderSpi: asIkeSpi(NO_SPI) })
  const seed = skeyseed(suite.prf, ni, nr, exchange.secret)
  exchange.secret.close()
  const made = new IkeSa(
    { localSpi: spiR, remoteSpi: spiI, initiator: false },
    suite,
    ikeKeys(suite, seed, ni, nr, spiI, spiR),
    n.random,
    now,
  )
  made.expectedId = 1
  agreeFragmentation(n, made, payloads)
  const replyBytes = encodeMessage(reply, out)
  return {
    outcome: 'done',
    bytes: replyBytes,
    header: reply,
    payloads: out,
    done: {
      sa: made,
      requestBytes: bytes.slice(),
      replyBytes,
      ni,
      nr,
      peerHashes: agreedHashes(n.config, payloads),
      ppk,
      childless: n.config.childless === true,
      peerPayloads: payloads,
    },
  }
}

/** A responder that wants a second proof, or could take one, says so. RFC 4739 §3.1 */
const multipleProofs = ({ authentication }: Negotiation): readonly Payload[] =>
  authentication.method === 'each' && authentication.theirsThen !== undefined
    ? [notify(NotifyType.MULTIPLE_AUTH_SUPPORTED.id)]
    : []
