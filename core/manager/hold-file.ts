import { mkdirSync, readFileSync, readlinkSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import * as v from 'valibot'
import { VpnFailure } from '../errors.ts'
import type { HeldTraffic, HoldRecord } from './hold.ts'

const text = v.pipe(v.string(), v.maxLength(255))
const list = v.pipe(v.array(text), v.maxLength(512))
const schema = v.object({
  where: v.string(),
  held: v.array(
    v.object({
      device: v.pipe(v.string(), v.regex(/^culvert(0|[1-9]\d{0,2})$/)),
      profile: text,
      name: text,
      host: text,
      networks: list,
      addresses: list,
      sinceMs: v.number(),
    }),
  ),
})

/**
 * The holds of this user, in `home`/run/held.json. Those of another boot or another network namespace are over and
 * are not told. `where`: names both.
 */
export class HoldFile implements HoldRecord {
  readonly #path: string
  readonly #where: string
  readonly #writeFile: (path: string, text: string) => void

  /** `write`: a file anew, as a whole. */
  constructor(
    home: string,
    where = thisNetwork(),
    write = (path: string, text: string): void => writeFileSync(path, text, { mode: 0o600 }),
  ) {
    this.#writeFile = write
    this.#path = join(home, 'run', 'held.json')
    this.#where = where
  }

  list(): readonly HeldTraffic[] {
    try {
      const { where, held } = v.parse(schema, JSON.parse(readFileSync(this.#path, 'utf8')))
      return where === this.#where ? held : []
    } catch {
      return []
    }
  }

  put(held: HeldTraffic): void {
    this.#write([...this.#others(held.device), held])
  }

  drop(device: string): void {
    const left = this.#others(device)
    if (left.length > 0) this.#write(left)
    else rmSync(this.#path, { force: true })
  }

  #others(device: string): readonly HeldTraffic[] {
    return this.list().filter((one) => one.device !== device)
  }

  #write(held: readonly HeldTraffic[]): void {
    try {
      mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 })
      this.#writeFile(`${this.#path}.new`, `${JSON.stringify({ where: this.#where, held })}\n`)
      renameSync(`${this.#path}.new`, this.#path)
    } catch (thrown) {
      const problem = thrown instanceof Error ? thrown.message : String(thrown)
      throw new VpnFailure({ kind: 'systemRefused', what: 'write down what is held back', problem })
    }
  }
}

/** nftables forgets with the kernel, and belongs to a network namespace. */
function thisNetwork(): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    return `${boot} ${readlinkSync('/proc/self/ns/net')}`
  } catch {
    return 'unknown'
  }
}
