import { chmod, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type VpnError, VpnFailure } from '../errors.ts'
import { type Profile, requireProfile } from './schema.ts'

export interface ProfileList {
  readonly profiles: readonly Profile[]
  /** Files that cannot be used, each with its reason; the others are not touched by them. */
  readonly damaged: readonly Extract<VpnError, { kind: 'profileInvalid' | 'weakAlgorithm' }>[]
}

type Read = { readonly profile: Profile } | { readonly damaged: ProfileList['damaged'][number] }

/** Ours: files read at the same time. */
const AT_ONCE = 64

/** Made once: each call of `localeCompare` makes one of its own. */
const byName = new Intl.Collator()

/** One JSON file per profile in `folder`/profiles, readable by its owner only. */
export class ProfileStore {
  readonly #folder: string
  readonly #builtIn: readonly Profile[]
  /** What the files held when they were last looked at, by name. */
  readonly #known = new Map<string, { readonly stamp: string; readonly read: Read }>()

  /** `home`: see `culvertHome`. `builtIn`: found where no file has their name, and never listed. */
  constructor(home: string, builtIn: readonly Profile[] = []) {
    this.#folder = join(home, 'profiles')
    this.#builtIn = builtIn
  }

  async list(): Promise<ProfileList> {
    const files = await this.#files()
    const read: Read[] = []
    for (let at = 0; at < files.length; at += AT_ONCE) {
      read.push(
        ...(await Promise.all(files.slice(at, at + AT_ONCE).map((file) => this.#readOnce(file)))).flat(),
      )
    }
    const there = new Set(files)
    for (const file of this.#known.keys()) if (!there.has(file)) this.#known.delete(file)
    const profiles = read.flatMap((one) => ('profile' in one ? [one.profile] : []))
    const damaged = read.flatMap((one) => ('damaged' in one ? [one.damaged] : []))
    profiles.sort((a, b) => byName.compare(a.name, b.name))
    return { profiles, damaged }
  }

  /**
   * The profile of this name or id, capitals aside. Throws `VpnFailure`: `profileUnknown` with the names that come
   * close first, or why the file of that id cannot be used.
   */
  async find(name: string): Promise<Profile> {
    // The usual question is about an id, and need not look at all the others.
    const own = await this.#byId(name)
    if (own !== undefined) return own
    const { profiles, damaged } = await this.list()
    const wanted = fold(name)
    const found =
      profiles.find((profile) => profile.id === wanted) ??
      profiles.find((profile) => fold(profile.name) === wanted)
    if (found !== undefined) return found
    const broken = damaged.find(
      (error) => error.kind === 'profileInvalid' && error.source.endsWith(`${wanted}.json`),
    )
    if (broken !== undefined) throw new VpnFailure(broken)
    const builtIn = this.#builtIn.find((profile) => profile.id === wanted)
    if (builtIn !== undefined) return builtIn
    throw new VpnFailure({ kind: 'profileUnknown', name, known: nearest(name, profiles) })
  }

  /** Writes the whole file beside the old one and swaps them, so that a crash leaves one or the other. */
  async save(profile: Profile): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    await chmod(this.#folder, 0o700)
    const path = this.#path(profile.id)
    const fresh = `${path}.new`
    const file = await open(fresh, 'w', 0o600)
    try {
      await file.writeFile(`${JSON.stringify(profile, undefined, 2)}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(fresh, path)
  }

  /** Whether there was one. */
  async remove(id: string): Promise<boolean> {
    const there = (await this.#files()).includes(`${id}.json`)
    await rm(this.#path(id), { force: true })
    return there
  }

  /** An id for a new profile of this name that no file has. */
  async freshId(name: string): Promise<string> {
    const taken = new Set((await this.#files()).map((file) => file.slice(0, -'.json'.length)))
    const base = slug(name)
    if (!taken.has(base)) return base
    for (let number = 2; ; number += 1) {
      const id = `${base.slice(0, 56)}-${number}`
      if (!taken.has(id)) return id
    }
  }

  #path(id: string): string {
    return join(this.#folder, `${id}.json`)
  }

  async #files(): Promise<readonly string[]> {
    try {
      return (await readdir(this.#folder)).filter((file) => file.endsWith('.json')).sort()
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw thrown
    }
  }

  async #byId(id: string): Promise<Profile | undefined> {
    if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(id)) return undefined
    const [read] = await this.#readOnce(`${id}.json`)
    return read !== undefined && 'profile' in read ? read.profile : undefined
  }

  /** What a file holds, read again only where it changed; nothing where it is gone. */
  async #readOnce(file: string): Promise<readonly Read[]> {
    const found = await stat(join(this.#folder, file)).catch(() => undefined)
    if (found === undefined) return []
    // `save` puts a new file in the place of the old one, which has another number.
    const stamp = `${found.mtimeMs} ${found.size} ${found.ino}`
    const known = this.#known.get(file)
    if (known?.stamp === stamp) return [known.read]
    const read = await this.#tryRead(file)
    if (read !== undefined) this.#known.set(file, { stamp, read })
    return read === undefined ? [] : [read]
  }

  async #tryRead(file: string): Promise<Read | undefined> {
    try {
      return { profile: await this.#read(file) }
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      if (!(thrown instanceof VpnFailure)) throw thrown
      const { error } = thrown
      if (error.kind === 'profileInvalid' || error.kind === 'weakAlgorithm') return { damaged: error }
      throw thrown
    }
  }

  async #read(file: string): Promise<Profile> {
    const path = join(this.#folder, file)
    const profile = requireProfile(parseJson(await readFile(path, 'utf8'), path), path)
    if (`${profile.id}.json` !== file) {
      throw new VpnFailure({
        kind: 'profileInvalid',
        source: path,
        field: 'id',
        problem: `it says "${profile.id}", but the file is called ${file}`,
      })
    }
    return profile
  }
}

/** JSON, or `VpnFailure` (`profileInvalid`) with the place where it ends to be JSON. */
export function parseJson(text: string, source: string): unknown {
  try {
    return JSON.parse(text)
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : 'it cannot be read'
    throw new VpnFailure({ kind: 'profileInvalid', source, field: '', problem: `it is not JSON: ${why}` })
  }
}

/** A file name made of a person's name for a profile. */
export function slug(name: string): string {
  const plain = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 60)
    .replace(/-+$/, '')
  return plain === '' ? 'profile' : plain
}

const fold = (text: string): string => text.normalize('NFC').trim().toLowerCase()

function nearest(name: string, profiles: readonly Profile[]): readonly string[] {
  const wanted = fold(name)
  return profiles
    .map((profile) => ({ name: profile.name, far: editDistance(wanted, fold(profile.name)) }))
    .sort((a, b) => a.far - b.far)
    .slice(0, 5)
    .map((entry) => entry.name)
}

/** Letters to add, drop or change (Levenshtein). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
