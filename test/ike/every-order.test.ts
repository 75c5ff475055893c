import { describe, expect, test } from 'vitest'
import type { IkeCommand } from '../../core/ike/session.ts'
import { everyOrder } from '../support/every-order.ts'
import { selector } from '../support/inner-packets.ts'
import type { Net } from '../support/two-peers.ts'

/** Both ends begin at the same moment, and everything they send arrives in every order there is. RFC 7296 §2.25 */

const at = (host: string) => [selector(host, host)]
const COMMANDS = {
  'rekeys the CHILD_SA': { type: 'rekeyChild', child: 'net' },
  'rekeys the IKE SA': { type: 'rekeyIke' },
  'makes another CHILD_SA': { type: 'newChild' },
  'closes the CHILD_SA': { type: 'closeChild', child: 'net' },
  'asks for a sign of life': { type: 'probe' },
  leaves: { type: 'disconnect' },
} as const satisfies Record<string, IkeCommand>
type What = keyof typeof COMMANDS

const options = { client: { mostChildren: 4 }, gateway: { mostChildren: 4 } }

/** A second CHILD_SA, so that closing the first does not end the connection. */
function withTwoChildren(net: Net): void {
  net.client.command({ type: 'newChild', selectors: { local: at('10.8.0.2'), remote: at('10.77.1.1') } })
  net.settle()
}

function begin(client: What, gateway: What) {
  return (net: Net): void => {
    if ([client, gateway].includes('closes the CHILD_SA')) withTwoChildren(net)
    net.client.command(COMMANDS[client])
    net.gateway.command(COMMANDS[gateway])
  }
}

const names = Object.keys(COMMANDS) as What[]
const pairs = names.flatMap((client) => names.map((gateway) => [client, gateway] as const))

describe('both at once, in every order of arrival', () => {
  test.each(pairs)('the client %s, the gateway %s', { timeout: 60_000 }, (client, gateway) => {
    let runs = 0
    const ends = client === 'leaves' || gateway === 'leaves'
    for (const { net, story, problem } of everyOrder(begin(client, gateway), { options })) {
      runs++
      if (problem !== undefined) expect.fail(`${problem}\n${story.join('\n')}`)
      expect(net.client.closed !== undefined, story.join('\n')).toBe(ends)
    }
    expect(runs).toBeGreaterThan(1)
  })
})

const CHANGES: readonly What[] = ['rekeys the CHILD_SA', 'rekeys the IKE SA', 'closes the CHILD_SA', 'leaves']
const troubled = CHANGES.flatMap((client) => CHANGES.map((gateway) => [client, gateway] as const))

describe('and one datagram is lost, or comes twice', () => {
  test.each(troubled)('the client %s, the gateway %s', { timeout: 120_000 }, (client, gateway) => {
    for (const trouble of [{ losses: 1 }, { repeats: 1 }]) {
      for (const { net, story, problem } of everyOrder(begin(client, gateway), { options, ...trouble })) {
        if (problem !== undefined) expect.fail(`${problem}\n${story.join('\n')}`)
        if (client !== 'leaves' && gateway !== 'leaves')
          expect(net.client.closed, story.join('\n')).toBeUndefined()
      }
    }
  })
})
