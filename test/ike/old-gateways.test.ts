import { describe, expect, test } from 'vitest'
import { Secret } from '../../core/bytes/secret.ts'
import { NotifyType } from '../../core/iana/ikev2-notify.ts'
import { notify } from '../../core/ike/v2/payloads.ts'
import { connectionConfig } from '../../core/profile/config.ts'
import { requireProfile } from '../../core/profile/schema.ts'
import { parseIkeSuite } from '../../core/profile/suites.ts'
import { decodeMessage } from '../../core/wire/ikev2/message.ts'
import type { Payload } from '../../core/wire/ikev2/payload.ts'
import { selector } from '../support/inner-packets.ts'
import {
  connected,
  ECP256,
  type Net,
  type PairOptions,
  type Peer,
  pair,
  shape,
  X25519,
} from '../support/two-peers.ts'

// Habits of gateways that people have, each by the name of a product that is known for it.

const context = { source: 'test', field: 'ike.proposals', weak: [] }
const offers = (...suites: string[]) => suites.map((suite) => parseIkeSuite(suite, context))
const groupsIn = ({ payloads }: { readonly payloads: readonly unknown[] }): number[] =>
  (payloads as readonly Payload[]).flatMap((payload) =>
    payload.type === 'SA'
      ? payload.proposals.flatMap(({ transforms }) =>
          transforms.filter(({ type }) => type >= 4 && type !== 5).map(({ id }) => id),
        )
      : [],
  )

const profileConfig = (change: object) =>
  connectionConfig(
    requireProfile(
      {
        ...{ format: 'culvert-profile', version: 1, id: 'office', name: 'Office', localId: 'alice' },
        ...{ gateway: { host: 'vpn.example.org' }, auth: { method: 'psk' } },
        ...change,
      },
      'test',
    ),
    new Map([['psk', Secret.fromText('key')]]),
    '192.0.2.1',
  )

/** Drops what a gateway would not understand. */
const deafTo = (net: Net, is: (group: number) => boolean): void => {
  net.onSend = (flight) => {
    const sent = flight.from.sent.at(-1)
    const init = flight.from === net.client && sent?.exchange === 'IKE_SA_INIT'
    return init && groupsIn(sent).some(is) ? [] : [flight]
  }
}

describe('Zyxel: nothing comes back where a group of the offer is newer than 21', () => {
  test('after three tries only old groups are offered, the usual ones first, and it stands', () => {
    const ikeProposals = offers('aes128gcm16-prfsha256-curve25519-modp3072-ecp384-ecp256-modp2048')
    const { client, net } = pair({
      client: { ikeProposals },
      gateway: { ikeProposals: offers('aes128gcm16-prfsha256-ecp256') },
    })
    deafTo(net, (group) => group > 21)
    client.command('connect')
    net.advance(10_000)
    expect(client.sent.slice(0, 4).map(groupsIn)).toEqual([
      [31, 15, 20, 19, 14],
      [31, 15, 20, 19, 14],
      [31, 15, 20, 19, 14],
      [19, 14, 15, 20],
    ])
    expect(client.n.state).toBe('connected')
  })

  test('an answer to the first offer counts though it is late', () => {
    const ikeProposals = offers('aes128gcm16-prfsha256-curve25519-ecp256')
    const { client, net } = pair({ client: { ikeProposals }, gateway: { ikeProposals } })
    client.command('connect')
    const first = net.take()
    net.onSend = (flight) => (flight.from === client ? [] : [flight])
    net.advance(4_000)
    expect(client.sent).toHaveLength(4)
    net.onSend = undefined
    net.deliver(first)
    net.settle()
    expect([client.n.state, client.n.current?.suite.keyExchange.id]).toEqual(['connected', X25519])
  })

  test('additional key exchanges that may be left out are; those that may not are never', () => {
    const optional = offers('aes256gcm16-prfsha384-ecp384-ke1_mlkem768-ke1_none')
    const { client, net } = pair({
      client: { ikeProposals: optional },
      gateway: { ikeProposals: offers('aes256gcm16-prfsha384-ecp384') },
    })
    deafTo(net, (group) => group > 21)
    client.command('connect')
    net.advance(10_000)
    expect([client.n.state, client.n.current?.suite.additional]).toEqual(['connected', undefined])

    const must = offers('aes256gcm16-prfsha384-ecp384-ke1_mlkem768')
    const other = pair({ client: { ikeProposals: must } })
    deafTo(other.net, (group) => group > 21)
    other.client.command('connect')
    other.net.advance(120_000)
    expect(new Set(other.client.sent.map((message) => groupsIn(message).join()))).toEqual(new Set(['20,36']))
    expect(other.client.closed?.error?.kind).toBe('unreachable')
  })

  test('who has answered once is not offered less', () => {
    const ikeProposals = offers('aes128gcm16-prfsha256-curve25519-ecp256')
    const { client, net } = pair({
      client: { ikeProposals },
      gateway: { ikeProposals: offers('aes128gcm16-prfsha256-ecp256') },
    })
    client.command('connect')
    net.step()
    net.step()
    net.onSend = () => []
    net.flying = []
    net.advance(60_000)
    expect(new Set(client.sent.map((message) => groupsIn(message).join()))).toEqual(new Set(['31,19']))
  })
})

