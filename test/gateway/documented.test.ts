import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { readGatewaySettings } from '../../core/gateway/config.ts'

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
