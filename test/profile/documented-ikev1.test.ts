import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Secret } from '../../core/bytes/secret.ts'
import { createRegistry } from '../../core/crypto/registry.ts'
import { phase1Offers } from '../../core/ike/v1/phase1-suite.ts'
import { loadAddon } from '../../core/native/load.ts'
import { connectionConfig } from '../../core/profile/config.ts'
import { requireProfile } from '../../core/profile/schema.ts'

const page = readFileSync(new URL('../../docs/ikev1.md', import.meta.url), 'utf8')
const blocks = [...page.matchAll(/^## (.*)$[\s\S]*?```json\n([\s\S]*?)```/gm)]
const secrets = () =>
  new Map([
    ['psk', Secret.fromText('a key')],
    ['password', Secret.fromText('a password')],
  ])

test('there is a profile for each product', () => {
  expect(blocks.map(([, title]) => title)).toEqual([
    'AVM FRITZ!Box',
    'FortiGate of before IKEv2',
    'Cisco ASA and IOS',
  ])
})

test.each(blocks.map(([, title, json]) => [title, json] as const))(
  '%s: the profile is one, and offers something in IKEv1',
  (_, json) => {
    const profile = requireProfile(JSON.parse(json!), 'docs/ikev1.md')
    const config = connectionConfig(profile, secrets(), '192.0.2.1')
    expect(config).toMatchObject({ version: 1, ikev1: { aggressive: true, xauth: { user: 'alice' } } })
    const proposals = config.ikev1?.ikeProposals ?? config.ikeProposals
    const offers = phase1Offers(createRegistry(loadAddon()), proposals, 65001)
    // Aggressive mode has one group: the public value goes out with the offer. RFC 2409 §5
    expect(new Set(offers.map(({ group }) => group)).size).toBe(1)
    expect(offers.length).toBeGreaterThan(1)
  },
)
