/** A row of a long list, of which only what can be seen is drawn. */
export interface Placed {
  readonly top: number
  readonly height: number
}

/** The rows between two heights, by halving: a list of thousands costs what a short one does. */
export function rowsBetween<R extends Placed>(rows: readonly R[], from: number, to: number): readonly R[] {
  let low = 0
  let high = rows.length
  while (low < high) {
    const middle = (low + high) >> 1
    const row = rows[middle]
    if (row !== undefined && row.top + row.height <= from) low = middle + 1
    else high = middle
  }
  let end = low
  while (end < rows.length && (rows[end]?.top ?? to) < to) end += 1
  return rows.slice(low, end)
}

export function heightOf(rows: readonly Placed[]): number {
  const last = rows.at(-1)
  return last === undefined ? 0 : last.top + last.height
}
