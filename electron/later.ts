import { VpnFailure } from '../core/errors.ts'

/** A part of the program that is loaded when it is first asked for. */
export interface Later<T> {
  /** Throws `VpnFailure` (`internal`) when it cannot be loaded. */
  (): Promise<T>
  /** It, where somebody has asked for it; loads nothing and throws nothing. */
  loaded(): Promise<T | undefined>
}

/** `load` runs once, when first asked; where that failed, the next one who asks tries again. */
export function later<T>(load: () => Promise<T>): Later<T> {
  let part: Promise<T> | undefined
  const ask = (): Promise<T> => {
    part ??= load().catch((thrown) => {
      part = undefined
      throw unloaded(thrown)
    })
    return part
  }
  return Object.assign(ask, { loaded: async () => part?.catch(() => undefined) })
}

/** What the part itself says is wrong stays as it is. */
const unloaded = (thrown: unknown): unknown =>
  thrown instanceof VpnFailure
    ? thrown
    : new VpnFailure({
        kind: 'internal',
        problem: `a part of Culvert could not be loaded: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
      })

/** A promise that somebody else resolves. */
export function resolvable(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => {}
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}
