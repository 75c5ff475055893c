import { mount } from 'svelte'
import type { WindowApi } from '../core/contract/contract.ts'
import App from './app.svelte'
import { AppState } from './state/app-state.svelte.ts'

declare global {
  interface Window {
    /** Made by the preload script. */
    readonly culvert: WindowApi
  }
}

mount(App, { target: document.body, props: { state: new AppState(window.culvert) } })
