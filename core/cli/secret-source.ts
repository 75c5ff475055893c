import { adviceFor } from '../advice.ts'
import { Secret } from '../bytes/secret.ts'
import { VpnFailure } from '../errors.ts'
import type { Profile } from '../profile/schema.ts'
import type { MemorySecrets } from '../secrets/memory.ts'
import type { SecretStore } from '../secrets/store.ts'
import type { Terminal } from './terminal.ts'

const WORDS: Readonly<Record<string, string>> = {
  psk: 'Pre-shared key',
  password: 'Password',
  card: 'SIM (k=… opc=…, or triplets)',
  keys: 'Keys (encryption.in=… integrity.in=… encryption.out=… integrity.out=…)',
  ppk: 'Post-quantum pre-shared key (PPK)',
}

/** Nobody types a private key. */
const NOT_TYPED = ['key']

/**
 * Looks for a secret where it may be: given for this run, in the keychain, with the person. What the person types is
 * kept in memory for reconnecting, and nowhere else. Throws `VpnFailure` (`secretMissing`, `cancelled`).
 */
export function secretSource(
  given: MemorySecrets,
  keychain: SecretStore,
  terminal: Terminal,
): (profile: Profile, name: string) => Promise<Secret> {
  let keychainTold = false
  return async (profile, name) => {
    const known = await given.get(profile.id, name)
    if (known !== undefined) return known
    try {
      const saved = await keychain.get(profile.id, name)
      if (saved !== undefined) return saved
    } catch (thrown) {
      if (!(thrown instanceof VpnFailure)) throw thrown
      // Without a keychain one can still type; it is said once, so that nobody wonders why.
      if (!keychainTold)
        terminal.err(`culvert: ${adviceFor(thrown.error).title}: ${adviceFor(thrown.error).detail}`)
      keychainTold = true
    }
    if (!terminal.interactive || NOT_TYPED.includes(name))
      throw new VpnFailure({ kind: 'secretMissing', what: name, profile: profile.name })
    const typed = await terminal.askSecret(`${WORDS[name] ?? name} for ${profile.name}`)
    if (typed === undefined || typed === '') throw new VpnFailure({ kind: 'cancelled' })
    const secret = Secret.fromText(typed)
    await given.set(profile.id, name, secret)
    return secret
  }
}
