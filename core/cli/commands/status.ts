import type { AppSnapshot } from '../../contract/snapshot.ts'
import { VpnFailure } from '../../errors.ts'
import { asTunnel } from '../../manager/hold.ts'
import type { CliContext, ExitCode } from '../context.ts'
import { formatMessage, formatStatus, formatTree } from '../format.ts'

const NOTHING: AppSnapshot = { revision: 0, profiles: [], tunnels: [], prompts: [] }

export interface StatusOptions {
  readonly json: boolean
  readonly watch: boolean
}

/** `culvert status`: phase 1 and phase 2 of what runs; with `watch` until Ctrl-C or until the host ends. */
export async function status(context: CliContext, { json, watch }: StatusOptions): Promise<ExitCode> {
  const { terminal } = context
  const running = await context.findRunning()
  if (running === undefined) {
    const left = { ...NOTHING, tunnels: context.holds.list().map(asTunnel) }
    terminal.out(json ? JSON.stringify(left) : formatStatus(left, context.now()))
    return 0
  }
  let shown = ''
  const show = (snapshot: AppSnapshot): void => {
    const text = json ? JSON.stringify(snapshot) : formatStatus(snapshot, context.now())
    if (text === shown) return
    shown = text
    if (watch && !json && terminal.screen) terminal.redraw(text)
    else terminal.out(text)
  }
  try {
    if (!watch) {
      show(await running.snapshot())
      return 0
    }
    const stopped = new Promise<void>((resolve) => {
      context.onStop(resolve)
      void running.ended.then(resolve)
    })
    show(await running.subscribe(show))
    // Counters grow without a change of state.
    const stopTicking = context.everySecond(() => void running.snapshot().then(show, () => {}))
    await stopped
    stopTicking()
    return 0
  } finally {
    running.close()
  }
}

/** `culvert disconnect [PROFILE]`: resolves when the machine is as it was. */
export async function disconnect(
  context: CliContext,
  name: string | undefined,
  json: boolean,
): Promise<ExitCode> {
  const { terminal } = context
  if (name !== undefined) await context.profiles.find(name)
  const running = await context.findRunning()
  const count =
    running === undefined
      ? (await letOutHere(context, name)).length
      : await running.disconnect(name).finally(() => running.close())
  if (json) terminal.out(JSON.stringify({ event: 'disconnected', count }))
  else if (count === 0)
    terminal.out(name === undefined ? 'Nothing was connected.' : `${name} was not connected.`)
  else terminal.out(count === 1 ? 'Disconnected.' : `Disconnected ${count} tunnels.`)
  return 0
}

/** `culvert unblock [PROFILE]`: lets out what a kill switch holds back, also after a crash. */
export async function unblock(
  context: CliContext,
  name: string | undefined,
  json: boolean,
): Promise<ExitCode> {
  const { terminal } = context
  const running = await context.findRunning()
  const names =
    running === undefined
      ? await letOutHere(context, name)
      : await running.letOut(name).finally(() => running.close())
  if (json) terminal.out(JSON.stringify({ event: 'unblocked', names }))
  else if (names.length === 0) terminal.out('Nothing was held back.')
  else terminal.out(`Traffic of ${names.join(' and ')} goes out as usual again.`)
  return 0
}

/** Without a running Culvert: what an earlier one has left. */
async function letOutHere(context: CliContext, name: string | undefined): Promise<readonly string[]> {
  if (context.holds.list().length === 0) return []
  const note = (text: string): void => context.terminal.err(`culvert: ${text}`)
  const nobody = (): never => {
    throw new VpnFailure({ kind: 'cancelled' })
  }
  const manager = context.openManager(nobody, note, () => false)
  try {
    return await manager.letOut(name)
  } finally {
    await manager.close()
  }
}

/** `culvert inspect PROFILE [MESSAGE]`: the messages of its tunnel, oldest first, or one of them field by field. */
export async function inspect(
  context: CliContext,
  name: string,
  message: string | undefined,
  json: boolean,
): Promise<ExitCode> {
  const { terminal } = context
  const profile = await context.profiles.find(name)
  const running = await context.findRunning()
  if (message !== undefined) {
    const tree = await running?.tree(profile.id, Number(message) || 0).finally(() => running.close())
    if (tree === undefined) {
      terminal.err(
        `culvert: ${profile.name} has no message ${message}: culvert inspect ${profile.id} lists them`,
      )
      return 1
    }
    terminal.out(json ? JSON.stringify(tree) : formatTree(tree))
    return 0
  }
  const messages =
    running === undefined ? [] : await running.messages(profile.id).finally(() => running.close())
  if (json) for (const message of messages) terminal.out(JSON.stringify(message))
  else if (messages.length === 0) terminal.out(`There are no messages of ${profile.name}: it is not running.`)
  else for (const message of messages) terminal.out(formatMessage(message))
  return 0
}
