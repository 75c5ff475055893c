import { describe, expect, test } from 'vitest'
import { compare } from '../../core/bytes/octets.ts'
import { NotifyType } from '../../core/iana/ikev2-notify.ts'
import { CHOICE } from '../../core/ike/v2/numbers.ts'
import type { NoncePayload } from '../../core/wire/ikev2/payload.ts'
import { deaf, disagreement } from '../support/agreement.ts'
import { selector } from '../support/inner-packets.ts'
import { connected, type Flight, type Net, type Peer, shape } from '../support/two-peers.ts'

const { TEMPORARY_FAILURE, CHILD_SA_NOT_FOUND } = NotifyType
const from = (peer: Peer) => (flight: Flight) => flight.from === peer
const nonceIn = (peer: Peer, which: RegExp): Uint8Array => {
  const message = peer.sent.find((m) => which.test(shape(m)))
  return (message!.payloads as readonly NoncePayload[]).find((p) => p.type === 'Nonce')!.nonce
}

/** Delivers what is in flight one by one; after each datagram packets must still pass both ways. */
function watch(net: Net): void {
  for (let i = 0; i < 60 && net.step() !== undefined; i++) expect(deaf(net)).toBeUndefined()
}

const inAgreement = (net: Net): void => {
  net.advance(CHOICE.lingerMs + 5_000)
  expect(disagreement(net)).toBeUndefined()
}

/** A second CHILD_SA, so that closing the first one does not end the connection. */
function withTwoChildren() {
  const made = connected()
  const own = [selector('10.8.0.2', '10.8.0.2')]
  const remote = [selector('10.77.1.1', '10.77.1.1')]
  made.client.command({ type: 'newChild', selectors: { local: own, remote } })
  made.net.settle()
  return made
}

describe('RFC 7296 §2.8.1: simultaneous rekeying of a CHILD_SA', () => {
  test('both notice: the SA with the lowest of the four nonces is closed by its maker, the old one by the other', () => {
    const winners = new Set<string>()
    for (let seed = 1; seed <= 12; seed++) {
      const { client, gateway, net } = connected({ seed })
      const old = client.children
      client.command('rekeyChild') //  --> HDR, SK {N(REKEY_SA), SA, Ni1, TSi, TSr}
      gateway.command('rekeyChild') // <-- HDR, SK {N(REKEY_SA), SA, Ni2, TSi, TSr}
      net.step() //                    <-- HDR, SK {SA, Nr1, TSi, TSr}
      net.step() //                    --> HDR, SK {SA, Nr2, TSi, TSr}
      for (const peer of net.peers) expect(shape(peer.sent.at(-1)!)).toMatch(/response \d: SA Nonce/)
      net.step()
      net.step()
      for (const peer of net.peers) expect(peer.children).toHaveLength(3)
      const nonces = [
        { maker: client, nonce: nonceIn(client, /request \d: N\(16393\)/) },
        { maker: gateway, nonce: nonceIn(gateway, /request \d: N\(16393\)/) },
        { maker: client, nonce: nonceIn(gateway, /response \d: SA Nonce/) },
        { maker: gateway, nonce: nonceIn(client, /response \d: SA Nonce/) },
      ].sort((a, b) => compare(a.nonce, b.nonce))
      const loser = nonces[0]!.maker
      const winner = net.other(loser)
      winners.add(winner.name)
      // The winner's Delete names the old SA, the loser's the one it has just made.
      const deleted = (peer: Peer): string => {
        const [payload] = peer.sent.findLast((m) => /request \d: Delete$/.test(shape(m)))!
          .payloads as readonly { readonly spis: readonly Uint8Array[] }[]
        return String(Buffer.from(payload!.spis[0]!).readUInt32BE())
      }
      const oldOf = (peer: Peer) => old[0]!.split('/')[peer === client ? 0 : 1]
      expect(deleted(winner)).toBe(oldOf(winner))
      expect(deleted(loser)).not.toBe(oldOf(loser))
      watch(net) //                    --> HDR, SK {D}   <-- HDR, SK {D} and the answers
      inAgreement(net)
    }
    expect(winners).toEqual(new Set(['client', 'gateway']))
  })

  test('one request is lost: who has finished answers CHILD_SA_NOT_FOUND, and the other knows why', () => {
    const { client, gateway, net } = connected()
    client.command('rekeyChild') //    --> (lost)
    net.lose()
    gateway.command('rekeyChild') //   <-- HDR, SK {N(REKEY_SA), SA, Ni2, TSi, TSr}
    watch(net) //                      --> SA, Nr … <-- D … --> D
    expect(client.children).toHaveLength(1)
    net.advance(CHOICE.firstMs) //     --> HDR, SK {N(REKEY_SA), SA, Ni1, TSi, TSr} once more
    expect(shape(net.last('gateway'))).toBe(`CREATE_CHILD_SA response 2: N(${CHILD_SA_NOT_FOUND.id})`)
    net.settle()
    expect(client.closed).toBeUndefined()
    expect([client.n.rekeys.child, gateway.n.rekeys.child]).toEqual([0, 1])
    inAgreement(net)
  })

  test('nothing is asked about a CHILD_SA that the peer may not know of yet', () => {
    const { client, gateway, net } = connected()
    client.command('rekeyChild')
    net.step()
    const answer = net.take() //       <-- HDR, SK {SA, Nr, TSi, TSr}, still on its way
    gateway.command('rekeyChild')
    expect(net.flying).toEqual([]) //  its new SA is no secret, but the client has not heard of it
    net.deliver(answer)
    watch(net) //                      --> HDR, SK {D}: so the client knows, and the gateway may ask
    expect([client.n.rekeys.child, gateway.n.rekeys.child]).toEqual([2, 2])
    inAgreement(net)
  })
})

