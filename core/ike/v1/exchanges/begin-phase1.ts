import type { Millis } from '../../../bytes/brands.ts'
import type { VpnError } from '../../../errors.ts'
import { ExchangeType } from '../../../iana/ikev1.ts'
import type { Message } from '../../../wire/ikev1/message.ts'
import type { Negotiation } from '../negotiation.ts'
import { AggressiveInitiator, AggressiveResponder } from './aggressive-mode.ts'
import { MainInitiator, MainResponder } from './main-mode.ts'
import type { ClearMessage, Phase1, Refusal } from './phase1.ts'

/** Phase 1 in the mode the configuration names, or why not. */
export const beginPhase1 = (n: Negotiation): Phase1 | VpnError =>
  n.config.ikev1?.aggressive === true ? AggressiveInitiator.begin(n) : MainInitiator.begin(n)

/** Whether a message begins a phase 1 that we answer. RFC 2409 §5 */
export function beginsPhase1(n: Negotiation, message: Message): message is ClearMessage {
  const { header } = message
  return (
    !message.sealed &&
    header.messageId === 0 &&
    header.responderCookie.every((octet) => octet === 0) &&
    (header.exchange === ExchangeType.MAIN.id ||
      (header.exchange === ExchangeType.AGGRESSIVE.id && n.config.ikev1?.aggressive === true))
  )
}

/** The responder's half of what `message` begins. */
export const answerPhase1 = (n: Negotiation, message: ClearMessage, now: Millis): Phase1 | Refusal =>
  message.header.exchange === ExchangeType.MAIN.id
    ? MainResponder.answer(n, message)
    : AggressiveResponder.answer(n, message, now)
