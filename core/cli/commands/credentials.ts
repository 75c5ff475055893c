import { basename } from 'node:path'
import { type Credential, readAuthorities, readCredential } from '../../cert/own-key.ts'
import type { CredentialProblem } from '../../cert/private-key.ts'
import { VpnFailure } from '../../errors.ts'
import type { Beside } from '../../profile/import/credential.ts'
import type { CliContext } from '../context.ts'

export interface CredentialOptions {
  /** Files with authorities to trust the gateway by. */
  readonly ca: readonly string[]
  /** The variable that holds the passphrase. */
  readonly passphraseEnv?: string
}

export interface GivenFile {
  readonly path: string
  readonly bytes: Uint8Array
}

type Read<T> = ({ readonly ok: true } & T) | { readonly ok: false; readonly problem: CredentialProblem }

/**
 * Certificates and keys from the files beside profiles. A person is asked for the passphrase where there is one. The
 * caller closes the key. Throws `VpnFailure` (`profileInvalid`, `cancelled`).
 */
export async function readBeside(
  context: CliContext,
  files: readonly GivenFile[],
  options: CredentialOptions,
): Promise<Beside> {
  const passphrase = new Passphrase(context, options.passphraseEnv)
  const authorities = []
  for (const path of options.ca) {
    const bytes = await context.readFile(path)
    const read = await passphrase.open(path, (words) => readAuthorities(bytes, words))
    authorities.push(...read.certificates)
  }
  if (files.length === 0) return { credential: undefined, authorities }
  const names = files.map(({ path }) => path).join(', ')
  const octets = files.map(({ bytes }) => bytes)
  const { credential } = await passphrase.open<{ readonly credential: Credential }>(names, (words) =>
    readCredential(octets, words),
  )
  return { credential, authorities }
}

/** One for all files: read from the environment, or asked for when the first one needs it. */
class Passphrase {
  readonly #context: CliContext
  #words: string | undefined

  constructor(context: CliContext, variable: string | undefined) {
    this.#context = context
    if (variable === undefined) return
    this.#words = process.env[variable]
    if (this.#words === undefined) throw refused('--passphrase-env', `there is no variable ${variable}`)
  }

  async open<T>(source: string, read: (words: string | undefined) => Read<T>): Promise<T> {
    for (;;) {
      const result = read(this.#words)
      if (result.ok) return result
      const { why, problem } = result.problem
      if (why !== 'passphraseMissing') throw refused(basename(source), problem)
      const { terminal } = this.#context
      if (!terminal.interactive) {
        throw refused(basename(source), `${problem}; give its passphrase with --passphrase-env VARIABLE`)
      }
      this.#words = await terminal.askSecret(`Passphrase of ${basename(source)}`)
      if (this.#words === undefined) throw new VpnFailure({ kind: 'cancelled' })
    }
  }
}

const refused = (source: string, problem: string): VpnFailure =>
  new VpnFailure({ kind: 'profileInvalid', source, field: '', problem })
