import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { importCulvertJson } from '../../core/profile/import/culvert-json.ts'
import { profileSchema } from '../../core/profile/schema.ts'

const page = readFileSync(new URL('../../docs/profile.md', import.meta.url), 'utf8')
const examples = [...page.matchAll(/```json\n(.*?)```/gs)].map((match) => match[1]!)

describe('docs/profile.md', () => {
  test.each(examples)('an example is imported whole: %s', (example) => {
    const { profiles, report } = importCulvertJson(new TextEncoder().encode(example), 'docs/profile.md')
    expect(profiles).toHaveLength(1)
    expect(report.filter(({ outcome }) => outcome === 'ignored' || outcome === 'refused')).toEqual([])
  })

  test('its examples together and its table name every field there is', () => {
    const fields = Object.keys(profileSchema.entries)
    const shown = examples.flatMap((example) => Object.keys(JSON.parse(example)))
    expect([...new Set(shown)].sort()).toEqual(fields.sort())
    const table = page.split('\n').filter((line) => line.startsWith('| `'))
    const fixed = ['format', 'version']
    expect(
      fields.filter((field) => !fixed.includes(field) && !table.some((line) => line.includes(`\`${field}`))),
    ).toEqual([])
  })
})
