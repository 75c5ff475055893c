import { mount } from 'svelte'
import type { WindowApi } from '../core/contract/contract.ts'
import App from './app.svelte'
import { Culvert } from './state/culvert.svelte.ts'

declare global {
  interface Window {
    /** Made by the preload script. */
    readonly culvert: WindowApi
  }
}

mount(App, { target: document.body, props: { culvert: new Culvert(window.culvert) } })
