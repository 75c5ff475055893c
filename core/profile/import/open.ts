import type { ImportFile } from './bundle.ts'

export interface Opened {
  readonly files: readonly ImportFile[]
  /** Who signed them, for people. */
  readonly signers: readonly string[]
}

/** Takes files out of what they are wrapped in. */
export async function openContainers(files: readonly ImportFile[]): Promise<Opened> {
  return { files, signers: [] }
}
