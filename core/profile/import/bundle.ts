import type { Report } from './report.ts'

/** A file as it came. `name`: its path inside the chosen folder or archive, with `/`. */
export interface ImportFile {
  readonly name: string
  readonly bytes: Uint8Array
}

/** The files that came together. Nothing outside is ever read, whatever a file names. */
export class Bundle {
  readonly #files: ReadonlyMap<string, ImportFile>
  readonly #used = new Set<string>()

  constructor(files: readonly ImportFile[]) {
    this.#files = new Map(files.map((file) => [normalize(file.name), file]))
  }

  get files(): readonly ImportFile[] {
    return [...this.#files.values()]
  }

  /**
   * The file another one means by `path`: beside it, else in one of `folders` beside it, else the only one of that
   * name in the bundle, since absolute paths are those of another machine. Marks it as used.
   */
  find(path: string, from: string, folders: readonly string[] = []): ImportFile | undefined {
    const wanted = path.replaceAll('\\', '/')
    const base = folderOf(from)
    const places = [wanted, ...folders.map((folder) => `${folder}/${wanted}`)]
    for (const place of wanted.startsWith('/') ? [] : places) {
      const file = this.#files.get(normalize(`${base}${place}`))
      if (file !== undefined) return this.use(file)
    }
    const last = wanted.split('/').at(-1) ?? ''
    const same = this.files.filter(({ name }) => name.split('/').at(-1) === last)
    return same.length === 1 && same[0] !== undefined ? this.use(same[0]) : undefined
  }

  /** The files an include with `*` and `?` names, beside `from`, in order. */
  matching(pattern: string, from: string): readonly ImportFile[] {
    // Every star doubles what the expression may try: nobody needs many.
    if (pattern.length > 256 || pattern.split('*').length > 4) return []
    const whole = normalize(pattern.startsWith('/') ? pattern : `${folderOf(from)}${pattern}`)
    const expression = new RegExp(
      `^${whole
        .replace(/[.+^${}()|[\]\\]/g, '\\$&')
        .replaceAll('*', '[^/]*')
        .replaceAll('?', '[^/]')}$`,
    )
    return this.files
      .filter(({ name }) => expression.test(normalize(name)))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map((file) => this.use(file))
  }

  /** Takes a file as a part of another one. */
  use(file: ImportFile): ImportFile {
    this.#used.add(normalize(file.name))
    return file
  }

  /** Read as a part of another file, so it is no profile of its own. */
  isUsed(file: ImportFile): boolean {
    return this.#used.has(normalize(file.name))
  }
}

/** What an importer may look at besides its file. */
export interface ImportContext {
  readonly bundle: Bundle
  readonly report: Report
}

const folderOf = (name: string): string => name.slice(0, name.lastIndexOf('/') + 1)

/** `a/./b/../c` → `a/c`; what would leave the folder stays inside it. */
function normalize(path: string): string {
  const parts: string[] = []
  for (const part of path.replaceAll('\\', '/').split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return parts.join('/')
}
