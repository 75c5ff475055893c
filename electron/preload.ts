import { contextBridge, ipcRenderer } from 'electron'
import { channelOf, rows } from '../core/contract/contract.ts'

// Builds `window.culvert` from the contract: nothing else of Electron reaches the page. The type is `WindowApi`.
const api: Record<string, Record<string, unknown>> = {}
for (const { area, name, row } of rows()) {
  const channel = channelOf(area, name)
  api[area] ??= {}
  api[area][name] =
    row.kind === 'call'
      ? (argument: unknown) => ipcRenderer.invoke(channel, argument)
      : (listener: (value: unknown) => void) => {
          // The event stays here: it would hand the page a way to send on any channel.
          const pass = (_event: unknown, value: unknown): void => listener(value)
          ipcRenderer.on(channel, pass)
          return () => ipcRenderer.off(channel, pass)
        }
}
contextBridge.exposeInMainWorld('culvert', api)
