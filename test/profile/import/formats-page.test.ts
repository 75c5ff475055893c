import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { FORTICLIENT } from '../../../core/profile/import/forticlient.ts'
import { IPSEC_CONF } from '../../../core/profile/import/ipsec-conf.ts'
import type { KeyTable } from '../../../core/profile/import/keys.ts'
import { MOBILECONFIG } from '../../../core/profile/import/mobileconfig.ts'
import { NM_CONNECTION, NM_LIBRESWAN, NM_STRONGSWAN } from '../../../core/profile/import/network-manager.ts'
import { ONC } from '../../../core/profile/import/onc.ts'
import { PCF } from '../../../core/profile/import/pcf.ts'
import { POWERSHELL } from '../../../core/profile/import/powershell.ts'
import { PROFILE_XML } from '../../../core/profile/import/profile-xml.ts'
import { RASPHONE } from '../../../core/profile/import/rasphone.ts'
import { SHREW } from '../../../core/profile/import/shrew.ts'
import { SLOT_RULES } from '../../../core/profile/import/slot-rules.ts'
import { SSWAN } from '../../../core/profile/import/sswan.ts'
import { SWANCTL } from '../../../core/profile/import/swanctl.ts'
import { VPNC } from '../../../core/profile/import/vpnc.ts'
import { projectRoot } from '../../support/project-root.ts'

const FORMATS: readonly (readonly [string, KeyTable])[] = [
  ['sswan', SSWAN],
  ['mobileconfig', MOBILECONFIG],
  ['swanctl', SWANCTL],
  ['ipsec.conf', IPSEC_CONF],
  ['NM strongSwan', { ...NM_CONNECTION, ...NM_STRONGSWAN }],
  ['NM Libreswan', { ...NM_CONNECTION, ...NM_LIBRESWAN }],
  ['vpnc', VPNC],
  ['pcf', PCF],
  ['Shrew', SHREW],
  ['pbk', RASPHONE],
  ['PowerShell', POWERSHELL],
  ['ProfileXML', PROFILE_XML],
  ['FortiClient', FORTICLIENT],
  ['ONC', ONC],
]

const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`

/** What can be said × who can say it, from the very tables the importers use. */
function table(): string {
  const head = ['field', ...FORMATS.map(([name]) => name)]
  const rows = Object.keys(SLOT_RULES).map((slot) => [
    `\`${slot}\``,
    ...FORMATS.map(([, keys]) =>
      Object.values(keys).some(({ to }) => to.includes(slot as never)) ? '✓' : '',
    ),
  ])
  const counts = ['keys known', ...FORMATS.map(([, keys]) => String(Object.keys(keys).length))]
  return [line(head), line(head.map(() => '---')), ...[...rows, counts].map(line)].join('\n')
}

test('docs/formats.md shows what each format can say', () => {
  const path = join(projectRoot(), 'docs/formats.md')
  const page = readFileSync(path, 'utf8')
  const [before, , after] = page.split(/<!-- (?:table|end) -->\n/)
  const wanted = `${before}<!-- table -->\n${table()}\n<!-- end -->\n${after}`
  if (process.env.UPDATE_EXPECTED === '1') writeFileSync(path, wanted)
  expect(readFileSync(path, 'utf8')).toBe(wanted)
})
