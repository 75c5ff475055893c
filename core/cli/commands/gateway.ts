import { adviceFor } from '../../advice.ts'
import type { VpnError } from '../../errors.ts'
import { readGatewaySettings } from '../../gateway/config.ts'
import type { ClientView, GatewayListener } from '../../gateway/gateway.ts'
import { parseJson } from '../../profile/store.ts'
import type { CliContext, ExitCode } from '../context.ts'

export interface GatewayOptions {
  readonly config: string | undefined
  readonly json: boolean
  readonly verbose: boolean
}

/** `culvert gateway`: the built-in gateway on this machine, until Ctrl-C. */
export async function gateway(context: CliContext, options: GatewayOptions): Promise<ExitCode> {
  const { terminal } = context
  const { config, json } = options
  const source = config ?? 'the built-in settings'
  const value =
    config === undefined
      ? {}
      : parseJson(Buffer.from(await context.readFile(config)).toString('utf8'), config)
  const settings = readGatewaySettings(value, source)
  const stopped = new Promise<void>((resolve) => context.onStop(resolve))
  const service = await context.openGateway(settings, source, listenerOf(context, options))
  try {
    const { addresses, freshPsk } = service
    if (json) {
      terminal.out(JSON.stringify({ event: 'listening', addresses, id: settings.id, psk: freshPsk }))
    } else {
      terminal.out(`${settings.id} listens on ${addresses.join(', ')}, ports 500 and 4500. Ctrl-C ends it.`)
      if (freshPsk !== undefined) terminal.out(`Its pre-shared key for this run: ${freshPsk}`)
      terminal.out(
        `Behind it: http://${settings.inside.ipv4}/ and http://[${settings.inside.ipv6}]/, names under ${settings.inside.domain}`,
      )
    }
    await stopped
  } finally {
    await service.close()
  }
  return 0
}

function listenerOf({ terminal }: CliContext, { json, verbose }: GatewayOptions): GatewayListener {
  const tell = (event: string, client: ClientView, text: string, more: object = {}): void => {
    const { identity, addresses, remote } = client
    if (json) terminal.out(JSON.stringify({ event, identity, addresses, remote, ...more }))
    else terminal.out(text)
  }
  return {
    connected: (client) => {
      const { identity, addresses, remote, connection } = client
      const suite = connection.phase2[0]?.suite.join(' ') ?? ''
      const from = `${remote?.address ?? ''} port ${remote?.port ?? ''}`
      tell('connected', client, `${identity} is connected from ${from} as ${addresses.join(' ')}, ${suite}`)
    },
    disconnected: (client, error) =>
      tell('disconnected', client, `${client.identity} left${why(error)}`, { kind: error?.kind }),
    note: (text) => {
      if (!verbose) return
      if (json) terminal.out(JSON.stringify({ event: 'note', text }))
      else terminal.err(text)
    },
  }
}

/** The words of advice are for a client; the gateway is told in a few of its own. */
function why(error: VpnError | undefined): string {
  if (error === undefined || error.kind === 'closedByGateway') return ''
  return error.kind === 'noAnswer' ? ': it does not answer any more' : `: ${adviceFor(error).title}`
}
