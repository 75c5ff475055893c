import type { VpnError } from '../errors.ts'
import type { ConnectionConfig } from './config.ts'

/** Why what this configuration asks for cannot come through the NAT that was found; `undefined`: it can. RFC 3715 §2.1 */
export function ahBehindNat(
  { protection }: Pick<ConnectionConfig, 'protection'>,
  { us, gateway }: { readonly us: boolean; readonly gateway: boolean },
): VpnError | undefined {
  if ((!us && !gateway) || protection === undefined || protection.protocol === 'esp') return undefined
  return { kind: 'ahBehindNat', who: us ? (gateway ? 'both' : 'us') : 'gateway' }
}
