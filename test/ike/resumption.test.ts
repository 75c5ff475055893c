import { describe, expect, test } from 'vitest'
import { asMillis } from '../../core/bytes/brands.ts'
import { Secret } from '../../core/bytes/secret.ts'
import { NotifyType } from '../../core/iana/ikev2-notify.ts'
import type { ConnectionConfig } from '../../core/ike/config.ts'
import { CHOICE } from '../../core/ike/v2/numbers.ts'
import { notify } from '../../core/ike/v2/payloads.ts'
import { resumeHeader } from '../../core/ike/v2/resumption.ts'
import { TICKET_SECONDS, TicketMemory, TicketOffice } from '../../core/ike/v2/tickets.ts'
import { encodeMessage } from '../../core/wire/ikev2/message.ts'
import { eapPair, PASSWORD } from '../support/eap-peers.ts'
import { SeededRandom } from '../support/seeded-random.ts'
import {
  connected,
  fqdn,
  type PairOptions,
  type Peer,
  pair,
  shape,
  wholeRegistry,
} from '../support/two-peers.ts'

const { TICKET_REQUEST, TICKET_LT_OPAQUE, TICKET_ACK, TICKET_NACK, TICKET_OPAQUE, COOKIE } = NotifyType
const CERTREQ_OR_KE = /\b(SA|KE|CERTREQ)\b/

/** A client that may come back to the same gateway: what is in `again` is its next connection. */
function world(more: PairOptions = {}) {
  const tickets = new TicketMemory()
  const office = new TicketOffice(new SeededRandom(99))
  const options = (seed: number, change: PairOptions = {}): PairOptions => ({
    seed,
    client: { tickets, ...more.client, ...change.client },
    gateway: { ticketOffice: office, ...more.gateway, ...change.gateway },
  })
  const first = connected(options(1))
  return {
    tickets,
    office,
    first,
    /** Nothing gets through any more, and the client notices. */
    breakOff() {
      first.net.onSend = () => []
      first.client.command('probe')
      first.net.advance(120_000)
      expect(first.client.closed?.error?.kind).toBe('noAnswer')
    },
    again: (change: PairOptions = {}) => pair(options(2, change)),
  }
}
/** A gateway that knows nothing of tickets. */
const noOffice = { ticketOffice: undefined } as unknown as Partial<ConnectionConfig>

/** To answer the first message in the name of the gateway. */
const replyHeader = (client: Peer) => resumeHeader(client.sent[0]!.initiatorSpi, new Uint8Array(8), true)
const exchanges = (peer: Peer) => peer.sent.map(({ exchange }) => exchange)

describe('RFC 5723 §4.1: asking for a ticket', () => {
  test('TICKET_REQUEST in the first IKE_AUTH; the last answer has the ticket', () => {
    const { first } = world()
    expect(shape(first.client.sent[1]!)).toContain(`N(${TICKET_REQUEST.id})`)
    expect(shape(first.gateway.sent[1]!)).toContain(`N(${TICKET_LT_OPAQUE.id})`)
  })

  test('who keeps none asks for none, and who gives none says so', () => {
    const { client } = connected()
    expect(shape(client.sent[1]!)).not.toContain(`N(${TICKET_REQUEST.id})`)
    const other = connected({ client: { tickets: new TicketMemory() } })
    expect(shape(other.gateway.sent[1]!)).toContain(`N(${TICKET_NACK.id})`)
    expect(other.net.pings()).toBe(true)
  })

  test('§6.2: after a rekey of the IKE SA there is another one', () => {
    const { first, tickets } = world()
    const before = tickets.take('192.0.2.1', asMillis(0))!
    tickets.keep(before)
    first.client.command('rekeyIke')
    first.net.settle()
    const after = tickets.take('192.0.2.1', asMillis(0))!
    expect(Buffer.compare(after.opaque, before.opaque)).not.toBe(0)
    expect([before.d.closed, after.d.closed]).toEqual([true, false])
  })
})

