import { concat, equal, utf8 } from '../bytes/octets.ts'
import type { Secret } from '../bytes/secret.ts'
import { keysOfMasterKey, simMasterKey } from '../crypto/sim-keys.ts'
import type { VpnError } from '../errors.ts'
import { SimSubtype } from '../iana/eap-sim.ts'
import type { EapRequest } from '../wire/eap/packet.ts'
import {
  body,
  counted,
  decodeSimMessage,
  find,
  reserved,
  type SimMessage,
  withNumber,
} from '../wire/eap/sim.ts'
import type { EapPeerConfig } from './config.ts'
import type { MethodAction, PeerMethod, PeerTools } from './method.ts'
import type { GsmAnswer } from './sim-card.ts'
import { ClientError, SimCore, unable } from './sim-core.ts'

// EAP-SIM, RFC 4186. The network proves itself only by two or three triplets of 64 bits each.

const VERSION = 1
const MOST_STARTS = 3

class SimPeer implements PeerMethod {
  readonly #core: SimCore
  #starts = 0
  #start: { readonly nonceMt: Uint8Array; readonly versionList: Uint8Array } | undefined

  constructor(config: EapPeerConfig, tools: PeerTools) {
    this.#core = new SimCore('sim', 'EAP-SIM', config, tools)
  }

  get complete(): boolean {
    return this.#core.complete
  }

  get refusal(): VpnError | undefined {
    return this.#core.refusal
  }

  request(request: EapRequest): readonly MethodAction[] {
    return this.#core.guarded(request, () => {
      const read = decodeSimMessage(request.data)
      if (!read.ok) throw unable(`${read.error.path.join(' / ')}: ${read.error.problem}`)
      const message = read.value
      switch (message.subtype) {
        case SimSubtype['SIM-Start'].id:
          return this.#onStart(request, message)
        case SimSubtype['SIM-Challenge'].id:
          return this.#onChallenge(request, message)
        case SimSubtype['Re-authentication'].id:
          return this.#core.reauthenticate(request, message, [])
        case SimSubtype.Notification.id:
          return this.#core.notified(request, message)
        default:
          throw unable(`subtype ${message.subtype}`)
      }
    })
  }

  /** RFC 4186 §4.1, §4.2, §9.2 */
  #onStart(request: EapRequest, { attributes }: SimMessage): readonly MethodAction[] {
    const core = this.#core
    if (core.keys !== undefined || ++this.#starts > MOST_STARTS) throw unable('a start too many')
    const list = find(attributes, 'AT_VERSION_LIST')
    const versionList = list === undefined ? undefined : counted(list)
    if (versionList === undefined || versionList.length === 0 || versionList.length % 2 !== 0)
      throw unable('no list of versions')
    if (!versionsIn(versionList).includes(VERSION))
      throw new ClientError('unsupported version', 'no version of EAP-SIM in common')
    const identity = core.identityFor(attributes)
    const said = identity === undefined ? [] : [identity]
    const subtype = SimSubtype['SIM-Start'].id
    this.#start = undefined
    if (identity !== undefined && core.saidReauth) return [core.answer(request, subtype, said)]
    const nonceMt = core.tools.random.bytes(16)
    this.#start = { nonceMt, versionList: versionList.slice() }
    return [
      core.answer(request, subtype, [
        reserved('AT_NONCE_MT', nonceMt),
        withNumber('AT_SELECTED_VERSION', VERSION),
        ...said,
      ]),
    ]
  }

  /** RFC 4186 §9.3, §9.4: the card answers first, and only then can the MAC be judged. */
  #onChallenge(request: EapRequest, message: SimMessage): readonly MethodAction[] {
    const core = this.#core
    const start = this.#start
    if (start === undefined || core.keys !== undefined) throw unable('a challenge before its time')
    const { attributes } = message
    const rand = find(attributes, 'AT_RAND')
    const rands = rand === undefined ? [] : blocksOf(body(rand))
    if (rands.length < 2 || rands.length > 3)
      throw new ClientError('insufficient number of challenges', `${rands.length} challenges`)
    if (rands.some((one, i) => rands.slice(0, i).some((other) => equal(one, other))))
      throw new ClientError('insufficient number of challenges', 'the same challenge twice')
    const answers = rands.map((one) => core.card.gsm?.(one))
    if (answers.some((answer) => answer === undefined)) throw unable('the card has no answer')
    const known = answers as readonly GsmAnswer[]
    const kcs = known.map(({ kc }) => kc)
    const version = Uint8Array.of(0, VERSION)
    const mk = simMasterKey(utf8(core.identity), kcs, start.nonceMt, start.versionList, version)
    for (const kc of kcs) kc.fill(0)
    core.keys = keysOfMasterKey(core.tools.legacy, mk)
    core.checkMac(request, message, start.nonceMt)
    const result = core.authenticated(core.keys, attributes, core.decrypted(attributes))
    const extra = concat(...known.map(({ sres }) => sres))
    return [core.answer(request, SimSubtype['SIM-Challenge'].id, result, extra)]
  }

  takeMsk(): Secret | undefined {
    return this.#core.takeMsk()
  }

  close(): void {
    this.#core.close()
  }
}

function versionsIn(list: Uint8Array): number[] {
  const versions: number[] = []
  for (let at = 0; at < list.length; at += 2) versions.push((list[at]! << 8) | list[at + 1]!)
  return versions
}

/** 16 octets each; what does not fit makes one block too many. */
function blocksOf(octets: Uint8Array): Uint8Array[] {
  const blocks: Uint8Array[] = []
  if (octets.length % 16 !== 0) return blocks
  for (let at = 0; at < octets.length; at += 16) blocks.push(octets.slice(at, at + 16))
  return blocks
}

export const simPeer = (config: EapPeerConfig, tools: PeerTools): PeerMethod => new SimPeer(config, tools)
