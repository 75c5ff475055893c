import { open, readFile } from 'node:fs/promises'
import type { Random } from '../bytes/random.ts'
import { Secret } from '../bytes/secret.ts'
import { VpnFailure } from '../errors.ts'

/** RFC 6290 §5.1: as long as the hash it goes into. */
const SECRET_BYTES = 32

/**
 * What outlives a gateway, so that after a start it can prove to its clients that it has forgotten them: made the first
 * time, readable to its owner alone. Throws `VpnFailure` (`profileInvalid`) where the file can be neither read nor made.
 * RFC 6290 §3, §5.1
 */
export async function crashSecretIn(file: string, random: Random): Promise<Secret> {
  const refused = (problem: string): VpnFailure =>
    new VpnFailure({ kind: 'profileInvalid', source: file, field: 'crashSecretFile', problem })
  try {
    const made = await open(file, 'wx', 0o600)
    try {
      const secret = random.bytes(SECRET_BYTES)
      await made.writeFile(secret)
      await made.sync()
      return new Secret(secret)
    } finally {
      await made.close()
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code !== 'EEXIST') throw refused(`it cannot be made (${code ?? message})`)
  }
  const read = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    throw refused(`it cannot be read (${error.code ?? error.message})`)
  })
  const octets = new Uint8Array(read)
  read.fill(0)
  if (octets.length >= SECRET_BYTES) return new Secret(octets)
  octets.fill(0)
  throw refused(`it has fewer than ${SECRET_BYTES} octets`)
}
