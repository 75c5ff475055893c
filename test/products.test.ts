import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { projectRoot } from './support/project-root.ts'

const inProject = (path: string): string => join(projectRoot(), path)

test('docs/products.md names only tests that exist', () => {
  const rows = readFileSync(inProject('docs/products.md'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| product '))
    .map((line) => line.slice(2, -2).split(' | '))
  expect(rows.length).toBeGreaterThan(8)
  const wrong = rows.filter(([, , file = '', name = '']) => {
    const path = inProject(file.replaceAll('`', ''))
    return !existsSync(path) || name === '' || !readFileSync(path, 'utf8').includes(name)
  })
  expect(wrong).toEqual([])
})
