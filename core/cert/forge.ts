import { pbkdf2Sync } from 'node:crypto'
import forge from 'node-forge'

/**
 * node-forge, with PBKDF2 (RFC 8018 §5.2) computed by the host: the library itself does so only where the hash is given
 * by name, which PBES2 never does, and is a hundred times slower alone.
 */
Object.assign(forge.pkcs5, {
  pbkdf2: (password: string, salt: string, rounds: number, octets: number, hash?: Hash): string =>
    pbkdf2Sync(binary(password), binary(salt), rounds, octets, nameOf(hash)).toString('latin1'),
})

type Hash = string | { readonly algorithm: string } | null

/** Left out: SHA-1, as the standard has it. */
const nameOf = (hash: Hash | undefined): string =>
  typeof hash === 'string' ? hash : (hash?.algorithm ?? 'sha1')

/** The library's strings stand for octets. */
const binary = (text: string): Buffer => Buffer.from(text, 'latin1')

export { forge }
