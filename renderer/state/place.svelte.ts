import type { Place as Asked } from '../../core/contract/settings.ts'

export type Tab = 'status' | 'inspector' | 'checks' | 'edit'
export type View = 'connection' | 'new' | 'import' | 'settings' | 'capture' | 'lessons'

export const TABS: readonly Tab[] = ['status', 'inspector', 'checks', 'edit']

/** Which part of the window is looked at. */
export class Place {
  view = $state<View>('connection')
  tab = $state<Tab>('status')
  compact = $state(false)
  #folded = $state(false)
  /** In the Inspector, which wants the room, the list is folded away unless the person wants it. */
  #unfoldedThere = $state(false)

  /** The list of connections is folded away. */
  get folded(): boolean {
    return this.#inspecting ? !this.#unfoldedThere : this.#folded
  }

  set folded(folded: boolean) {
    if (this.#inspecting) this.#unfoldedThere = !folded
    else this.#folded = folded
  }

  get #inspecting(): boolean {
    return this.view === 'capture' || (this.view === 'connection' && this.tab === 'inspector')
  }

  /** A tab of the connection looked at. */
  open(tab: Tab): void {
    this.view = 'connection'
    this.tab = tab
  }

  /** Goes where main asks; returns the profile it is about. */
  follow(asked: Asked): string | undefined {
    if ('profile' in asked) {
      this.open(asked.view)
      return asked.profile
    }
    this.view = asked.view
    return undefined
  }
}
