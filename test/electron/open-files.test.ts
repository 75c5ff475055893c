import { expect, test } from 'vitest'
import { filesIn } from '../../electron/open-files.ts'

test('files are named as paths or as addresses; anything else is nobody’s file', () => {
  const argv = ['culvert', '--hidden', 'a.json', '/b/c.json', 'file:///d%20e/f.json', 'https://example.org/x']
  expect(filesIn(argv, '/home/alice', true)).toEqual(['/home/alice/a.json', '/b/c.json', '/d e/f.json'])
  expect(filesIn(['culvert', 'file://elsewhere/x', 'file:%', 'javascript:1'], '/', true)).toEqual([])
})

test('from a checkout the first argument is the app', () => {
  expect(filesIn(['electron', '--no-sandbox', '/app', 'a.json'], '/tmp', false)).toEqual(['/tmp/a.json'])
})