describe('RFC 5723 §4.3: coming back with it', () => {
  test('two exchanges, neither SA nor KE nor a proof but the keys of before; traffic flows', () => {
    const { breakOff, again } = world()
    breakOff()
    const { client, gateway, net } = again()
    client.command('connect')
    net.settle()
    expect(exchanges(client)).toEqual(['IKE_SESSION_RESUME', 'IKE_AUTH'])
    expect(shape(client.sent[0]!)).toMatch(new RegExp(`request 0: Nonce N\\(${TICKET_OPAQUE.id}\\)`))
    expect(shape(client.sent[0]!)).not.toMatch(CERTREQ_OR_KE)
    expect(shape(gateway.sent[0]!)).toMatch(/^IKE_SESSION_RESUME response 0: Nonce/)
    expect([client.n.state, gateway.n.state, net.pings()]).toEqual(['connected', 'connected', true])
  })

  test('the next ticket comes with it', () => {
    const { breakOff, again, tickets } = world()
    breakOff()
    const { client, net } = again()
    client.command('connect')
    net.settle()
    expect(tickets.take('192.0.2.1', net.now)).toBeDefined()
  })

  test('a gateway that has forgotten its key, N(TICKET_NACK): a sign-in from the start', () => {
    const { breakOff, again } = world()
    breakOff()
    const { client, gateway, net } = again({
      gateway: { ticketOffice: new TicketOffice(new SeededRandom(5)) },
    })
    client.command('connect')
    net.settle()
    expect(shape(gateway.sent[0]!)).toBe(`IKE_SESSION_RESUME response 0: N(${TICKET_NACK.id})`)
    expect(exchanges(client)).toEqual(['IKE_SESSION_RESUME', 'IKE_SA_INIT', 'IKE_AUTH'])
    expect([client.n.state, net.pings()]).toEqual(['connected', true])
  })

  test('a gateway that says nothing to it: a sign-in from the start after three tries', () => {
    const { breakOff, again } = world()
    breakOff()
    const { client, net } = again({ gateway: noOffice })
    client.command('connect')
    net.advance(10_000)
    expect(exchanges(client).filter((one) => one === 'IKE_SESSION_RESUME')).toHaveLength(
      CHOICE.triesOfResumption,
    )
    expect([client.n.state, net.pings()]).toEqual(['connected', true])
  })

  test('§4.3.2: a COOKIE is returned first', () => {
    const { breakOff, again } = world()
    breakOff()
    const { client, gateway, net } = again()
    client.command('connect')
    const asked = net.take()
    net.deliver({
      ...asked,
      from: gateway,
      to: client,
      bytes: encodeMessage(replyHeader(client), [notify(COOKIE.id, Uint8Array.of(1, 2, 3))]),
      source: asked.destination,
      destination: asked.source,
    })
    expect(shape(client.sent[1]!)).toMatch(
      new RegExp(`request 0: N\\(${COOKIE.id}\\) Nonce N\\(${TICKET_OPAQUE.id}\\)`),
    )
    net.settle()
    expect([client.n.state, net.pings()]).toEqual(['connected', true])
  })

  test.each([
    ['the client has another name', { client: { localIdentity: fqdn('mallory.test') } }],
    ['the gateway has another name', { gateway: { localIdentity: fqdn('other.test') } }],
  ] as const)('§4.3.3: %s than in the ticket: that counts for nothing', (_, change) => {
    const { breakOff, again } = world()
    breakOff()
    const { client, net } = again(change as PairOptions)
    client.command('connect')
    net.settle()
    expect(exchanges(client).slice(0, 3)).toEqual(['IKE_SESSION_RESUME', 'IKE_AUTH', 'IKE_SA_INIT'])
  })

  test('behind a NAT it goes on by port 4500', () => {
    const { breakOff, again } = world()
    breakOff()
    const { client, net } = again({ client: { forceEncapsulation: true } })
    client.command('connect')
    net.settle()
    expect([client.n.remote?.port, client.n.state, net.pings()]).toEqual([4500, 'connected', true])
    expect(exchanges(client)).toEqual(['IKE_SESSION_RESUME', 'IKE_AUTH'])
  })
})

describe('RFC 5723 §4.3.1, §6.2: what a ticket is not', () => {
  test('it is not for a second time: neither end takes it', () => {
    const { breakOff, again, tickets, office } = world()
    const ticket = tickets.take('192.0.2.1', asMillis(0))!
    const copy = ticket.opaque.slice()
    tickets.keep(ticket)
    breakOff()
    const { client, net } = again()
    client.command('connect')
    net.step()
    expect(tickets.take('192.0.2.1', net.now)).toBeUndefined()
    net.settle()
    expect(office.open(copy, wholeRegistry(), net.now)).toBeUndefined()
  })

  test('not for a connection that somebody ended', () => {
    const { first, tickets } = world()
    first.client.command('disconnect')
    first.net.settle()
    expect(tickets.take('192.0.2.1', asMillis(0))).toBeUndefined()
    const other = world()
    other.first.gateway.command('disconnect')
    other.first.net.settle()
    expect(other.tickets.take('192.0.2.1', asMillis(0))).toBeUndefined()
  })

  test('not for another gateway, and not for ever: its keys are wiped', () => {
    const { tickets } = world()
    const ticket = tickets.take('192.0.2.1', asMillis(0))!
    tickets.keep(ticket)
    expect(tickets.take('192.0.2.99', asMillis(0))).toBeUndefined()
    expect(ticket.d.closed).toBe(true)
    const other = world()
    expect(other.tickets.take('192.0.2.1', asMillis(TICKET_SECONDS * 1000 + 10_000))).toBeUndefined()
  })

  test('nobody reads or changes it: one octet of difference, and it is none', () => {
    const { tickets, office } = world()
    const { opaque, d } = tickets.take('192.0.2.1', asMillis(0))!
    const registry = wholeRegistry()
    const secret = d.use((octets) => Buffer.from(octets).toString('hex'))
    expect(Buffer.from(opaque).toString('hex')).not.toContain(secret)
    expect(
      office.open(opaque, registry, asMillis(0))?.d.use((octets) => Buffer.from(octets).toString('hex')),
    ).toBe(secret)
    for (const at of opaque.keys()) {
      const changed = opaque.slice()
      changed[at]! ^= 1
      expect(office.open(changed, registry, asMillis(0))).toBeUndefined()
    }
    for (const length of [0, 4, 20, opaque.length - 1])
      expect(office.open(opaque.subarray(0, length), registry, asMillis(0))).toBeUndefined()
    expect(office.open(opaque, registry, asMillis(TICKET_SECONDS * 1000 + 10_000))).toBeUndefined()
  })

  test('a lifetime ends it sooner where the gateway wants a proof again sooner (RFC 4478)', () => {
    const { tickets } = world({
      gateway: { lifetimes: { ikeRekeySeconds: 0, childRekeySeconds: 0, reauthSeconds: 600 } },
    })
    expect(tickets.take('192.0.2.1', asMillis(700_000))).toBeUndefined()
  })
})

