import { describe, expect, test } from 'vitest'
import { Secret } from '../../../core/bytes/secret.ts'
import { configurationRequest } from '../../../core/ike/v1/configuration.ts'
import type { Established } from '../../../core/ike/v1/established.ts'
import { beginQuick } from '../../../core/ike/v1/exchanges/quick-mode.ts'
import { pullConfiguration } from '../../../core/ike/v1/exchanges/transaction.ts'
import { selectorOfAddress } from '../../../core/ike/v2/selectors.ts'
import { connected, line, pair } from '../../support/two-peers-v1.ts'

describe('draft-beaulieu-ike-xauth: a name and a password after phase 1', () => {
  const client = (password: string) => ({
    ikev1: { xauth: { role: 'client', user: 'alice', password: Secret.fromText(password) } as const },
  })
  const gateway = () => ({
    ikev1: { xauth: { role: 'gateway', users: new Map([['alice', Secret.fromText('wonder')]]) } as const },
  })

  test('the gateway asks, the client answers, and only then comes mode config', () => {
    const two = connected({ client: client('wonder'), gateway: gateway() })
    expect(two.gateway.sent.map(line).slice(2)).toEqual([
      'MAIN* ID HASH',
      'TRANSACTION* HASH ATTRIBUTES',
      'TRANSACTION* HASH ATTRIBUTES',
      'TRANSACTION* HASH ATTRIBUTES',
      'QUICK* HASH SA Nonce ID ID',
    ])
    expect(two.net.pings()).toBe(true)
  })

  test('a wrong password ends it for both', () => {
    const two = pair({ client: client('glass'), gateway: gateway() })
    two.client.command('connect')
    two.net.settle()
    expect(two.client.closed?.error).toMatchObject({ kind: 'authFailed', who: 'us', method: 'xauth' })
    expect(two.gateway.closed?.error).toMatchObject({ kind: 'authFailed' })
  })

  test('a client that skips it gets neither an address nor a quick mode', () => {
    const two = pair({ client: client('wonder'), gateway: gateway() })
    two.net.onSend = (flight) => (flight.from === two.gateway && flight.bytes[18] === 6 ? [] : [flight])
    two.client.command('connect')
    two.net.settle()
    const before = two.gateway.sent.length
    const e = two.client.state as Established
    const selectors = {
      local: [selectorOfAddress('10.78.0.5')],
      remote: two.client.n.config.remoteSelectors,
    }
    const nothing = { onDone: () => {}, onFailed: () => {} }
    beginQuick(e, { name: 'net', selectors, ...nothing }, two.net.now)
    pullConfiguration(e, configurationRequest({ ipv4: true, ipv6: false }), two.net.now)
    two.client.feed({ type: 'traffic', inbound: false, outbound: false })
    two.net.settle()
    expect(two.gateway.sent).toHaveLength(before)
    expect([two.gateway.children, two.gateway.n.assigned]).toEqual([[], undefined])
    expect(two.gateway.notes.join()).toContain('does not')
  })

  test('by CHAP the password does not travel, and a wrong one is refused', () => {
    const users = new Map([['alice', Secret.fromText('wonder')]])
    const chap = { ikev1: { xauth: { role: 'gateway', users, chap: true } as const } }
    const two = connected({ client: client('wonder'), gateway: chap })
    const said = JSON.stringify(two.client.sent.map(({ payloads }) => payloads))
    expect(two.net.pings()).toBe(true)
    expect(said).not.toContain(JSON.stringify(Buffer.from('wonder').toJSON().data).slice(1, -1))
    const other = pair({ client: client('glass'), gateway: chap })
    other.client.command('connect')
    other.net.settle()
    expect(other.client.closed?.error).toMatchObject({ kind: 'authFailed', who: 'us', method: 'xauth' })
  })

  test('a code in a second round: a person is asked for it, and renewal asks for none', () => {
    const asked: string[] = []
    const codes = {
      has: (name: string) => name === 'alice',
      take: (name: string, code: Uint8Array) => asked.push(`${name} ${Buffer.from(code)}`) === 1,
    }
    const users = new Map([['alice', Secret.fromText('wonder')]])
    const two = pair({
      client: client('wonder'),
      gateway: { ikev1: { xauth: { role: 'gateway', users, codes } } },
    })
    two.client.command('connect')
    two.net.settle()
    expect(two.client.n.state).toBe('phase2')
    const question = two.client.actions.findLast((action) => action.do === 'ask')
    expect(question?.question).toMatchObject({ what: 'code', user: 'alice' })
    two.client.feed({
      type: 'answered',
      id: question!.id,
      answer: { what: 'secret', secret: Secret.fromText('123456') },
    })
    two.net.settle()
    expect([two.client.n.state, asked]).toEqual(['connected', ['alice 123456']])
    two.client.command('rekeyIke')
    two.net.settle()
    expect([two.client.n.rekeys.ike, asked.length, two.client.closed]).toEqual([1, 1, undefined])
  })

  test('a gateway that demands it lets nobody in who does not offer it', () => {
    const two = pair({ gateway: gateway() })
    two.client.command('connect')
    two.net.advance(5_000)
    expect(two.client.closed?.error).toMatchObject({ kind: 'noProposalChosen', phase: 1 })
  })

  test('§5: a gateway that renews offers the method in which the responder is asked, and our address is confirmed', () => {
    const two = connected({ client: client('wonder'), gateway: gateway() })
    const { children, configuration } = two.client
    two.gateway.command('rekeyIke')
    two.net.settle()
    expect(two.client.n.current?.suite.authentication).toBe(65002)
    expect(two.client.sent.map(line).slice(-3)).toEqual([
      'TRANSACTION* HASH ATTRIBUTES',
      'TRANSACTION* HASH ATTRIBUTES',
      'TRANSACTION* HASH ATTRIBUTES',
    ])
    const request = two.client.sent.at(-1)!.payloads[1] as { readonly attributes: readonly unknown[] }
    expect(request.attributes[0]).toEqual({ type: 1, bytes: Uint8Array.of(10, 8, 0, 2) })
    expect([two.client.children, two.client.configuration]).toEqual([children, configuration])
    expect(two.net.pings()).toBe(true)
  })

  test('a renewed phase 1 asks once more, and the tunnel lives on', () => {
    const two = connected({ client: client('wonder'), gateway: gateway() })
    const children = two.client.children
    two.client.command('rekeyIke')
    two.net.settle()
    expect(two.client.n.rekeys.ike).toBe(1)
    expect(two.client.children).toEqual(children)
    expect(two.client.closed).toBeUndefined()
  })
})
