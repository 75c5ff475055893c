import type { ProfileSummary } from '../../core/contract/snapshot.ts'

/** A row of the list of connections. */
export type Row =
  | { readonly kind: 'folder'; readonly name: string; readonly key: string; readonly top: number }
  | { readonly kind: 'profile'; readonly profile: ProfileSummary; readonly key: string; readonly top: number }

export const HEIGHTS = { folder: 30, profile: 52 } as const

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
  const push = (row: Row): void => {
    rows.push(row)
    top += HEIGHTS[row.kind]
  }
  for (const name of [...folders.keys()].sort((a, b) => a.localeCompare(b))) {
    if (name !== '') push({ kind: 'folder', name, key: `folder ${name}`, top })
    for (const profile of folders.get(name) ?? []) push({ kind: 'profile', profile, key: profile.id, top })
  }
  return rows
}

/** The rows between two heights, by halving: a list of thousands costs what a short one does. */
export function rowsBetween(rows: readonly Row[], from: number, to: number): readonly Row[] {
  let low = 0
  let high = rows.length
  while (low < high) {
    const middle = (low + high) >> 1
    const row = rows[middle]
    if (row !== undefined && row.top + HEIGHTS[row.kind] <= from) low = middle + 1
    else high = middle
  }
  let end = low
  while (end < rows.length && (rows[end]?.top ?? to) < to) end += 1
  return rows.slice(low, end)
}

export function heightOf(rows: readonly Row[]): number {
  const last = rows.at(-1)
  return last === undefined ? 0 : last.top + HEIGHTS[last.kind]
}
