import { basename, isAbsolute } from 'node:path'
import { readKeys } from '../core/capture/keys.ts'
import { OpenCapture } from '../core/capture/open-capture.ts'
import type { MessageSource } from '../core/capture/source.ts'
import type { CaptureState } from '../core/contract/capture.ts'
import { createRegistry } from '../core/crypto/registry.ts'
import { VpnFailure } from '../core/errors.ts'
import { Decoder } from '../core/inspect/decoder.ts'
import { loadAddon } from '../core/native/load.ts'
import { isCapture } from './is-capture.ts'

/** Ours: how often the window hears how far a capture is read. */
const GAP_MS = 100

interface Opened {
  readonly token: number
  readonly path: string
  readonly keys: readonly string[]
  readonly capture: OpenCapture
}

/** The capture the window looks at: one at a time, with the tables of keys that came with it. */
export class CaptureDesk {
  readonly #changed: (state: CaptureState) => void
  #opened: Opened | undefined
  #next = 1
  #told = 0

  /** `changed`: the window hears it. */
  constructor(changed: (state: CaptureState) => void) {
    this.#changed = changed
  }

  /**
   * A capture with its tables of keys; tables alone belong to the one that is open. What is wrong with the capture itself
   * is told later, while it is read. Throws `VpnFailure` (`fileUnreadable`, `nativeMissing`).
   */
  async open(paths: readonly string[]): Promise<CaptureState> {
    const stranger = paths.find((path) => !isAbsolute(path))
    if (stranger !== undefined) throw unreadable(stranger, 'it is no file of this computer')
    const kinds = await Promise.all(paths.map(isCapture))
    const captures = paths.filter((_, at) => kinds[at])
    const tables = paths.filter((_, at) => !kinds[at])
    const [path = this.#opened?.path, another] = captures
    if (another !== undefined) throw unreadable(basename(another), 'one capture is opened at a time')
    if (path === undefined)
      throw unreadable(
        basename(paths[0] ?? ''),
        'it is no capture, and none is open that it could be keys for',
      )
    const keys = captures.length === 0 ? [...(this.#opened?.keys ?? []), ...tables] : tables
    const capture = new OpenCapture(new Decoder(createRegistry(loadAddon()), await readKeys(keys)))
    this.close()
    const opened = { token: this.#next++, path, keys, capture }
    this.#opened = opened
    void capture.read(path, () => this.#tell(opened))
    return stateOf(opened)
  }

  /** The messages of the capture with this token; none when another one is looked at by now. */
  source(token: number): MessageSource {
    return this.#opened?.token === token ? this.#opened.capture : NOTHING
  }

  close(): void {
    this.#opened?.capture.close()
    this.#opened = undefined
  }

  #tell(opened: Opened): void {
    const state = stateOf(opened)
    const now = performance.now()
    if (this.#opened !== opened || (state.reading && now - this.#told < GAP_MS)) return
    this.#told = now
    this.#changed(state)
  }
}

const stateOf = ({ token, path, keys, capture }: Opened): CaptureState => ({
  token,
  name: basename(path),
  keys: keys.length,
  ...capture.state,
})

const NOTHING: MessageSource = { lines: () => [], line: () => undefined, tree: () => undefined }

const unreadable = (source: string, problem: string): VpnFailure =>
  new VpnFailure({ kind: 'fileUnreadable', source, problem })
