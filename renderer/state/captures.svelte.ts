import type { CaptureState } from '../../core/contract/capture.ts'
import type { Outcome, WindowApi } from '../../core/contract/contract.ts'
import type { ErrorSnapshot } from '../../core/contract/snapshot.ts'
import { Inspector } from './inspector.svelte.ts'

const CAPTURE = /\.p?cap(ng)?(\.gz)?$/i
/** pcap in either order of octets, with microseconds or nanoseconds; pcapng. */
const MAGIC: ReadonlySet<string> = new Set(['a1b2c3d4', 'd4c3b2a1', 'a1b23c4d', '4d3cb2a1', '0a0d0d0a'])
/** The names under which Wireshark looks for keys. */
const TABLES: ReadonlySet<string> = new Set(['ikev1_decryption_table', 'ikev2_decryption_table', 'esp_sa'])

/** Whether files are for the Inspector, and not for import. */
export async function areForInspector(files: readonly File[]): Promise<boolean> {
  for (const file of files) if (CAPTURE.test(file.name) || TABLES.has(file.name)) return true
  for (const file of files) if (MAGIC.has(await firstOctets(file))) return true
  return false
}

async function firstOctets(file: File): Promise<string> {
  const octets = await file
    .slice(0, 4)
    .arrayBuffer()
    .catch(() => new ArrayBuffer(0))
  return [...new Uint8Array(octets)].map((octet) => octet.toString(16).padStart(2, '0')).join('')
}

/** The capture that is looked at. */
export class Captures {
  readonly #api: WindowApi
  now = $state.raw<CaptureState | undefined>(undefined)
  /** Why it could not be opened. */
  fault = $state.raw<ErrorSnapshot | undefined>(undefined)
  inspector = $state.raw<Inspector | undefined>(undefined)
  /** Changes whenever there may be more messages. */
  revision = $state(0)

  constructor(api: WindowApi) {
    this.#api = api
    api.captures.changed((state) => {
      if (state.token === this.now?.token) this.#show(state)
    })
  }

  async open(files: readonly File[]): Promise<void> {
    this.take(await this.#api.captures.open({ files: [...files] }))
  }

  /** Lets the person choose; whether they did. */
  async choose(): Promise<boolean> {
    const outcome = await this.#api.captures.choose()
    if (outcome.ok && outcome.value === undefined) return false
    this.take(outcome as Outcome<CaptureState>)
    return true
  }

  /** What main says of one that was to be opened. */
  take(outcome: Outcome<CaptureState>): void {
    this.fault = outcome.ok ? undefined : outcome.error
    if (!outcome.ok) return
    const { token } = outcome.value
    const { captures } = this.#api
    this.inspector = new Inspector({
      lines: (after) => captures.lines({ token, after }),
      tree: (number) => captures.tree({ token, number }),
      find: (wanted, after) => captures.find({ token, wanted, after }),
    })
    this.#show(outcome.value)
  }

  close(): void {
    void this.#api.captures.close()
    this.now = undefined
    this.inspector = undefined
    this.fault = undefined
  }

  #show(state: CaptureState): void {
    this.now = state
    this.revision += 1
  }
}
