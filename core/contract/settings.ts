/** What a person has chosen about the app itself. */
export interface Settings {
  readonly theme: 'system' | 'light' | 'dark'
  readonly startAtLogin: boolean
  /** At login: only in the tray. */
  readonly startHidden: boolean
  /** Closing the window leaves Culvert in the tray. */
  readonly keepInTray: boolean
  readonly notifications: boolean
  /** Ask before disconnecting or quitting while traffic flows. */
  readonly confirmWhileBusy: boolean
}

export const DEFAULT_SETTINGS: Settings = {
  theme: 'system',
  startAtLogin: false,
  startHidden: true,
  keepInTray: false,
  notifications: true,
  confirmWhileBusy: true,
}

/** A part of the window that main can ask it to show. */
export type Place =
  | { readonly view: 'status' | 'inspector' | 'checks' | 'edit'; readonly profile: string }
  | { readonly view: 'settings' | 'new' }
