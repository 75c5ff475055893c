import type { Millis } from '../../../bytes/brands.ts'
import { equalConstantTime, utf8 } from '../../../bytes/octets.ts'
import type { VpnError } from '../../../errors.ts'
import {
  ConfigurationAttribute as A,
  ConfigurationType,
  ExchangeType,
  XauthType,
} from '../../../iana/ikev1.ts'
import { attributeBytes, attributeNumber } from '../../../wire/ikev1/attribute.ts'
import type { Attribute, AttributesPayload, Payload } from '../../../wire/ikev1/payload.ts'
import type { XauthConfig } from '../../config.ts'
import type { AssignedConfiguration } from '../../session.ts'
import { assignedTo, configurationReply, readConfiguration } from '../configuration.ts'
import type { Established } from '../established.ts'
import type { IsakmpSa, Opened } from '../isakmp-sa.ts'
import { only } from '../payloads.ts'
import { networkText, readUnity, textOf } from '../unity.ts'

export const MODE_CONFIG = 'mode config'

const TRANSACTION = ExchangeType.TRANSACTION.id
const { ISAKMP_CFG_REQUEST, ISAKMP_CFG_REPLY, ISAKMP_CFG_SET, ISAKMP_CFG_ACK } = ConfigurationType

const isXauth = (type: number): boolean => type >= A.XAUTH_TYPE.id && type <= A.XAUTH_ANSWER.id
const text = (type: number, value: string): Attribute => ({ type, bytes: utf8(value) })
const status = (ok: boolean): Attribute => ({ type: A.XAUTH_STATUS.id, value: ok ? 1 : 0 })

const attributesPayload = (
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

/** A transaction message whose hash fits, with exactly one ATTRIBUTES payload. */
function readTransaction(opened: Opened): AttributesPayload | undefined {
  return opened.hashFits() ? only(opened.chain.payloads, 'ATTRIBUTES') : undefined
}

/** A REQUEST or SET of the peer; ← REPLY or ACK. → whether it was taken. */
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
  const xauth = asked.attributes.some((a) => isXauth(a.type))
  const answer = xauth ? answerXauth(e, asked) : answerConfiguration(e, asked)
  if (answer !== undefined) {
    const payload: Payload = attributesPayload(answer.cfgType, asked.identifier, answer.attributes)
    const message = sa.seal(TRANSACTION, messageId, [payload], true)
    e.n.send(message)
    sa.remember(bytes, message)
  } else sa.remember(bytes, undefined)
  sa.finish(messageId)
  answer?.after?.(now)
  return true
}

interface Answer {
  readonly cfgType: number
  readonly attributes: readonly Attribute[]
  readonly after?: (now: Millis) => void
}

function answerConfiguration(e: Established, asked: AttributesPayload): Answer | undefined {
  const assigned = asked.cfgType === ISAKMP_CFG_REQUEST.id ? assignedTo(e.n) : undefined
  if (assigned !== undefined)
    return {
      cfgType: ISAKMP_CFG_REPLY.id,
      attributes: configurationReply(asked.attributes, assigned, e.n.config.localSelectors),
    }
  // What a gateway gives unasked is taken, and confirmed by its types. draft-dukes-ike-mode-cfg §3.4
  if (asked.cfgType === ISAKMP_CFG_SET.id && e.n.initiated)
    return {
      cfgType: ISAKMP_CFG_ACK.id,
      attributes: asked.attributes.map(({ type }) => ({ type, bytes: new Uint8Array(0) })),
      after: (now) => {
        tellTerms(e, asked.attributes)
        e.start.onPushed(readConfiguration(asked.attributes), now)
      },
    }
  return undefined
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
  if (backupServers.length > 0) n.note(`the gateway names others in its place: ${backupServers.join(', ')}`)
  if (savePassword === false) n.note('the gateway does not want the password to be kept on this computer')
  if (pfsGroup !== undefined) n.pfsWanted = pfsGroup
  n.include = include
}

