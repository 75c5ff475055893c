import { describe, expect, test } from 'vitest'
import { isVendor, VENDOR } from '../../../core/iana/ikev1-vendor-ids.ts'
import { decodeMessage, encodeMessage } from '../../../core/wire/ikev1/message.ts'
import { connected, line, pair } from '../../support/two-peers-v1.ts'

const encapsulation = (message: { readonly payloads: readonly unknown[] }) => {
  const sa = (message.payloads as readonly { type: string }[]).find((p) => p.type === 'SA') as
    | { proposals: { transforms: { attributes: { type: number; value?: number }[] }[] }[] }
    | undefined
  return sa?.proposals[0]?.transforms[0]?.attributes.find((a) => a.type === 4)?.value
}

describe('RFC 3947: NAT traversal', () => {
  test('§3.2, §5.1: without a NAT everything stays on port 500, in plain tunnels', () => {
    const { client } = connected()
    expect(client.n.facts).toMatchObject({ nat: { us: false, gateway: false, known: true } })
    expect(client.n.remote?.port).toBe(500)
    expect(encapsulation(client.sent.find((m) => line(m).startsWith('QUICK* HASH SA'))!)).toBe(1)
  })

  test('§4, §5.1: behind a NAT the fifth message and all that follow go to port 4500, and tunnels are UDP ones', () => {
    const { client, gateway, net } = connected({ nat: true })
    expect(client.n.facts.nat).toEqual({ us: true, gateway: false, known: true })
    expect(gateway.n.facts.nat).toEqual({ us: false, gateway: true, known: true })
    const ports = client.actions.flatMap((a) => (a.do === 'send' ? [a.datagram.remote.port] : []))
    expect(ports.slice(0, 3)).toEqual([500, 500, 4500])
    expect(new Set(ports.slice(2))).toEqual(new Set([4500]))
    expect(gateway.n.remote).toMatchObject({ address: '203.0.113.9', port: 64500 })
    expect(encapsulation(client.sent.find((m) => line(m).startsWith('QUICK* HASH SA'))!)).toBe(3)
    expect(net.pings()).toBe(true)
  })

  test('drafts 02 and 03: payloads and tunnels by their own numbers, and the same move to port 4500', () => {
    const two = pair({ nat: true })
    // A gateway of before the RFC, which says nothing of it; vendor IDs are in no hash.
    two.net.onSend = (flight) => {
      const message = flight.kind === 'ike' ? decodeMessage(flight.bytes) : undefined
      if (message?.ok !== true || message.value.sealed) return [flight]
      const { header, payloads } = message.value
      const older = payloads.filter((p) => p.type !== 'VendorID' || !isVendor(VENDOR.NATT_RFC3947, p.data))
      return [{ ...flight, bytes: encodeMessage(header, older) }]
    }
    two.client.command('connect')
    two.net.settle()
    expect(two.client.n.facts.peer.natTraversal).toBe('draft')
    expect(two.client.n.remote?.port).toBe(4500)
    const seen = two.client.sent[1]?.payloads as readonly { type: string; draft?: boolean }[]
    expect(seen.filter(({ type }) => type === 'NATD').map(({ draft }) => draft)).toEqual([true, true])
    expect(encapsulation(two.client.sent.find((m) => line(m).startsWith('QUICK* HASH SA'))!)).toBe(61443)
    expect(two.net.pings()).toBe(true)
  })

  test('RFC 3948 §4: who is behind it keeps it open', () => {
    const { client, gateway, net } = connected({ nat: true })
    net.advance(65_000)
    const keepalives = (peer: typeof client) => peer.actions.filter((a) => a.do === 'keepalive').length
    expect(keepalives(client)).toBe(3)
    expect(keepalives(gateway)).toBe(0)
  })

  test('where encapsulation is wanted anyway, both ends find a NAT', () => {
    const { client, gateway, net } = connected({ client: { forceEncapsulation: true } })
    expect(client.n.remote?.port).toBe(4500)
    expect(gateway.n.facts.nat.gateway).toBe(true)
    expect(encapsulation(client.sent.find((m) => line(m).startsWith('QUICK* HASH SA'))!)).toBe(3)
    expect(net.pings()).toBe(true)
  })
})
