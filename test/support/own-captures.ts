import type { Path } from '../../core/ike/config.ts'
import type { ExposedKeys } from '../../core/ike/exposed-keys.ts'
import { exposedKeys as exposedKeysV1 } from '../../core/ike/v1/view.ts'
import { exposedKeys } from '../../core/ike/v2/view.ts'
import { captureOf } from '../../core/manager/capture.ts'
import { MessageLog } from '../../core/manager/message-log.ts'
import type { AnyPeer } from './peer.ts'
import { NOW } from './pki.ts'
import { connected, type PairOptions } from './two-peers.ts'
import { connected as connectedV1 } from './two-peers-v1.ts'

/** What the log of a client has after its actions, ten milliseconds apart. */
export function logOf(client: AnyPeer): MessageLog {
  const log = new MessageLog()
  let at = NOW
  for (const action of client.actions) {
    at += 10
    if (action.do === 'send') log.add(action.message, at, action.datagram)
    if (action.do === 'observe') log.add(action.message, at, arrival(client))
  }
  return log
}

const arrival = ({ n }: AnyPeer): Path | undefined =>
  n.local === undefined || n.remote === undefined ? undefined : { local: n.local, remote: n.remote }

/** Captures of our own negotiations, with the keys of what stands: nothing random, no network. */
export const OWN_CAPTURES = {
  IKEv2: (options: PairOptions = {}) => {
    const { client } = connected(options)
    return { client, ...ofClient(client, { ...exposedKeys(client.n), esp: [] }) }
  },
  IKEv1: (options: PairOptions = {}) => {
    const { client } = connectedV1(options)
    return { client, ...ofClient(client, { ...exposedKeysV1(client.n), esp: [] }) }
  },
} as const

function ofClient(client: AnyPeer, keys: ExposedKeys) {
  const { pcapng, ...rest } = captureOf('culvert0', logOf(client), keys)
  return { ...rest, file: new Uint8Array(Buffer.from(pcapng, 'base64')) }
}
