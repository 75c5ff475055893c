import { readFile } from 'node:fs/promises'
import { app, protocol, type Session } from 'electron'
import { assetFor, isOwnPage, POLICY, SCHEME } from './assets.ts'

/** Before Electron is ready: every renderer sandboxed, our scheme known, and no page may go or open anything. */
export function restrictPages(): void {
  app.enableSandbox()
  protocol.registerSchemesAsPrivileged([
    { scheme: SCHEME, privileges: { standard: true, secure: true, codeCache: true } },
  ])
  app.on('web-contents-created', (_event, contents) => {
    contents.setWindowOpenHandler(() => ({ action: 'deny' }))
    contents.on('will-navigate', (event) => event.preventDefault())
    contents.on('will-frame-navigate', (event) => event.preventDefault())
    contents.on('will-redirect', (event) => event.preventDefault())
    contents.on('will-attach-webview', (event) => event.preventDefault())
  })
}

/** Once Electron is ready: no permission, no network, and the app's own files with their policy. */
export function restrictSession(session: Session, folder: string): void {
  session.setPermissionRequestHandler((_contents, _permission, decide) => decide(false))
  session.setPermissionCheckHandler(() => false)
  session.setDevicePermissionHandler(() => false)
  session.on('will-download', (event) => event.preventDefault())
  session.webRequest.onBeforeRequest(({ url }, decide) =>
    decide({ cancel: !isOwnPage(url) && !(url.startsWith('devtools://') && !app.isPackaged) }),
  )
  // Not even main reads files by address: what a page names is never a file of this machine.
  session.protocol.handle('file', () => new Response(null, { status: 404 }))
  session.protocol.handle(SCHEME, async ({ url }) => {
    const asset = assetFor(url, folder)
    const content = asset && (await readFile(asset.path).catch(() => undefined))
    if (content === undefined) return new Response(null, { status: 404 })
    return new Response(new Uint8Array(content), {
      headers: {
        'content-type': asset!.type,
        'content-security-policy': POLICY,
        'x-content-type-options': 'nosniff',
        'cross-origin-opener-policy': 'same-origin',
        'referrer-policy': 'no-referrer',
      },
    })
  })
}
