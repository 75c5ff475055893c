import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

const rows = readFileSync(join(root, 'docs/standards.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| section'))
  .map((line) => line.split('|').slice(1, -1))
  .map((cells) => cells.map((cell) => cell.trim()))

const filesIn = (cell = ''): string[] => [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1]!)

describe('docs/standards.md', () => {
  test('has rows of five cells', () => {
    expect(rows.length).toBeGreaterThan(20)
    expect(rows.filter((cells) => cells.length !== 5)).toEqual([])
  })

  test('names only files that exist', () => {
    const named = rows.flatMap((cells) => [...filesIn(cells[2]), ...filesIn(cells[3])])
    expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([])
  })

  test('says done, not done, or partly with what is missing', () => {
    expect(
      rows.map((cells) => cells[4] ?? '').filter((state) => !/^(done|not done|partly: .+)$/.test(state)),
    ).toEqual([])
  })

  test('calls nothing done without a file and a test', () => {
    const bare = rows.filter(
      ([, , file, shownBy, state]) => state === 'done' && (!filesIn(file).length || !filesIn(shownBy).length),
    )
    expect(bare).toEqual([])
  })
})
