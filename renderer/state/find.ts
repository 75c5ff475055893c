import type { ProfileSummary } from '../../core/contract/snapshot.ts'
import type { Placed } from './rows.ts'

/** A row of the list of connections. */
export type Row = Placed &
  (
    | { readonly kind: 'folder'; readonly name: string; readonly key: string }
    | { readonly kind: 'profile'; readonly profile: ProfileSummary; readonly key: string }
  )

const HEIGHTS = { folder: 30, profile: 52 } as const

/** Most names are plain letters: those need no tables of Unicode. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is what is asked for.
const PLAIN = /^[\x00-\x7f]*$/
const fold = (text: string): string =>
  (PLAIN.test(text) ? text : text.normalize('NFKD').replace(/\p{M}/gu, '')).toLowerCase()

/** Made once: each call of `localeCompare` looks for one. */
const byName = new Intl.Collator()

/** Finds connections by what a person types: every word somewhere in name, gateway or folder, marks and capitals aside. */
export class Finder {
  readonly #texts: readonly { readonly profile: ProfileSummary; readonly text: string }[]

  constructor(profiles: readonly ProfileSummary[]) {
    this.#texts = profiles.map((profile) => ({
      profile,
      text: fold(`${profile.name}\n${profile.gateway}\n${profile.folder ?? ''}`),
    }))
  }

  find(wanted: string): readonly ProfileSummary[] {
    const words = fold(wanted).split(/\s+/).filter(Boolean)
    return this.#texts
      .filter(({ text }) => words.every((word) => text.includes(word)))
      .map(({ profile }) => profile)
  }
}

/** All a connection of the list is known by. */
const FIELDS = Object.keys({
  ...{ id: 1, name: 1, folder: 1, gateway: 1, signIn: 1, canTry: 1, killSwitch: 1, saved: 1 },
} satisfies Record<keyof ProfileSummary, 1>) as readonly (keyof ProfileSummary)[]

/** Whether both lists say the same of the same connections in the same order. */
export const sameProfiles = (a: readonly ProfileSummary[], b: readonly ProfileSummary[]): boolean =>
  a.length === b.length &&
  a.every((one, at) => FIELDS.every((field) => String(one[field]) === String(b[at]?.[field])))

/** Connections under their folders, in the order of the folders' names; those without a folder first. */
export function rowsOf(profiles: readonly ProfileSummary[]): readonly Row[] {
  const folders = new Map<string, ProfileSummary[]>()
  for (const profile of profiles) {
    const name = profile.folder ?? ''
    const inside = folders.get(name) ?? []
    inside.push(profile)
    folders.set(name, inside)
  }
  const rows: Row[] = []
  let top = 0
  const place = (kind: Row['kind']): Placed => {
    const placed = { top, height: HEIGHTS[kind] }
    top += placed.height
    return placed
  }
  for (const name of [...folders.keys()].sort(byName.compare)) {
    if (name !== '') rows.push({ kind: 'folder', name, key: `folder ${name}`, ...place('folder') })
    for (const profile of folders.get(name) ?? [])
      rows.push({ kind: 'profile', profile, key: profile.id, ...place('profile') })
  }
  return rows
}
