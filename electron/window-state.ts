import { readFileSync } from 'node:fs'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'

/** A place on the desktop, in its own pixels. */
export interface Bounds {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/** Where the full window was last, and whether it filled the screen. */
export interface WindowPlace {
  readonly bounds: Bounds
  readonly maximized: boolean
}

/** Ours: so much of a window has to be on a screen for its title bar to be reached. */
const REACH = 80
/** Ours: a window is moved and sized in many steps, and written down after the last. */
const SETTLE_MS = 400

const whole = v.pipe(v.number(), v.safeInteger())
const schema = v.object({
  bounds: v.object({ x: whole, y: whole, width: whole, height: whole }),
  maximized: v.boolean(),
})

/** The saved place where it can still be seen: not smaller than `least`, not larger than its screen. */
export function visible(
  { bounds, maximized }: WindowPlace,
  screens: readonly Bounds[],
  least: { readonly width: number; readonly height: number },
): WindowPlace | undefined {
  const { x, y } = bounds
  const screen = screens.find(
    (one) =>
      x < one.x + one.width - REACH &&
      x + bounds.width > one.x + REACH &&
      y >= one.y &&
      y < one.y + one.height - REACH,
  )
  if (screen === undefined) return undefined
  const between = (wanted: number, from: number, to: number): number => Math.max(from, Math.min(wanted, to))
  const width = between(bounds.width, least.width, Math.max(screen.width, least.width))
  const height = between(bounds.height, least.height, Math.max(screen.height, least.height))
  return { bounds: { x, y, width, height }, maximized }
}

/** What of a window is looked at. */
interface Placed {
  getNormalBounds(): Bounds
  isMaximized(): boolean
}

/** The place of the full window, in `home`/window.json. */
export class WindowState {
  readonly #home: string
  #place: WindowPlace | undefined
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> = Promise.resolve()

  constructor(home: string) {
    this.#home = home
    this.#place = read(this.#path)
  }

  get place(): WindowPlace | undefined {
    return this.#place
  }

  /** It was moved or sized. */
  moved(window: Placed): void {
    this.#place = { bounds: window.getNormalBounds(), maximized: window.isMaximized() }
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.flush(), SETTLE_MS)
  }

  /** Resolves when it is written, as far as it can be; never throws. */
  flush(): Promise<void> {
    if (this.#timer === undefined) return this.#writing
    clearTimeout(this.#timer)
    this.#timer = undefined
    const text = `${JSON.stringify(this.#place)}\n`
    this.#writing = this.#writing.then(async () => {
      try {
        await mkdir(this.#home, { recursive: true, mode: 0o700 })
        await writeFile(`${this.#path}.new`, text, { mode: 0o600 })
        await rename(`${this.#path}.new`, this.#path)
      } catch {
        // The next start begins in the middle of the screen: no reason to trouble anybody.
      }
    })
    return this.#writing
  }

  get #path(): string {
    return join(this.#home, 'window.json')
  }
}

function read(path: string): WindowPlace | undefined {
  try {
    return v.parse(schema, JSON.parse(readFileSync(path, 'utf8')))
  } catch {
    return undefined
  }
}
