import type { Millis } from '../../../bytes/brands.ts'
import { NO_OCTETS } from '../../../bytes/octets.ts'
import type { VpnError } from '../../../errors.ts'
import { ConfigurationAttribute as A, ConfigurationType, ExchangeType } from '../../../iana/ikev1.ts'
import { attributeNumber } from '../../../wire/ikev1/attribute.ts'
import type { Attribute, AttributesPayload } from '../../../wire/ikev1/payload.ts'
import type { AssignedConfiguration } from '../../session.ts'
import { assignedTo, configurationReply, configurationRequest, readConfiguration } from '../configuration.ts'
import type { Established } from '../established.ts'
import type { IsakmpSa, Opened } from '../isakmp-sa.ts'
import { only } from '../payloads.ts'
import { networkText, readUnity, textOf } from '../unity.ts'
import { isXauth, type Respond } from '../xauth.ts'

export const MODE_CONFIG = 'mode config'

const TRANSACTION = ExchangeType.TRANSACTION.id
const { ISAKMP_CFG_REQUEST, ISAKMP_CFG_REPLY, ISAKMP_CFG_SET, ISAKMP_CFG_ACK } = ConfigurationType

/** One ATTRIBUTES payload. draft-dukes-ike-mode-cfg §3.2 */
export const attributesPayload = (
  cfgType: number,
  identifier: number,
  attributes: readonly Attribute[],
): AttributesPayload => ({ type: 'ATTRIBUTES', cfgType, identifier, attributes })

/** Asks for addresses and what goes with them; → what the gateway gives, or why not. draft-dukes-ike-mode-cfg §3.3 */
export function pullConfiguration(e: Established, request: readonly Attribute[], now: Millis): void {
  e.n.step = 'waiting for addresses'
  pull(e, request, {
    onReply: (configuration, at) => e.start.onConfiguration(configuration, at),
    onFailed: (error) => e.leave(error),
    now,
  })
}

/** Asks once more for what we `had`: an answer changes nothing, and neither does silence. */
export function confirmConfiguration(
  e: Established,
  request: readonly Attribute[],
  had: readonly string[],
  now: Millis,
): void {
  pull(e, request, {
    onReply: ({ addresses }) => {
      if (!had.every((address) => addresses.includes(address)))
        e.n.note(`the gateway would rather give us ${addresses.join(', ') || 'no address'}`)
    },
    onFailed: () => e.n.note('the gateway does not say whether our address is still ours'),
    now,
  })
}

function pull(
  e: Established,
  request: readonly Attribute[],
  then: {
    onReply(configuration: AssignedConfiguration, now: Millis): void
    onFailed(error: VpnError): void
    readonly now: Millis
  },
): void {
  const identifier = new DataView(e.n.random.bytes(2).buffer).getUint16(0)
  e.ask(
    e.current,
    {
      label: MODE_CONFIG,
      exchange: TRANSACTION,
      payloads: [attributesPayload(ISAKMP_CFG_REQUEST.id, identifier, request)],
      onMessage: (opened) => {
        const answer = readTransaction(opened)
        if (answer?.cfgType !== ISAKMP_CFG_REPLY.id) return 'ignored'
        opened.accept()
        tellTerms(e, answer.attributes)
        return { after: (at) => then.onReply(readConfiguration(answer.attributes), at) }
      },
      onFailed: (error) => then.onFailed(error),
    },
    then.now,
  )
}

/** Gives the client its addresses unasked; what it confirms changes nothing. draft-dukes-ike-mode-cfg §3.4 */
export function pushConfiguration(e: Established, now: Millis): void {
  const { n } = e
  const assigned = assignedTo(n)
  if (assigned === undefined) return
  const all = configurationRequest({ ipv4: true, ipv6: true }, [], n.facts.peer.unity)
  const identifier = new DataView(n.random.bytes(2).buffer).getUint16(0)
  const given = configurationReply(all, assigned, n.config.localSelectors)
  e.ask(
    e.current,
    {
      label: MODE_CONFIG,
      exchange: TRANSACTION,
      payloads: [attributesPayload(ISAKMP_CFG_SET.id, identifier, given)],
      onMessage: (opened) => {
        if (readTransaction(opened)?.cfgType !== ISAKMP_CFG_ACK.id) return 'ignored'
        opened.accept()
        return {}
      },
      onFailed: () => n.note('the client does not confirm the addresses it was given'),
    },
    now,
  )
}

