import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { projectRoot } from './support/project-root.ts'

const inProject = (path: string): string => join(projectRoot(), path)
const rows = readFileSync(inProject('docs/attacks.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| ') && !/^\| (\*\*|attack )/.test(line))
  .map((line) => line.slice(2, -2).split(' | '))

describe('docs/attacks.md', () => {
  test('has rows of four cells', () => {
    expect(rows.length).toBeGreaterThan(50)
    expect(rows.filter((cells) => cells.length !== 4 || cells.some((cell) => cell.trim() === ''))).toEqual([])
  })

  test('names only tests that exist', () => {
    const wrong = rows.filter(([, , file = '', name = '']) => {
      const path = inProject(file.replaceAll('`', ''))
      return !existsSync(path) || (name !== '(all of it)' && !readFileSync(path, 'utf8').includes(name))
    })
    expect(wrong).toEqual([])
  })

  test('forgets none of the attacks that the tests name', () => {
    const page = readFileSync(inProject('docs/attacks.md'), 'utf8')
    const named = new Set(
      rows.flatMap(([, , file = '']) => {
        const text = readFileSync(inProject(file.replaceAll('`', '')), 'utf8')
        return text.match(/CVE-\d{4}-\d+/g) ?? []
      }),
    )
    expect([...named].filter((cve) => !page.includes(cve))).toEqual([])
  })
})
