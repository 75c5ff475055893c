import { readFile } from 'node:fs/promises'
import { Secret } from '../bytes/secret.ts'
import { createRegistry } from '../crypto/registry.ts'
import { systemRandom } from '../crypto/system-random.ts'
import { VpnFailure } from '../errors.ts'
import { loadAddon } from '../native/load.ts'
import { openEdge } from '../net/edge.ts'
import type { GatewaySettings } from './config.ts'
import { crashSecretIn } from './crash-secret.ts'
import type { GatewayListener } from './gateway.ts'
import { machineHost } from './machine-host.ts'
import { closeGatewaySecrets, type GatewaySecrets, needsPsk } from './proofs.ts'
import { type GatewayService, startGateway } from './service.ts'
import { readBase32 } from './timed-codes.ts'

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
  const freshPsk =
    needsPsk(settings) && settings.pskFile === undefined
      ? Buffer.from(systemRandom.bytes(18)).toString('base64url')
      : undefined
  const addon = loadAddon()
  const secrets = await secretsOf(settings, freshPsk)
  const edge = await openEdge({ addon, onNote: (note) => listener.note?.(note) }).catch((thrown: unknown) => {
    closeGatewaySecrets(secrets)
    throw thrown
  })
  const host = machineHost(edge, addon, settings.listen)
  const service = await startGateway({
    settings,
    source,
    secrets,
    host,
    addon,
    registry: createRegistry(addon),
    random: systemRandom,
    listener,
  })
  return { gateway: service.gateway, close: () => service.close(), addresses: service.addresses, freshPsk }
}

/** Everything the settings name files of; none is left open if one cannot be read. */
async function secretsOf(settings: GatewaySettings, freshPsk: string | undefined): Promise<GatewaySecrets> {
  const { pskFile, keyFile, clients } = settings
  const own = new Map<number, Secret>()
  const users = new Map<string, Secret>()
  const totp = new Map<string, Secret>()
  let psk: Secret | undefined
  let key: Secret | undefined
  let crash: Secret | undefined
  try {
    if (pskFile !== undefined) psk = await pskIn(pskFile, 'pskFile')
    else if (freshPsk !== undefined) psk = Secret.fromText(freshPsk)
    if (keyFile !== undefined) key = new Secret(await contentOf(keyFile, 'keyFile'))
    for (const [at, client] of clients.entries()) {
      if (client.pskFile !== undefined) own.set(at, await pskIn(client.pskFile, `clients.${at}.pskFile`))
    }
    for (const [at, { name, passwordFile, totpFile }] of (settings.ikev1?.users ?? []).entries()) {
      users.set(name, await pskIn(passwordFile, `ikev1.users.${at}.passwordFile`))
      if (totpFile !== undefined) totp.set(name, await base32In(totpFile, `ikev1.users.${at}.totpFile`))
    }
    if (settings.crashSecretFile !== undefined)
      crash = await crashSecretIn(settings.crashSecretFile, systemRandom)
    return { psk, key, clients: own, users, totp, crash }
  } catch (thrown) {
    closeGatewaySecrets({ psk, key, clients: own, users, totp, crash })
    throw thrown
  }
}

async function pskIn(file: string, field: string): Promise<Secret> {
  const octets = await contentOf(file, field)
  const end = octets.findIndex((octet) => octet === 0x0a || octet === 0x0d)
  const line = octets.slice(0, end < 0 ? octets.length : end)
  octets.fill(0)
  if (line.length === 0) throw refused(file, field, 'its first line is empty')
  return new Secret(line)
}

async function base32In(file: string, field: string): Promise<Secret> {
  const line = await pskIn(file, field)
  const octets = line.use((bytes) => readBase32(Buffer.from(bytes).toString('latin1')))
  line.close()
  if (octets === undefined) throw refused(file, field, 'its first line is no Base32')
  return new Secret(octets)
}

async function contentOf(file: string, field: string): Promise<Uint8Array> {
  try {
    const read = await readFile(file)
    const octets = new Uint8Array(read)
    read.fill(0)
    return octets
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw refused(file, field, `it cannot be read (${code ?? message})`)
  }
}

const refused = (source: string, field: string, problem: string): VpnFailure =>
  new VpnFailure({ kind: 'profileInvalid', source, field, problem })
