import type { ProfileSummary } from '../../core/contract/snapshot.ts'
import type { Placed } from './rows.ts'

/** A row of the list of connections. */
export type Row = Placed &
  (
    | { readonly kind: 'folder'; readonly name: string; readonly key: string }
    | { readonly kind: 'profile'; readonly profile: ProfileSummary; readonly key: string }
  )

const HEIGHTS = { folder: 30, profile: 52 } as const

const fold = (text: string): string => text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase()

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
  for (const name of [...folders.keys()].sort((a, b) => a.localeCompare(b))) {
    if (name !== '') rows.push({ kind: 'folder', name, key: `folder ${name}`, ...place('folder') })
    for (const profile of folders.get(name) ?? [])
      rows.push({ kind: 'profile', profile, key: profile.id, ...place('profile') })
  }
  return rows
}
