/** One line of an IANA page: the number, and the document that gives it its meaning. */
export interface Row {
  readonly id: number
  readonly reference: string
}

/** An IANA registry: rows by the name IANA gives them. */
export type Registry = Readonly<Record<string, Row>>

interface Index {
  label: string
  readonly names: ReadonlyMap<number, string>
}

const indexes = new WeakMap<Registry, Index>()

function indexOf(registry: Registry): Index {
  let index = indexes.get(registry)
  if (index === undefined) {
    index = {
      label: 'UNKNOWN',
      names: new Map(Object.entries(registry).map(([name, row]) => [row.id, name])),
    }
    indexes.set(registry, index)
  }
  return index
}

/** Says what an unknown number of this registry is called: `labelUnknown(NotifyType, 'NOTIFY')` → `NOTIFY(40123)`. */
export function labelUnknown(registry: Registry, label: string): void {
  indexOf(registry).label = label
}

/** The registered name of `id`, or the registry's label around the number, e.g. `NOTIFY(40123)`. */
export function nameOf(registry: Registry, id: number): string {
  const { label, names } = indexOf(registry)
  return names.get(id) ?? `${label}(${id})`
}

export const isRegistered = (registry: Registry, id: number): boolean => indexOf(registry).names.has(id)
