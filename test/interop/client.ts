import type { LabEnv } from './lab.ts'

/** How a client reports that it could not connect. */
export interface ClientFault {
  /** A `VpnError` with its fields, or what little another client tells. */
  readonly error: Readonly<Record<string, unknown>> & { readonly kind: string }
  readonly exitCode: number
}

export type Attempt =
  | { readonly ok: true; readonly ms: number }
  | { readonly ok: false; readonly fault: ClientFault }

/** What the client itself counts. */
export interface ClientCounts {
  readonly connected: boolean
  readonly ikeRekeys: number
  readonly childRekeys: number
  readonly children: number
  /** Packets it has refused, of the CHILD_SAs of now: seen before, and for any other reason. */
  readonly replays: number
  readonly otherDrops: number
}

/** A client under test in the lab's client namespace. */
export interface Client {
  /** Resolves when it is connected, or has given up and is gone. */
  connect(): Promise<Attempt>
  /** `undefined`: this client does not tell. */
  counts(): Promise<ClientCounts | undefined>
  /** Orderly end; resolves with its exit code when the process is gone. */
  disconnect(): Promise<number>
  /** At any time, whatever state it is in: no process survives. */
  kill(): Promise<void>
  /** Of its process, where it has one of its own. */
  pid(): number | undefined
  /** All it wrote, for a report of failure. */
  log(): string
}

export type ClientFactory = (env: LabEnv, scenario: string, directory: string) => Promise<Client>
