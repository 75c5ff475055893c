import { lookup } from 'node:dns/promises'
import { VpnFailure } from '../errors.ts'

/** Ours: the system's resolver may try for minutes; a person should not have to watch that. */
const LIMIT_MS = 15_000

/**
 * Numeric addresses of a host in the order the system prefers (RFC 6724), as any other program here would get them.
 * Throws `VpnFailure` (`nameNotResolved`).
 */
export async function resolveHost(host: string): Promise<readonly string[]> {
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(Object.assign(new Error('too late'), { code: 'ETIMEOUT' })), LIMIT_MS)
  })
  try {
    const found = await Promise.race([lookup(host, { all: true, verbatim: true }), tooLate])
    return [...new Set(found.map(({ address }) => address))]
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code ?? 'EUNKNOWN'
    throw new VpnFailure({ kind: 'nameNotResolved', host, code })
  } finally {
    clearTimeout(timer)
  }
}
