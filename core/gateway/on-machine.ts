import { readFile } from 'node:fs/promises'
import { Secret } from '../bytes/secret.ts'
import { createRegistry } from '../crypto/registry.ts'
import { systemRandom } from '../crypto/system-random.ts'
import { VpnFailure } from '../errors.ts'
import { loadAddon } from '../native/load.ts'
import { openEdge } from '../net/edge.ts'
import type { GatewaySettings } from './config.ts'
import type { GatewayListener } from './gateway.ts'
import { machineHost } from './machine-host.ts'
import { type GatewayService, startGateway } from './service.ts'

export interface MachineGateway extends GatewayService {
  /** Outer addresses it listens on. */
  readonly addresses: readonly string[]
  /** The key it made for itself because none was given; to be shown once. */
  readonly freshPsk: string | undefined
}

/** A gateway on this machine, as root. Throws `VpnFailure` (`noPermission`, `systemRefused`, `profileInvalid`, …). */
export async function openMachineGateway(
  settings: GatewaySettings,
  source: string,
  listener: GatewayListener,
): Promise<MachineGateway> {
  const given = await givenPsk(settings.pskFile)
  const freshPsk = given === undefined ? Buffer.from(systemRandom.bytes(18)).toString('base64url') : undefined
  const psk = given ?? Secret.fromText(freshPsk!)
  const addon = loadAddon()
  const edge = await openEdge({ addon, onNote: (note) => listener.note?.(note) })
  const host = machineHost(edge, settings.listen)
  const service = await startGateway({
    settings,
    source,
    psk,
    host,
    addon,
    registry: createRegistry(addon),
    random: systemRandom,
    listener,
  })
  return { gateway: service.gateway, close: () => service.close(), addresses: host.addresses, freshPsk }
}

async function givenPsk(file: string | undefined): Promise<Secret | undefined> {
  if (file === undefined) return undefined
  const refuse = (problem: string): VpnFailure =>
    new VpnFailure({ kind: 'profileInvalid', source: file, field: 'pskFile', problem })
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw refuse(`it cannot be read (${error.code ?? error.message})`)
  })
  const [line = ''] = text.split(/\r?\n/)
  if (line === '') throw refuse('its first line, the pre-shared key, is empty')
  return Secret.fromText(line)
}
