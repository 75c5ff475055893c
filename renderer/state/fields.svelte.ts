import type { MessageTree } from '../../core/contract/tree.ts'
import { around, type FieldRow, fieldRows, openAtFirst, pathToOctet } from '../ui/fields.ts'

/** Which fields of a message are open, and which one is looked at. */
export class Fields {
  tree = $state.raw<MessageTree | undefined>(undefined)
  #open = $state.raw<ReadonlySet<string>>(new Set())
  #picked = $state<string | undefined>(undefined)

  // Not $derived: such a value ends with the view it was first read in, and this outlives views.
  get rows(): readonly FieldRow[] {
    return this.tree === undefined ? [] : fieldRows(this.tree, this.#open)
  }

  get picked(): FieldRow | undefined {
    return this.rows.find(({ path }) => path === this.#picked)
  }

  show(tree: MessageTree | undefined): void {
    this.tree = tree
    this.#picked = undefined
    this.#open = tree === undefined ? new Set() : openAtFirst(tree)
  }

  pick(path: string): void {
    this.#picked = path
  }

  /** No field is looked at. */
  letGo(): void {
    this.#picked = undefined
  }

  toggle(path: string, open = !this.#open.has(path)): void {
    const next = new Set(this.#open)
    if (open) next.add(path)
    else next.delete(path)
    this.#open = next
  }

  /** The row before or after the one looked at. */
  step(by: 1 | -1): void {
    const at = this.rows.findIndex(({ path }) => path === this.#picked)
    const next = this.rows[at === -1 ? 0 : at + by]
    if (next !== undefined) this.#picked = next.path
  }

  /** The smallest field that holds this octet of a layer, opened up to it. */
  pickOctet(layer: number, octet: number): void {
    const path = this.tree === undefined ? undefined : pathToOctet(this.tree, layer, octet)
    if (path === undefined) return
    this.#open = new Set([...this.#open, ...around(path)])
    this.#picked = path
  }
}
