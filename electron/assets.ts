import { join, normalize, sep } from 'node:path'

/** Where the window's own pages live: a scheme of ours, so that no file of the machine is ever in reach of them. */
export const SCHEME = 'culvert'
export const START_PAGE = `${SCHEME}://app/index.html`

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
  png: 'image/png',
  woff2: 'font/woff2',
}

/** Scripts, styles, pictures and fonts of the app itself; no connection to anywhere, no inline script, no frame. */
export const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "font-src 'self'",
  "connect-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  'trusted-types svelte-trusted-html',
].join('; ')

export interface Asset {
  readonly path: string
  readonly type: string
}

/** The file in `folder` behind an address of the window; `undefined` for anything that is not one of its own. */
export function assetFor(address: string, folder: string): Asset | undefined {
  let url: URL
  let name: string
  try {
    url = new URL(address)
    name = decodeURIComponent(url.pathname)
  } catch {
    return undefined
  }
  if (url.protocol !== `${SCHEME}:` || url.host !== 'app' || name.includes('\0')) return undefined
  const path = normalize(join(folder, name === '/' ? 'index.html' : name))
  const type = TYPES[path.slice(path.lastIndexOf('.') + 1)]
  return path.startsWith(folder + sep) && type !== undefined ? { path, type } : undefined
}

/** Whether a page is the window's own. */
export const isOwnPage = (address: string): boolean => address.startsWith(`${SCHEME}://app/`)