describe('Windows RRAS: the answer to what comes from port 4500 goes to where IKE_SA_INIT came from', () => {
  const forced = { client: { forceEncapsulation: true } }
  /** Nothing to port 4500 gets through, unless it began there. */
  const strayAnswers = (net: Net): void => {
    let began = 0
    net.onSend = (flight) => {
      const { exchange } = flight.from.sent.at(-1)!
      if (exchange === 'IKE_SA_INIT' && flight.from === net.client) began = flight.destination.port
      const strays = flight.from === net.gateway && exchange === 'IKE_AUTH' && began === 500
      return strays ? [] : [flight]
    }
  }

  test('after four tries all of it is begun on port 4500', () => {
    const { client, net } = pair({ ...forced, second: {} })
    strayAnswers(net)
    client.command('connect')
    net.advance(20_000)
    expect(client.notes).toContain('no answer from port 4500: beginning there')
    const begun = client.actions.flatMap((action) =>
      action.do === 'send' && action.message.exchange === 'IKE_SA_INIT' ? [action.datagram.remote.port] : [],
    )
    expect([begun, client.n.state, client.n.remote?.port]).toEqual([[500, 4500], 'connected', 4500])
    expect(net.pingsFrom(client)).toBe(true)
  })

  test('once, and then it is over', () => {
    const { client, net } = pair({ ...forced, second: {} })
    net.onSend = (flight) =>
      flight.from === net.client && flight.from.sent.at(-1)?.exchange === 'IKE_AUTH' ? [] : [flight]
    client.command('connect')
    net.advance(120_000)
    expect(client.closed?.error).toEqual({ kind: 'noAnswer', exchange: 'IKE_AUTH', tries: 7 })
    expect(client.sent.filter(({ exchange }) => exchange === 'IKE_AUTH')).toHaveLength(4 + 7)
  })
})

/** The gateway refuses each CREATE_CHILD_SA of which `refused` says so, and nothing comes of it. */
function refuse(net: Net, refused: (payloads: readonly Payload[]) => Payload | undefined): void {
  const { gateway } = net
  const feed = gateway.feed.bind(gateway)
  gateway.feed = (event) => {
    const { current } = gateway.n
    const message = event.type === 'datagram' ? decodeMessage(event.datagram.bytes) : undefined
    if (event.type === 'datagram' && message?.ok === true && message.value.header.exchange === 36) {
      const opened = current?.open(event.datagram.bytes, message.value, net.now)
      const payloads = opened?.outcome === 'message' && opened.payloads.ok ? opened.payloads.value : []
      const answer = message.value.header.response ? undefined : refused(payloads)
      if (current !== undefined && answer !== undefined) {
        gateway.n.transmit(current.answer(message.value.header, [answer]))
        for (const action of gateway.n.take())
          if (action.do === 'send') net.outlet.send(gateway, action.datagram)
        return
      }
    }
    feed(event)
  }
}
const refuseKe = (net: Net, type: number = NotifyType.NO_PROPOSAL_CHOSEN.id, data?: Uint8Array): void =>
  refuse(net, (payloads) => (payloads.some((one) => one.type === 'KE') ? notify(type, data) : undefined))

