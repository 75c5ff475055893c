import { toHex } from '../bytes/octets.ts'
import type { Secret } from '../bytes/secret.ts'
import type { MessageLine } from '../contract/message.ts'
import { NotifyType } from '../iana/ikev2-notify.ts'
import { nameOf } from '../iana/registry.ts'
import type { ProfileStore } from '../profile/store.ts'
import type { MemorySecrets } from '../secrets/memory.ts'
import type { ControlTarget } from './control-protocol.ts'
import type { Manager } from './manager.ts'
import type { LoggedMessage } from './message-log.ts'
import { messageTree } from './message-tree.ts'

/** A manager as the control socket serves it. Secrets that come along stay in memory for this run. */
export function controlTarget(
  manager: Manager,
  profiles: Pick<ProfileStore, 'find'>,
  given: MemorySecrets,
): ControlTarget {
  return {
    snapshot: () => manager.snapshot(),
    subscribe: (listener) => manager.subscribe(listener),
    connect: async (name, secrets) => {
      const profile = await profiles.find(name)
      await keep(secrets, profile.id, given)
      await manager.connect(profile.id)
    },
    disconnect: (name) => manager.disconnect(name),
    messages: async (name, after = 0) =>
      manager
        .messages((await profiles.find(name)).id)
        .filter(({ number }) => number > after)
        .map(lineOf),
    tree: async (name, number) => {
      const messages = manager.messages((await profiles.find(name)).id)
      const found = messages.find((one) => one.number === number)
      return found === undefined ? undefined : messageTree(found.message)
    },
    retry: (name) => manager.retry(name),
  }
}

/** Hands secrets over to `given` and closes them. */
export async function keep(
  secrets: ReadonlyMap<string, Secret>,
  profile: string,
  given: MemorySecrets,
): Promise<void> {
  for (const [name, secret] of secrets) {
    await given.set(profile, name, secret)
    secret.close()
  }
}

function lineOf({ number, atMs, message }: LoggedMessage): MessageLine {
  return {
    number,
    atMs,
    direction: message.direction,
    exchange: message.exchange,
    messageId: message.messageId,
    response: message.response,
    retransmission: message.retransmission,
    problem: message.problem,
    payloads: message.payloads.map(nameOfPayload),
    bytes: toHex(message.bytes),
    ...(message.fragment === undefined ? {} : { fragment: message.fragment }),
    ...(message.fragments === undefined ? {} : { fragments: message.fragments }),
  }
}

/** As the RFCs write it: `SA`, `TSi`, `N(COOKIE)`. */
function nameOfPayload(payload: unknown): string {
  const { type, notify, payload: number } = payload as Partial<Record<'type' | 'notify' | 'payload', unknown>>
  if (type === 'Notify') return `N(${nameOf(NotifyType, Number(notify))})`
  return type === 'Unknown' ? `payload ${number}` : String(type)
}
