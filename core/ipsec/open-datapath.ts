import { type OpenDatapathOptions, openDatapath, openNative } from '../esp/open-datapath.ts'
import { createIpsecDatapath, espAlone, type IpsecDatapath, natively } from './datapath.ts'

/** What may be negotiated; `undefined`: ESP in tunnel mode. */
export type Wanted = { readonly protocol: string; readonly mode: string } | undefined

/** The datapath for what may be negotiated: the native one where there is fast code for it. */
export function openIpsecDatapath(wanted: Wanted, options: OpenDatapathOptions): IpsecDatapath {
  const { protocol, mode } = wanted ?? { protocol: 'esp', mode: 'tunnel' }
  if (protocol === 'esp' && mode === 'tunnel') return espAlone(openDatapath(options))
  const native =
    protocol === 'ah+esp' ? undefined : openNative({ ...options, transport: mode === 'transport' })
  return native === undefined ? createIpsecDatapath(options) : natively(native)
}
