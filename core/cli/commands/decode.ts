import { readKeys } from '../../capture/keys.ts'
import { readCapture } from '../../capture/read.ts'
import { createRegistry } from '../../crypto/registry.ts'
import { VpnFailure } from '../../errors.ts'
import { Decoder } from '../../inspect/decoder.ts'
import { formatPacket } from '../../inspect/format.ts'
import { fieldsOf } from '../../inspect/wireshark.ts'
import type { NativeAddon } from '../../native/addon.ts'
import { loadAddon } from '../../native/load.ts'
import type { CliContext, ExitCode } from '../context.ts'

export interface DecodeOptions {
  readonly keys: readonly string[]
  readonly json: boolean
  readonly brief: boolean
}

/** `culvert decode FILE`: every packet of a capture, as a tree in words or as one JSON object a line. */
export async function decode(
  { terminal }: CliContext,
  file: string,
  { keys, json, brief }: DecodeOptions,
): Promise<ExitCode> {
  const decoder = new Decoder(createRegistry(addon()), await readKeys(keys))
  for await (const frame of readCapture(file)) {
    const packet = decoder.frame(frame)
    terminal.out(json ? JSON.stringify(fieldsOf(packet, true)) : formatPacket(packet, brief))
    await terminal.ready()
  }
  return 0
}

/** Without the native part fewer algorithms can be done, which a remark on the packet says. */
function addon(): NativeAddon | undefined {
  try {
    return loadAddon()
  } catch (error) {
    if (error instanceof VpnFailure) return undefined
    throw error
  }
}