/** As {@link pair}, connecting, with another answer to IKE_AUTH. */
function answeredBy(options: PairOptions, change: (payloads: readonly Payload[]) => readonly Payload[]) {
  const made = pair(options)
  made.client.command('connect')
  made.net.step()
  const sa = made.gateway.n.current!
  const seal = sa.seal.bind(sa)
  sa.seal = (exchange, id, response, payloads) =>
    seal(exchange, id, response, exchange === 35 ? change(payloads) : payloads)
  return made
}

describe('FortiGate, Cisco ASA: one pair of networks for each CHILD_SA', () => {
  const [office, lab, far] = [
    selector('10.77.0.0', '10.77.0.255'),
    selector('10.79.0.0', '10.79.0.255'),
    selector('10.90.0.0', '10.90.0.255'),
  ] as const
  /** The gateway narrows IKE_AUTH to its first network, and has the others for who asks. */
  const asks = (
    remoteSelectors: readonly ReturnType<typeof selector>[],
    has: readonly ReturnType<typeof selector>[],
  ) => {
    const made = pair({ client: { remoteSelectors }, gateway: { localSelectors: has.slice(0, 1) } })
    made.client.command('connect')
    made.net.onSend = (flight) => {
      if (made.client.n.state === 'connected' && made.gateway.n.config.localSelectors.length < has.length)
        Object.assign(made.gateway.n.config, { localSelectors: has })
      return [flight]
    }
    made.net.settle()
    return made
  }

  test('the others are asked for one by one, and the networks of all are told', () => {
    const { client } = asks([office, lab], [office, lab])
    const remote = [...client.n.children.values()].map(({ selectors }) => selectors.remote)
    expect(remote).toEqual([[office], [lab]])
    const told = client.actions.filter((action) => action.do === 'established')
    expect(told.map(({ selectors }) => selectors.remote)).toEqual([[office], [office, lab]])
  })

  test('one that is refused is left out, and the rest stands', () => {
    const { client, net } = asks([office, lab, far], [office, lab])
    expect([client.n.state, client.n.children.size, net.pings()]).toEqual(['connected', 2, true])
    expect(client.notes).toContain('the peer refused a CHILD_SA: TS_UNACCEPTABLE')
  })

  test('who asks for everything takes what it gets', () => {
    const { client } = asks([selector('0.0.0.0', '255.255.255.255')], [office, lab])
    expect(client.n.children.size).toBe(1)
  })

  test('RFC 7296 §2.9: ADDITIONAL_TS_POSSIBLE, and the networks of the configuration are asked for', () => {
    const { client, net } = answeredBy({ gateway: { localSelectors: [office, lab] } }, (payloads) => [
      ...payloads.map((one): Payload => {
        if (one.type === 'TSr') return { ...one, selectors: [office] }
        if (one.type !== 'CP') return one
        const subnet = (third: number) => ({
          type: 13,
          value: Uint8Array.of(10, third, 0, 0, 255, 255, 255, 0),
        })
        return { ...one, attributes: [...one.attributes, subnet(77), subnet(79)] }
      }),
      notify(NotifyType.ADDITIONAL_TS_POSSIBLE.id),
    ])
    net.settle()
    expect([...client.n.children.values()].map(({ selectors }) => selectors.remote)).toEqual([
      [office],
      [lab],
    ])
  })

  test('RFC 7296 §2.9: SINGLE_PAIR_REQUIRED in IKE_AUTH, and each pair is asked for by itself', () => {
    const networks = {
      client: { remoteSelectors: [office, lab] },
      gateway: { localSelectors: [office, lab] },
    }
    const { client, net } = answeredBy(networks, (payloads) => [
      ...payloads.filter(({ type }) => !['SA', 'TSi', 'TSr'].includes(type)),
      notify(NotifyType.SINGLE_PAIR_REQUIRED.id),
    ])
    refuse(net, (payloads) =>
      payloads.some((one) => one.type === 'TSr' && one.selectors.length > 1)
        ? notify(NotifyType.SINGLE_PAIR_REQUIRED.id)
        : undefined,
    )
    net.settle()
    expect([client.n.state, client.closed]).toEqual(['connected', undefined])
    expect([...client.n.children.values()].map(({ selectors }) => selectors.remote)).toEqual([
      [office],
      [lab],
    ])
    const told = client.actions.filter((action) => action.do === 'established')
    expect(told.at(-1)?.selectors.remote).toEqual([office, lab])
  })
})

