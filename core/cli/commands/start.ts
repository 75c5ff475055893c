import { VpnFailure } from '../../errors.ts'
import { faultOf } from '../../manager/fault.ts'
import { demoProfile } from '../../profile/demo.ts'
import { columnsOf, padColumns } from '../columns.ts'
import { type CliContext, type ExitCode, reportFault } from '../context.ts'
import { formatStatus } from '../format.ts'
import { type Host, openHost } from '../host.ts'
import { tryOut } from '../try-out.ts'

/**
 * `culvert start`: the engine in the terminal, for whoever connects over the control socket, until Ctrl-C. The demo
 * tunnel is up from the beginning, to be looked at.
 */
export async function start(context: CliContext, json: boolean): Promise<ExitCode> {
  const { terminal } = context
  const host = await openHost(context, { json, verbose: false, narrate: json || !terminal.screen })
  try {
    await host.manager.refresh()
    if (!json) await greet(context)
    const tried: string[] = []
    const show = (): void =>
      terminal.redraw([formatStatus(host.manager.snapshot(), context.now()), ...tried].join('\n'))
    const live = !json && terminal.screen
    if (live) show()
    const unsubscribe = live ? host.manager.subscribe({ changed: show }) : () => {}
    const stopTicking = live ? context.everySecond(show) : () => {}
    const demo = showDemo(context, host, json, live ? (line) => tried.push(line) : undefined)
    await host.stopped()
    unsubscribe()
    stopTicking()
    await host.close()
    await demo
    return 0
  } finally {
    await host.close()
  }
}

/** Where the demo cannot run the engine runs all the same. */
async function showDemo(
  { terminal }: CliContext,
  host: Host,
  json: boolean,
  show: ((line: string) => void) | undefined,
): Promise<void> {
  try {
    const id = await host.manager.connect(demoProfile().id)
    await tryOut(host.manager, id, terminal, { json, ...(show === undefined ? {} : { show }) })
  } catch (thrown) {
    if (!host.stopping) reportFault(terminal, faultOf(thrown), json)
    else if (!(thrown instanceof VpnFailure)) throw thrown
  }
}

async function greet({ terminal, profiles }: CliContext): Promise<void> {
  const { profiles: known, damaged } = await profiles.list()
  terminal.out('Culvert is running. Ctrl-C ends it.')
  if (known.length === 0) {
    terminal.out(
      'There are no profiles yet, so here is the demo tunnel. For one of your own, in another terminal:',
    )
    terminal.out('  npm run culvert -- import FILE     takes the profile your administrator sent')
  } else {
    terminal.out('Connect from another terminal:')
    const rows = [
      ...known.map(({ name, gateway }) => [`connect ${JSON.stringify(name)}`, gateway.host] as const),
      ['import FILE', 'adds another profile'] as const,
    ]
    const width = Math.max(...rows.map(([command]) => columnsOf(command)))
    for (const [command, what] of rows) {
      terminal.out(`  npm run culvert -- ${padColumns(command, width)}     ${what}`)
    }
  }
  if (damaged.length > 0) terminal.out(`${damaged.length} cannot be used: npm run culvert -- doctor says why`)
}