/** A transaction message whose hash fits, with exactly one ATTRIBUTES payload. */
export function readTransaction(opened: Opened): AttributesPayload | undefined {
  return opened.hashFits() ? only(opened.chain.payloads, 'ATTRIBUTES') : undefined
}

/** A REQUEST or SET of the peer; ← REPLY or ACK, at once or when a person has answered. → whether it was taken. */
export function answerTransaction(
  e: Established,
  sa: IsakmpSa,
  bytes: Uint8Array,
  opened: Opened,
  now: Millis,
): boolean {
  const asked = readTransaction(opened)
  if (asked === undefined) return false
  const { messageId } = opened.header
  opened.accept()
  sa.remember(bytes, undefined)
  const respond: Respond = (cfgType, attributes) => {
    const payload = attributesPayload(cfgType, asked.identifier, attributes)
    const message = sa.seal(TRANSACTION, messageId, [payload], true)
    e.n.send(message)
    sa.remember(bytes, message)
    sa.finish(messageId)
  }
  const xauth = asked.attributes.some((a) => isXauth(a.type))
  const taken = xauth ? answerXauth(e, asked, respond, now) : answerConfiguration(e, asked, respond, now)
  if (!taken) sa.finish(messageId)
  return true
}

function answerConfiguration(
  e: Established,
  asked: AttributesPayload,
  respond: Respond,
  now: Millis,
): boolean {
  const assigned = asked.cfgType === ISAKMP_CFG_REQUEST.id ? assignedTo(e.n) : undefined
  if (assigned !== undefined) {
    respond(ISAKMP_CFG_REPLY.id, configurationReply(asked.attributes, assigned, e.n.config.localSelectors))
    return true
  }
  if (asked.cfgType !== ISAKMP_CFG_SET.id || !e.n.initiated) return false
  // What a gateway gives unasked is taken, and confirmed by its types. draft-dukes-ike-mode-cfg §3.4
  respond(
    ISAKMP_CFG_ACK.id,
    asked.attributes.map(({ type }) => ({ type, bytes: NO_OCTETS })),
  )
  tellTerms(e, asked.attributes)
  e.start.onPushed(readConfiguration(asked.attributes), now)
  return true
}

/** What a person should read of it, and what the next quick modes have to heed. */
function tellTerms(e: Established, attributes: readonly Attribute[]): void {
  const { banner, include, exclude, pfsGroup, backupServers, savePassword } = readUnity(attributes)
  const { n } = e
  if (banner !== undefined) n.note(`the gateway says: ${banner}`)
  if (exclude.length > 0)
    n.note(
      `the gateway would let ${exclude.map(networkText).join(', ')} go around the tunnel; the profile decides that`,
    )
  if (backupServers.length > 0)
    n.note(`the gateway names others, to be tried when it does not answer: ${backupServers.join(', ')}`)
  if (savePassword === false) n.note('the gateway does not want the password to be kept on this computer')
  if (pfsGroup !== undefined) n.pfsWanted = pfsGroup
  n.include = include
}

/** Only as a client that signs in by XAuth: nobody else is asked for a password. */
function answerXauth(e: Established, asked: AttributesPayload, respond: Respond, now: Millis): boolean {
  if (e.xauth === undefined) return false
  if (asked.cfgType === ISAKMP_CFG_REQUEST.id) {
    e.xauth.onRequest(asked, respond, now)
    return true
  }
  if (asked.cfgType !== ISAKMP_CFG_SET.id) return false
  const found = asked.attributes.find((a) => a.type === A.XAUTH_STATUS.id)
  const ok = found !== undefined && attributeNumber(found) === 1
  respond(ISAKMP_CFG_ACK.id, [{ type: A.XAUTH_STATUS.id, bytes: NO_OCTETS }])
  const message = asked.attributes.find((a) => a.type === A.XAUTH_MESSAGE.id)
  if (message !== undefined) e.n.note(`the gateway says: ${textOf(message)}`)
  e.start.onXauthStatus(ok, now)
  return true
}
