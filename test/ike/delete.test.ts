import { describe, expect, test } from 'vitest'
import type { Established } from '../../core/ike/v2/established.ts'
import { deleteChild } from '../../core/ike/v2/exchanges/delete-child.ts'
import type { DeletePayload } from '../../core/wire/ikev2/payload.ts'
import { connected, type Net, type Peer, shape } from '../support/two-peers.ts'

/** The peer closes its first CHILD_SA, as gateways do after a time without traffic. */
function closeChild(net: Net, peer: Peer): void {
  const [child] = peer.n.children.values()
  deleteChild(peer.state as Established, child!, net.now)
  peer.feed({ type: 'traffic', inbound: false, outbound: false })
}

const nothingLeft = (peer: Peer): void => {
  expect(peer.n.children.size).toBe(0)
  expect(peer.timers.size).toBe(0)
  expect(peer.n.current?.keys.d.closed).toBe(true)
}

describe('RFC 7296 §1.4.1: the IKE SA is deleted', () => {
  test('the client leaves: a Delete of protocol IKE without SPI, an empty answer, and nothing is left', () => {
    const { client, gateway, net } = connected()
    client.command('disconnect') // --> HDR, SK {D}
    expect(net.last('client').payloads).toEqual([{ type: 'Delete', protocol: 1, spiBytes: 0, spis: [] }])
    expect(client.n.state).toBe('disconnecting')
    net.settle() //                 <-- HDR, SK {}
    expect(shape(net.last('gateway'))).toBe('INFORMATIONAL response 2:')
    expect(client.closed).toEqual({ error: undefined })
    expect(gateway.closed?.error).toMatchObject({ kind: 'closedByGateway' })
    nothingLeft(client)
    nothingLeft(gateway)
  })

  test('the gateway leaves: we say so, and may come back', () => {
    const { client, gateway, net } = connected()
    gateway.command('disconnect')
    net.settle()
    expect(client.closed?.error).toEqual({
      kind: 'closedByGateway',
      reason: 'it deleted the IKE SA',
    })
    expect(gateway.closed).toEqual({ error: undefined })
    nothingLeft(client)
  })

  test('nobody answers: we are gone after a short while', () => {
    const { client, net } = connected()
    net.onSend = () => []
    client.command('disconnect')
    net.advance(2_500)
    expect(client.closed).toBeUndefined()
    net.advance(1_000)
    expect(client.closed).toEqual({ error: undefined })
    nothingLeft(client)
  })

  test('RFC 7296 §2.3: an answer still awaited is awaited: the Delete keeps its place in the window', () => {
    const { client, gateway, net } = connected()
    client.command('probe')
    net.lose()
    client.command('disconnect')
    expect(client.sent.filter((m) => m.exchange === 'INFORMATIONAL')).toHaveLength(1)
    net.advance(2_000) // the probe is sent again and answered, then the Delete
    expect(gateway.closed).toBeDefined()
    expect(client.closed).toEqual({ error: undefined })
  })

  test('what is asked of us on the way out is refused, and begins nothing', () => {
    const { client, gateway, net } = connected()
    client.command('disconnect')
    const goodbye = net.take()
    gateway.command('rekeyChild')
    net.step() // <-- HDR, SK {N(REKEY_SA), …}   --> HDR, SK {N(TEMPORARY_FAILURE)}
    expect(shape(net.last('client'))).toBe('CREATE_CHILD_SA response 0: N(43)')
    net.settle()
    net.deliver(goodbye)
    net.settle()
    expect(client.closed).toEqual({ error: undefined })
    expect(gateway.closed).toBeDefined()
  })

  test('a second disconnect adds nothing', () => {
    const { client, net } = connected()
    client.command('disconnect')
    client.command('disconnect')
    expect(client.sent.filter((m) => m.exchange === 'INFORMATIONAL')).toHaveLength(1)
    net.settle()
    client.command('disconnect')
    expect(client.actions.filter((a) => a.do === 'closed')).toHaveLength(1)
  })
})

describe('RFC 7296 §1.4.1: a CHILD_SA is deleted', () => {
  test('each end names its inbound half', () => {
    const { client, gateway, net } = connected()
    const [ours] = client.n.children.values()
    closeChild(net, gateway) // <-- HDR, SK {D(ESP, gateway's inbound SPI)}
    net.step() //               --> HDR, SK {D(ESP, client's inbound SPI)}
    const spis = (peer: 'client' | 'gateway') => {
      const payloads = net[peer].sent.find((m) => shape(m).endsWith(': Delete'))?.payloads ?? []
      return (payloads as DeletePayload[])
        .flatMap((p) => p.spis)
        .map((spi) => Buffer.from(spi).readUInt32BE())
    }
    expect(spis('gateway')).toEqual([ours?.outboundSpi])
    expect(spis('client')).toEqual([ours?.inboundSpi])
  })

  test('one that is not known: an empty answer', () => {
    const { client, gateway, net } = connected()
    closeChild(net, gateway)
    const first = net.take()
    const [child] = client.n.children.values()
    client.n.children.delete(child!.inboundSpi)
    net.deliver(first)
    expect(client.sent.filter((m) => m.response).map(shape)).toEqual(['INFORMATIONAL response 0:'])
  })
})
