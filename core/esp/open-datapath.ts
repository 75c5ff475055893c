import type { Datapath } from './datapath.ts'
import { NativeDatapath } from './native-engine.ts'
import { createTypescriptDatapath, type TypescriptDatapathOptions } from './typescript-datapath.ts'

export type EngineKind = Datapath['kind']

export interface OpenDatapathOptions extends TypescriptDatapathOptions {
  /** Default: native. */
  readonly engine?: EngineKind
  /** Hears why the native engine could not be used. */
  readonly onNote: (text: string) => void
}

/** The native datapath for this tunnel, or the TypeScript one where the addon cannot. */
export const openDatapath = (options: OpenDatapathOptions): Datapath =>
  openNative(options) ?? createTypescriptDatapath(options)

/** `undefined` when it is not wanted, or the addon cannot, which is noted. */
export function openNative(
  options: OpenDatapathOptions & { readonly transport?: boolean },
): NativeDatapath | undefined {
  if (options.engine === 'typescript') return undefined
  try {
    return new NativeDatapath(options)
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error)
    options.onNote(`the native datapath cannot be used (${problem}); packets take the slow one`)
    return undefined
  }
}
