import { expect, test } from 'vitest'
import { Secret } from '../../core/bytes/secret.ts'
import { VpnFailure } from '../../core/errors.ts'
import { poolRanges, readGatewaySettings, sessionConfig } from '../../core/gateway/config.ts'

const read = (value: unknown) => readGatewaySettings(value, 'gateway.json')
const psk = () => Secret.fromText('key')

test('it works without being told anything', () => {
  const settings = read({})
  expect(settings.id).toBe('gateway.culvert.test')
  const config = sessionConfig(settings, psk(), 'gateway.json')
  expect(config.ikeProposals.length).toBeGreaterThan(0)
  expect(config.remoteSelectors).toEqual([])
})

test('neither the name of a network nor its broadcast address is given out', () => {
  expect(poolRanges(read({ pool: { ipv4: '10.9.0.0/30', ipv6: 'fd09::/126' } }))).toEqual([
    { first: '10.9.0.1', last: '10.9.0.2' },
    { first: 'fd09::1', last: 'fd09::2' },
  ])
  expect(poolRanges(read({ pool: { ipv4: '10.9.0.7/32' } }))[0]).toEqual({
    first: '10.9.0.7',
    last: '10.9.0.7',
  })
})

test.each([
  [{ listen: ['example.org'] }, 'listen.0'],
  [{ listen: [] }, 'listen'],
  [{ pool: { ipv4: '10.0.0.0/99' } }, 'pool.ipv4'],
  [{ inside: { ipv4: 'fd77::1' } }, 'inside.ipv4'],
  [{ limits: { halfOpen: 0 } }, 'limits.halfOpen'],
  [{ psk: 'secrets do not belong into this file' }, 'psk'],
])('%j is refused, and the field is named', (value, field) => {
  expect(() => read(value)).toThrow(VpnFailure)
  try {
    read(value)
  } catch (thrown) {
    expect((thrown as VpnFailure).error).toMatchObject({
      kind: 'profileInvalid',
      source: 'gateway.json',
      field,
    })
  }
})

test('a weak algorithm needs its switch here too', () => {
  const weak = { ike: { proposals: ['3des-sha1-modp1024'] } }
  expect(() => sessionConfig(read(weak), psk(), 'gateway.json')).toThrow(VpnFailure)
  const allowed = { ...weak, weak: ['3des', 'sha1', 'modp1024'] }
  expect(sessionConfig(read(allowed), psk(), 'gateway.json').ikeProposals).toHaveLength(1)
})
