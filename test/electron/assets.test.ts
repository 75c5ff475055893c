import { describe, expect, test } from 'vitest'
import { assetFor, isOwnPage, POLICY, START_PAGE } from '../../electron/assets.ts'

describe('what the window may load', () => {
  test('its own files, with their type', () => {
    expect(assetFor(START_PAGE, '/app/renderer')).toEqual({
      path: '/app/renderer/index.html',
      type: 'text/html; charset=utf-8',
    })
    expect(assetFor('culvert://app/assets/a.woff2', '/app/renderer')?.type).toBe('font/woff2')
    expect(assetFor('culvert://app/', '/app/renderer')?.path).toBe('/app/renderer/index.html')
  })

  test.each([
    'culvert://app/../secret.js',
    'culvert://app/%2e%2e/%2e%2e/secret.js',
    'culvert://app/..%2fsecret.js',
    'culvert://app/%00.js',
    'culvert://app/%E0%A4%A.js',
    'culvert://elsewhere/index.html',
    'culvert://app.example/index.html',
    'file:///etc/passwd.html',
    'https://app/index.html',
    'culvert://app/notes.txt',
    'culvert://app',
    'rubbish',
  ])('and nothing else: %s', (address) => {
    const asset = assetFor(address, '/app/renderer')
    expect(asset === undefined || asset.path.startsWith('/app/renderer/')).toBe(true)
    if (asset !== undefined) expect(asset.path).not.toContain('..')
  })

  test('a page is ours by scheme and host', () => {
    expect(isOwnPage(START_PAGE)).toBe(true)
    expect(isOwnPage('culvert://app.example/index.html')).toBe(false)
    expect(isOwnPage('https://culvert//app/')).toBe(false)
  })

  test('the policy starts from nothing and allows neither inline nor eval', () => {
    expect(POLICY).toMatch(/^default-src 'none';/)
    expect(POLICY).not.toMatch(/unsafe|\*|https?:|data:|blob:/)
  })
})
