import type { EngineKind } from './open-datapath.ts'

/** `CULVERT_ENGINE=typescript` carries packets the slow way, to tell one engine's faults from the other's. */
export const engineChoice = (): { readonly engine?: EngineKind } =>
  process.env.CULVERT_ENGINE === 'typescript' ? { engine: 'typescript' } : {}
