import fc from 'fast-check'
import { expect, test } from 'vitest'
import { NO_OCTETS } from '../../core/bytes/octets.ts'
import { Secret } from '../../core/bytes/secret.ts'
import type { EapMethodName, EapPeerConfig } from '../../core/eap/config.ts'
import { METHODS } from '../../core/eap/methods.ts'
import { type EapAction, EapPeer } from '../../core/eap/peer.ts'
import { EapServer } from '../../core/eap/server.ts'
import { emptySimMemory, MilenageCard } from '../../core/eap/sim-card.ts'
import { encodeEapPacket } from '../../core/wire/eap/packet.ts'
import { eapTools, secret, users } from '../support/eap-pair.ts'
import { FakeTunnel } from '../support/fake-tunnel.ts'
import { CARD, secretOf } from '../support/sim-network.ts'

const config = (methods: readonly EapMethodName[]): EapPeerConfig => ({
  user: 'alice',
  methods,
  password: secret('geheim'),
  inner: ['mschapv2', 'gtc', 'md5'],
  sim: {
    card: new MilenageCard(secretOf(CARD.k), secretOf(CARD.opc), new Uint8Array(6)),
    memory: emptySimMemory(),
  },
})

/** A few octets that mean something somewhere, and others. */
const octets = fc.array(
  fc.oneof(
    fc.constantFrom(0, 1, 2, 3, 4, 5, 7, 10, 11, 13, 16, 0x20, 0x40, 0x80, 0xc0, 129, 130, 255),
    fc.integer({ min: 0, max: 255 }),
  ),
  { maxLength: 60 },
)
const messages = fc.array(octets, { minLength: 1, maxLength: 6 })

/** One action that ends the turn, whatever came. */
function answersOnce(actions: readonly EapAction[]): void {
  expect(actions.filter(({ do: what }) => what !== 'note').length).toBeLessThanOrEqual(1)
}

test.each(METHODS.map(({ name, type }) => [name, type] as const))(
  '%s: whatever a server says, the peer answers once or ends; it never throws',
  (name, type) => {
    fc.assert(
      fc.property(messages, (list) => {
        const peer = new EapPeer(config([name]), eapTools())
        list.forEach((data, identifier) => {
          const method = { vendor: 0, type }
          const body = Uint8Array.from(data)
          const packet = encodeEapPacket({ code: 'request', identifier, method, expanded: false, data: body })
          const actions = peer.handle({ type: 'packet', packet })
          answersOnce(actions)
          if (actions.some(({ do: what }) => what === 'ask'))
            answersOnce(peer.handle({ type: 'answered', answer: secret('x') }))
          if (actions.some(({ do: what }) => what === 'tls'))
            answersOnce(peer.handle({ type: 'tls', turn: { output: body, data: NO_OCTETS } }))
        })
        peer.close()
      }),
      { numRuns: 60 },
    )
  },
)

test.each([
  ['ttls', 21],
  ['peap', 25],
] as const)('%s: nor does what comes out of the tunnel throw', (name, type) => {
  fc.assert(
    fc.property(messages, fc.constantFrom('mschapv2', 'eap', 'pap'), (list, ttls) => {
      const tunnel = new FakeTunnel({ ...config([name]), ttls }, type)
      tunnel.open('TLSv1.3', 128, 17)
      for (const data of list) answersOnce(tunnel.hear(Uint8Array.from([...data, 0])))
      tunnel.peer.close()
    }),
    { numRuns: 60 },
  )
})

test.each(
  METHODS.filter(({ server }) => server !== undefined).map(({ name, type }) => [name, type] as const),
)('%s: nor does what a client says', (name, type) => {
  fc.assert(
    fc.property(messages, (list) => {
      const server = new EapServer(
        { methods: [name], serverName: 'gw', lookUp: users({ alice: 'geheim' }), retries: 2 },
        eapTools(),
      )
      let identifier = 0
      const note = (actions: ReturnType<EapServer['handle']>): void => {
        for (const action of actions) if (action.do === 'send') identifier = action.packet[1]!
      }
      note(server.handle({ type: 'begin', identity: 'alice' }))
      for (const data of list) {
        const method = { vendor: 0, type }
        const body = Uint8Array.from(data)
        const packet = encodeEapPacket({ code: 'response', identifier, method, expanded: false, data: body })
        const actions = server.handle({ type: 'packet', packet })
        note(actions)
        if (actions.some(({ do: what }) => what === 'tls'))
          note(server.handle({ type: 'tls', turn: { output: body, data: NO_OCTETS } }))
      }
      server.close()
    }),
    { numRuns: 40 },
  )
})

test('secrets a conversation was lent are still whole after it', () => {
  const password = new Secret(Uint8Array.of(1, 2, 3))
  const peer = new EapPeer({ ...config(['mschapv2']), password }, eapTools())
  peer.close()
  expect(password.closed).toBe(false)
})