describe('MikroTik: a CP payload in CREATE_CHILD_SA', () => {
  test('it is passed over when it renews, and when it answers', () => {
    const { client, gateway, net } = connected()
    const cp: Payload = { type: 'CP', cfgType: 1, attributes: [] }
    for (const [peer, other] of [
      [gateway, client],
      [client, gateway],
    ] as const) {
      const sa = gateway.n.current!
      const seal = sa.seal.bind(sa)
      sa.seal = (exchange, id, response, payloads) =>
        seal(exchange, id, response, exchange === 36 ? [...payloads, cp] : payloads)
      peer.command('rekeyChild')
      net.settle()
      sa.seal = seal
      expect(peer.n.rekeys.child).toBeGreaterThan(0)
      expect([peer.n.children.size, other.n.children.size]).toEqual([1, 1])
      expect(net.pings()).toBe(true)
    }
  })
})

describe('Juniper SRX, Windows: KE in a renewal of a CHILD_SA is refused', () => {
  const optional = { pfsGroups: [X25519], secrecyOptional: true }
  const renewals = (peer: Peer) =>
    peer.sent.filter((one) => shape(one).startsWith('CREATE_CHILD_SA request')).map(groupsIn)

  test('the group of phase 1 is tried, then none; the tunnel lives on, and later renewals send none', () => {
    const { client, net } = connected({ client: { ...optional, pfsGroups: [ECP256] } })
    refuseKe(net)
    client.command('rekeyChild')
    net.settle()
    expect(renewals(client)).toEqual([[ECP256], [X25519], []])
    expect([client.n.rekeys.child, client.n.children.size, net.pings()]).toEqual([1, 1, true])
    expect(client.notes.at(-1)).toContain('no perfect forward secrecy')
    client.command('rekeyChild')
    net.settle()
    expect(renewals(client).at(-1)).toEqual([])
    expect([client.n.rekeys.child, net.pings()]).toEqual([2, true])
  })

  test('INVALID_KE_PAYLOAD for a group that was not offered: the same', () => {
    const { client, net } = connected({ client: optional })
    refuseKe(net, NotifyType.INVALID_KE_PAYLOAD.id, Uint8Array.of(0, 0))
    client.command('rekeyChild')
    net.settle()
    expect([renewals(client), client.n.rekeys.child, net.pings()]).toEqual([[[X25519], []], 1, true])
  })

  test('a profile that says "pfs": true insists: nothing is asked for without', () => {
    expect(profileConfig({ esp: { pfs: true } }).secrecyOptional).toBe(false)
    expect(profileConfig({ esp: { proposals: ['aes256gcm16-ecp256'] } }).secrecyOptional).toBe(true)
    const { client, net } = connected({ client: { pfsGroups: [X25519] } })
    refuseKe(net)
    client.command('rekeyChild')
    net.settle()
    expect(renewals(client)).toEqual([[X25519]])
  })

  test('Windows renews without KE by itself: who only prefers it takes that', () => {
    const { client, gateway, net } = connected({ client: optional })
    gateway.command('rekeyChild')
    net.settle()
    expect([client.n.children.size, gateway.n.rekeys.child, net.pings()]).toEqual([1, 1, true])
  })

  test('the first CHILD_SA of its own exchange (RFC 6023) does without too', () => {
    const both = { ...optional, childless: true }
    const { client, net } = pair({ client: both, gateway: { childless: true } })
    refuseKe(net)
    client.command('connect')
    net.settle()
    expect([client.n.state, net.pings()]).toEqual(['connected', true])
  })

  test('none is sent where the profile asks for none: what was agreed on is asked for again', () => {
    const { client, net } = connected()
    client.command('rekeyChild')
    net.settle()
    const renewals = client.sent.filter((one) => shape(one).startsWith('CREATE_CHILD_SA request'))
    expect(renewals.map((one) => [shape(one).includes(' KE'), groupsIn(one)])).toEqual([[false, []]])
  })

  test('a profile whose suites name no group asks for none', () => {
    expect(profileConfig({}).pfsGroups).toEqual([])
    expect(profileConfig({ esp: { pfs: true } }).pfsGroups.length).toBeGreaterThan(0)
  })
})