describe('RFC 7296 §2.8.2: simultaneous rekeying of the IKE SA', () => {
  test('both notice: the one with the lowest nonce is closed by its maker, the other inherits the CHILD_SAs', () => {
    const winners = new Set<string>()
    for (let seed = 1; seed <= 12; seed++) {
      const { client, gateway, net } = connected({ seed })
      const children = client.children
      client.command('rekeyIke') //    --> HDR, SK {SA, Ni1, KEi}
      gateway.command('rekeyIke') //   <-- HDR, SK {SA, Ni2, KEi}
      watch(net)
      const nonces = [
        { maker: client, nonce: nonceIn(client, /CREATE_CHILD_SA request \d: SA Nonce KE/) },
        { maker: gateway, nonce: nonceIn(gateway, /CREATE_CHILD_SA request \d: SA Nonce KE/) },
        { maker: client, nonce: nonceIn(gateway, /CREATE_CHILD_SA response \d: SA Nonce KE/) },
        { maker: gateway, nonce: nonceIn(client, /CREATE_CHILD_SA response \d: SA Nonce KE/) },
      ].sort((a, b) => compare(a.nonce, b.nonce))
      const loser = nonces[0]!.maker
      winners.add(net.other(loser).name)
      expect(loser.n.current?.initiator).toBe(false)
      expect(net.other(loser).n.current?.initiator).toBe(true)
      expect(client.children).toEqual(children)
      inAgreement(net)
      client.command('rekeyChild') // and they are kept alive by it
      watch(net)
      inAgreement(net)
    }
    expect(winners).toEqual(new Set(['client', 'gateway']))
  })

  test('one is done before it hears of the other: TEMPORARY_FAILURE, and the Delete says that ours is forgotten', () => {
    const { client, gateway, net } = connected()
    gateway.command('rekeyIke') //      <-- HDR, SK {SA, Ni2, KEi}, slow
    const slow = net.take()
    client.command('rekeyIke') //       --> HDR, SK {SA, Ni1, KEi}
    net.step() //                       <-- HDR, SK {SA, Nr1, KEr}
    net.step()
    const goodbye = net.take(from(client)) // --> HDR, SK {D}
    net.deliver(slow)
    expect(shape(net.last('client'))).toBe(`CREATE_CHILD_SA response 0: N(${TEMPORARY_FAILURE.id})`)
    net.deliver(goodbye)
    net.settle()
    expect([client.n.rekeys.ike, gateway.n.rekeys.ike]).toEqual([1, 1])
    inAgreement(net)
  })
})

