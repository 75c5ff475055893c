import { type OpenDatapathOptions, openDatapath } from '../esp/open-datapath.ts'
import { createIpsecDatapath, espAlone, type IpsecDatapath } from './datapath.ts'

/** What may be negotiated; `undefined`: ESP in tunnel mode, for which there is fast code. */
export type Wanted = { readonly protocol: string; readonly mode: string } | undefined

/** The datapath for what may be negotiated. */
export function openIpsecDatapath(wanted: Wanted, options: OpenDatapathOptions): IpsecDatapath {
  const usual = wanted === undefined || (wanted.protocol === 'esp' && wanted.mode === 'tunnel')
  return usual ? espAlone(openDatapath(options)) : createIpsecDatapath(options)
}
