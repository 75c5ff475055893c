import type { Datapath } from './datapath.ts'
import { createNativeDatapath } from './native-engine.ts'
import { createTypescriptDatapath, type TypescriptDatapathOptions } from './typescript-datapath.ts'

export type EngineKind = Datapath['kind']

export interface OpenDatapathOptions extends TypescriptDatapathOptions {
  /** Default: native. */
  readonly engine?: EngineKind
  /** Hears why the native engine could not be used. */
  readonly onNote: (text: string) => void
}

/** The native datapath for this tunnel, or the TypeScript one where the addon cannot. */
export function openDatapath(options: OpenDatapathOptions): Datapath {
  if (options.engine !== 'typescript') {
    try {
      return createNativeDatapath(options, options.now)
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error)
      options.onNote(`the native datapath cannot be used (${problem}); packets take the slow one`)
    }
  }
  return createTypescriptDatapath(options)
}