describe.each(['client', 'gateway'] as const)('RFC 7296 §2.25.1, §2.25.2: what the %s answers', (name) => {
  /** What `name` is busy with, what it is asked meanwhile, and the answer. */
  const rows = [
    ['closing a CHILD_SA', 'closeChild', 'its rekey', 'rekeyChild', /: N\(43\)$/],
    ['closing a CHILD_SA', 'closeChild', 'its end', 'closeChild', /INFORMATIONAL response \d:$/],
    ['closing a CHILD_SA', 'closeChild', 'a rekey of the IKE SA', 'rekeyIke', /: N\(43\)$/],
    ['rekeying a CHILD_SA', 'rekeyChild', 'its rekey', 'rekeyChild', /: SA Nonce TSi TSr$/],
    ['rekeying a CHILD_SA', 'rekeyChild', 'its end', 'closeChild', /: Delete$/],
    ['rekeying a CHILD_SA', 'rekeyChild', 'a rekey of the IKE SA', 'rekeyIke', /: N\(43\)$/],
    ['making a CHILD_SA', 'newChild', 'a rekey of the IKE SA', 'rekeyIke', /: N\(43\)$/],
    ['rekeying the IKE SA', 'rekeyIke', 'a rekey of the IKE SA', 'rekeyIke', /: SA Nonce KE$/],
    ['rekeying the IKE SA', 'rekeyIke', 'a rekey of a CHILD_SA', 'rekeyChild', /: N\(43\)$/],
    ['rekeying the IKE SA', 'rekeyIke', 'another CHILD_SA', 'newChild', /: N\(43\)$/],
    ['rekeying the IKE SA', 'rekeyIke', 'the end of a CHILD_SA', 'closeChild', /: Delete$/],
    ['rekeying the IKE SA', 'rekeyIke', 'the end of the IKE SA', 'disconnect', /response \d:$/],
    ['closing the IKE SA', 'disconnect', 'a rekey of the IKE SA', 'rekeyIke', /: N\(43\)$/],
    ['closing the IKE SA', 'disconnect', 'the end of the IKE SA', 'disconnect', /response \d:$/],
  ] as const

  const say = (peer: Peer, what: (typeof rows)[number][1 | 3]): void => {
    if (what === 'closeChild') peer.command({ type: 'closeChild', child: 'net' })
    else if (what === 'rekeyChild') peer.command({ type: 'rekeyChild', child: 'net' })
    else peer.command(what)
  }

  test.each(rows)('while %s (%s), asked for %s (%s): %s', (_busy, first, _asked, then, answer) => {
    const made = withTwoChildren()
    const { net } = made
    const answerer = made[name]
    const asker = net.other(answerer)
    say(answerer, first)
    const slow = net.take(from(answerer))
    say(asker, then)
    net.deliver(net.take(from(asker)))
    expect(shape(answerer.sent.findLast((m) => m.response)!)).toMatch(answer)
    net.deliver(slow)
    net.settle()
    if (first === 'disconnect' || then === 'disconnect') {
      expect(net.peers.map((p) => p.closed !== undefined)).toEqual([true, true])
      return
    }
    net.advance(60_000)
    inAgreement(net)
  })

  test('a CHILD_SA that it does not know: CHILD_SA_NOT_FOUND with the SPI, and the asker forgets it', () => {
    const made = withTwoChildren()
    const { net } = made
    const answerer = made[name]
    const asker = net.other(answerer)
    const lost = [...answerer.n.children.values()][0]!
    answerer.n.children.delete(lost.inboundSpi)
    say(asker, 'rekeyChild') //         HDR, SK {N(REKEY_SA), SA, Ni, TSi, TSr}
    net.step()
    expect(answerer.sent.at(-1)!.payloads).toMatchObject([
      { notify: CHILD_SA_NOT_FOUND.id, protocol: 3, spi: spiOf(lost.outboundSpi) },
    ])
    net.settle()
    expect([...asker.n.children.values()].map((c) => c.outboundSpi)).not.toContain(lost.inboundSpi)
  })

  test('RFC 7296 §2.25: TEMPORARY_FAILURE is not tried again at once', () => {
    const made = connected()
    const { net } = made
    const asker = net.other(made[name])
    made[name].command('rekeyIke')
    const slow = net.take()
    asker.command('rekeyChild')
    net.deliver(net.take(from(asker)))
    net.deliver(net.take(from(made[name])))
    const before = asker.sent.length
    net.advance(CHOICE.temporaryFailureMs * (1 - CHOICE.jitter) - 100)
    expect(asker.sent.slice(before).filter((m) => !m.response)).toEqual([])
    net.deliver(slow)
    net.advance(60_000)
    expect(asker.n.rekeys).toEqual({ ike: 1, child: 1 })
    inAgreement(net)
  })
})

const spiOf = (spi: number): Uint8Array => {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, spi)
  return bytes
}
