import type { Secret } from '../core/bytes/secret.ts'
import type { CaptureFiles } from '../core/contract/capture.ts'
import type { MessageLine } from '../core/contract/message.ts'
import type { AppSnapshot } from '../core/contract/snapshot.ts'
import type { Finding, MessageTree } from '../core/contract/tree.ts'
import type { Manager } from '../core/manager/manager.ts'
import type { Later } from './later.ts'
import type { Stores } from './stores.ts'

/** What the window needs of the tunnels, whoever carries them. */
export interface Carrier {
  /** The manager, where it is this process that carries them. */
  readonly manager: Manager | undefined
  snapshot(): Promise<AppSnapshot>
  connect(profile: string, secrets: ReadonlyMap<string, Secret>): Promise<void>
  disconnect(profile: string | undefined): Promise<number>
  messages(profile: string, after: number, most?: number): Promise<readonly MessageLine[]>
  tree(profile: string, number: number): Promise<MessageTree | undefined>
  find(profile: string, wanted: string, after: number): Promise<Finding>
  capture(profile: string, keys: boolean): Promise<CaptureFiles>
  retry(profile: string): Promise<boolean>
  letOut(profile: string): Promise<readonly string[]>
  close(): Promise<void>
}

export interface EngineOptions {
  /** The folder all state lives in. */
  readonly home: string
  /** The engine wipes the secrets of this run when it closes. */
  readonly stores: Later<Stores>
  /** The snapshot changed. */
  readonly changed: () => void
  readonly note: (text: string) => void
}