describe('RFC 5723 §4.1: a ticket later, or none', () => {
  /** In place of the ticket the gateway says this in IKE_AUTH. */
  function instead(type: number) {
    const made = pair({
      client: { tickets: new TicketMemory() },
      gateway: { ticketOffice: new TicketOffice(new SeededRandom(7)) },
    })
    const { client, gateway, net } = made
    client.command('connect')
    net.step()
    net.step()
    const sa = gateway.n.current!
    const seal = sa.seal.bind(sa)
    sa.seal = (exchange, id, response, payloads) =>
      seal(
        exchange,
        id,
        response,
        exchange !== 35
          ? payloads
          : payloads.map((one) =>
              one.type === 'Notify' && one.notify === TICKET_LT_OPAQUE.id ? notify(type) : one,
            ),
      )
    net.settle()
    return made
  }

  test('TICKET_ACK: the client asks again in an INFORMATIONAL, once, and has it', () => {
    const { client, gateway, net } = instead(TICKET_ACK.id)
    expect(client.sent.map(shape).at(-1)).toBe(`INFORMATIONAL request 2: N(${TICKET_REQUEST.id})`)
    expect(gateway.sent.map(shape).at(-1)).toContain(`N(${TICKET_LT_OPAQUE.id})`)
    expect(client.n.config.tickets?.take(client.n.remote!.address, asMillis(0))).toBeDefined()
    expect(net.pings()).toBe(true)
  })

  test('TICKET_NACK: nobody asks again, and the tunnel stands all the same', () => {
    const { client, net } = instead(TICKET_NACK.id)
    expect(client.sent.map(({ exchange }) => exchange)).toEqual(['IKE_SA_INIT', 'IKE_AUTH'])
    expect(client.n.config.tickets?.take(client.n.remote!.address, asMillis(0))).toBeUndefined()
    expect(net.pings()).toBe(true)
  })
})

describe('RFC 5723 §9.8: a ticket opens to nobody who may not come in any more', () => {
  const resumed = (users: Map<string, { password: Secret }>) => {
    const tickets = new TicketMemory()
    const ticketOffice = new TicketOffice(new SeededRandom(5))
    const wanted = {
      server: { lookUp: (name: string) => users.get(name) },
      more: { client: { tickets }, gateway: { ticketOffice } },
    }
    const first = eapPair(wanted)
    first.net.settle()
    expect(first.client.n.state).toBe('connected')
    return { tickets, again: () => eapPair(wanted) }
  }

  test('a user who is still on the list comes back without a password', () => {
    const { again } = resumed(new Map([['alice', { password: Secret.fromText(PASSWORD) }]]))
    const { client, net } = again()
    net.settle()
    expect(client.sent.map(({ exchange }) => exchange)).toEqual(['IKE_SESSION_RESUME', 'IKE_AUTH'])
    expect(net.pings()).toBe(true)
  })

  test('one who was taken off it is refused, and the sign-in from the start fails too', () => {
    const users = new Map([['alice', { password: Secret.fromText(PASSWORD) }]])
    const { again } = resumed(users)
    users.clear()
    const { client, net } = again()
    net.settle()
    expect(client.sent.map(({ exchange }) => exchange).slice(0, 2)).toEqual([
      'IKE_SESSION_RESUME',
      'IKE_AUTH',
    ])
    expect(client.n.state).not.toBe('connected')
  })
})
