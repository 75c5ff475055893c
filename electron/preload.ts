import { contextBridge, ipcRenderer, webUtils } from 'electron'
import { channelOf, rows } from '../core/contract/contract.ts'

/** Files that were dropped here cross as their paths; what is no file of this machine has none. */
const DROPS = channelOf('captures', 'open')
function withPaths(argument: unknown): unknown {
  const { files } = (argument ?? {}) as { readonly files?: unknown }
  return Array.isArray(files) ? { files: files.map(pathOf) } : undefined
}
function pathOf(file: File): string {
  try {
    return webUtils.getPathForFile(file)
  } catch {
    return ''
  }
}

// Builds `window.culvert` from the contract: nothing else of Electron reaches the page. The type is `WindowApi`.
const api: Record<string, Record<string, unknown>> = {}
for (const { area, name, row } of rows()) {
  const channel = channelOf(area, name)
  api[area] ??= {}
  api[area][name] =
    row.kind === 'call'
      ? (argument: unknown) => ipcRenderer.invoke(channel, channel === DROPS ? withPaths(argument) : argument)
      : (listener: (value: unknown) => void) => {
          // The event stays here: it would hand the page a way to send on any channel.
          const pass = (_event: unknown, value: unknown): void => listener(value)
          ipcRenderer.on(channel, pass)
          return () => ipcRenderer.off(channel, pass)
        }
}
contextBridge.exposeInMainWorld('culvert', api)
