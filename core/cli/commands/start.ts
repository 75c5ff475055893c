import type { CliContext, ExitCode } from '../context.ts'
import { formatStatus } from '../format.ts'
import { openHost } from '../host.ts'

/** `culvert start`: the engine in the terminal, for whoever connects over the control socket, until Ctrl-C. */
export async function start(context: CliContext, json: boolean): Promise<ExitCode> {
  const { terminal } = context
  const host = await openHost(context, { json, verbose: false, narrate: json || !terminal.screen })
  try {
    await host.manager.refresh()
    if (!json) await greet(context)
    const show = (): void => terminal.redraw(formatStatus(host.manager.snapshot(), context.now()))
    const live = !json && terminal.screen
    if (live) show()
    const unsubscribe = live ? host.manager.subscribe({ changed: show }) : () => {}
    const stopTicking = live ? context.everySecond(show) : () => {}
    await host.stopped()
    unsubscribe()
    stopTicking()
    return 0
  } finally {
    await host.close()
  }
}

async function greet({ terminal, profiles }: CliContext): Promise<void> {
  const { profiles: known, damaged } = await profiles.list()
  terminal.out('Culvert is running. Ctrl-C ends it.')
  if (known.length === 0) {
    terminal.out('There are no profiles yet. In another terminal:')
    terminal.out('  npm run culvert -- import FILE     takes the profile your administrator sent')
  } else {
    terminal.out('Connect from another terminal:')
    for (const { name, gateway } of known) {
      terminal.out(`  npm run culvert -- connect ${JSON.stringify(name)}     ${gateway.host}`)
    }
    terminal.out('  npm run culvert -- import FILE     adds another profile')
  }
  if (damaged.length > 0) terminal.out(`${damaged.length} cannot be used: npm run culvert -- doctor says why`)
}
