import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { encodePem } from '../../core/cert/pem.ts'
import { readGatewaySettings } from '../../core/gateway/config.ts'
import { makeList, makeRoot } from '../support/pki.ts'

test('so can those with certificates', () => {
  const blocks = [...readFileSync('docs/gateway.md', 'utf8').matchAll(/```json\n(.*?)```/gs)]
  const example = blocks[1]?.[1] ?? ''
  const root = makeRoot()
  const pem = {
    certificate: encodePem({ label: 'CERTIFICATE', der: root.der }),
    ca: encodePem({ label: 'CERTIFICATE', der: root.der }),
    crl: encodePem({ label: 'X509 CRL', der: makeList(root, []) }),
  }
  const value = JSON.parse(example, (name, value) => (value === '…' ? pem[name as keyof typeof pem] : value))
  const settings = readGatewaySettings(value, 'docs/gateway.md')
  expect(settings.auth.method).toBe('certificate')
  expect(settings.clients).toHaveLength(1)
})

test('the settings in docs/gateway.md can be read, and name the defaults', () => {
  const [, example = ''] = /```json\n(.*?)```/s.exec(readFileSync('docs/gateway.md', 'utf8')) ?? []
  const written = readGatewaySettings(JSON.parse(example), 'docs/gateway.md')
  const { pool, inside, networks, limits, id, ike, esp } = readGatewaySettings({}, 'nothing')
  expect(written).toMatchObject({ pool, inside, networks, limits, id })
  expect([written.ike.rekeySeconds, written.ike.dpdSeconds, written.esp.rekeySeconds]).toEqual([
    ike.rekeySeconds,
    ike.dpdSeconds,
    esp.rekeySeconds,
  ])
})

test('so can those for IKEv1', () => {
  const blocks = [...readFileSync('docs/gateway.md', 'utf8').matchAll(/```json\n(.*?)```/gs)]
  const settings = readGatewaySettings(JSON.parse(blocks[2]?.[1] ?? ''), 'docs/gateway.md')
  expect(settings.ikev1?.users).toHaveLength(1)
})