/** The client's part of XAuth: what is asked for, or FAIL when there is something we do not have. */
function answerXauth(e: Established, asked: AttributesPayload): Answer | undefined {
  const xauth = e.n.config.ikev1?.xauth
  if (xauth?.role !== 'client') return undefined
  if (asked.cfgType === ISAKMP_CFG_SET.id) {
    const found = asked.attributes.find((a) => a.type === A.XAUTH_STATUS.id)
    const ok = found !== undefined && attributeNumber(found) === 1
    return {
      cfgType: ISAKMP_CFG_ACK.id,
      attributes: [{ type: A.XAUTH_STATUS.id, bytes: new Uint8Array(0) }],
      after: (now) => e.start.onXauthStatus(ok, now),
    }
  }
  if (asked.cfgType !== ISAKMP_CFG_REQUEST.id) return undefined
  for (const attribute of asked.attributes) {
    if (attribute.type === A.XAUTH_MESSAGE.id) e.n.note(`the gateway says: ${textOf(attribute)}`)
  }
  return { cfgType: ISAKMP_CFG_REPLY.id, attributes: xauthReply(xauth, asked.attributes) ?? [status(false)] }
}

function xauthReply(
  xauth: Extract<XauthConfig, { role: 'client' }>,
  asked: readonly Attribute[],
): Attribute[] | undefined {
  const reply: Attribute[] = []
  for (const attribute of asked) {
    switch (attribute.type) {
      case A.XAUTH_TYPE.id:
        // Other kinds want a person, or a challenge hashed: not done.
        if (attributeNumber(attribute) !== XauthType.GENERIC.id) return undefined
        reply.push({ type: A.XAUTH_TYPE.id, value: XauthType.GENERIC.id })
        break
      case A.XAUTH_USER_NAME.id:
        reply.push(text(A.XAUTH_USER_NAME.id, xauth.user))
        break
      case A.XAUTH_USER_PASSWORD.id:
        reply.push({ type: A.XAUTH_USER_PASSWORD.id, bytes: xauth.password.use((octets) => octets.slice()) })
        break
      case A.XAUTH_MESSAGE.id:
        break
      default:
        return undefined
    }
  }
  return reply
}

/** The gateway's part of XAuth: name and password, then whether they will do. draft-beaulieu-ike-xauth §2 */
export function requestXauth(
  e: Established,
  { users }: Extract<XauthConfig, { role: 'gateway' }>,
  now: Millis,
): void {
  const sa = e.current
  sa.signedIn = false
  const wanted = [A.XAUTH_USER_NAME.id, A.XAUTH_USER_PASSWORD.id]
  const identifier = new DataView(e.n.random.bytes(2).buffer).getUint16(0)
  e.ask(
    sa,
    {
      label: 'XAuth',
      exchange: TRANSACTION,
      payloads: [
        attributesPayload(
          ISAKMP_CFG_REQUEST.id,
          identifier,
          wanted.map((type) => ({ type, bytes: new Uint8Array(0) })),
        ),
      ],
      onMessage: (opened) => {
        const reply = readTransaction(opened)
        if (reply?.cfgType !== ISAKMP_CFG_REPLY.id) return 'ignored'
        opened.accept()
        const octets = (type: number): Uint8Array => {
          const found = reply.attributes.find((a) => a.type === type)
          return found === undefined ? new Uint8Array(0) : attributeBytes(found)
        }
        const name = Buffer.from(withoutEnd(octets(A.XAUTH_USER_NAME.id))).toString('utf8')
        const secret = users.get(name)
        // Android ends a password with a zero octet.
        const password = withoutEnd(octets(A.XAUTH_USER_PASSWORD.id))
        const known = secret?.use((bytes) => equalConstantTime(bytes, password)) ?? false
        // Whoever renews phase 1 is who began it.
        const ok = known && (e.n.signedInAs ?? name) === name
        if (ok) e.n.signedInAs = name
        sa.signedIn = ok
        return { after: (at) => setXauthStatus(e, sa, identifier, ok, at) }
      },
      onFailed: (error) => e.leave(error),
    },
    now,
  )
}

const withoutEnd = (bytes: Uint8Array): Uint8Array => (bytes.at(-1) === 0 ? bytes.subarray(0, -1) : bytes)

function setXauthStatus(e: Established, sa: IsakmpSa, identifier: number, ok: boolean, now: Millis): void {
  e.ask(
    sa,
    {
      label: 'XAuth',
      exchange: TRANSACTION,
      payloads: [attributesPayload(ISAKMP_CFG_SET.id, identifier, [status(ok)])],
      onMessage: (opened) => {
        if (readTransaction(opened)?.cfgType !== ISAKMP_CFG_ACK.id) return 'ignored'
        opened.accept()
        return { after: (at) => e.start.onXauthStatus(ok, at) }
      },
      onFailed: (error) => e.leave(error),
    },
    now,
  )
}
