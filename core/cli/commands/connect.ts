import type { Secret } from '../../bytes/secret.ts'
import { VpnFailure } from '../../errors.ts'
import type { ControlClient } from '../../manager/control-client.ts'
import { keep } from '../../manager/control-target.ts'
import { faultOf } from '../../manager/fault.ts'
import { type Profile, secretNames } from '../../profile/schema.ts'
import { SECRET_NAMES } from '../../profile/sign-in.ts'
import { parseSecrets } from '../../secrets/input.ts'
import { MemorySecrets } from '../../secrets/memory.ts'
import { type CliContext, type ExitCode, reportFault } from '../context.ts'
import { type Host, openHost } from '../host.ts'
import { RemotePrompts } from '../remote-prompts.ts'
import { Reporter } from '../reporter.ts'
import { secretSource } from '../secret-source.ts'
import { tryOut } from '../try-out.ts'

export interface ConnectOptions {
  readonly json: boolean
  readonly verbose: boolean
  readonly detach: boolean
  readonly secretsStdin: boolean
}

/**
 * `culvert connect PROFILE`. A Culvert that runs already is asked to; without one this process carries the tunnel
 * until Ctrl-C, or leaves that to one in the background.
 */
export async function connect(context: CliContext, name: string, options: ConnectOptions): Promise<ExitCode> {
  const profile = await context.profiles.find(name)
  const secrets = options.secretsStdin
    ? parseSecrets(await context.terminal.readInput(), SECRET_NAMES)
    : new Map()
  refuseUnknown(secrets, profile)
  const running = await context.findRunning()
  if (running !== undefined) return connectThere(context, running, profile, secrets, options)
  if (options.detach) return connectInBackground(context, profile, secrets, options)
  try {
    const host = await openHost(context, { ...options, narrate: true })
    return await connectHere(context, host, profile, secrets, options)
  } catch (thrown) {
    if (!(thrown instanceof VpnFailure) || thrown.error.kind !== 'alreadyRunning') throw thrown
    // Another one was a moment faster.
    const faster = await context.findRunning()
    if (faster === undefined) throw thrown
    return connectThere(context, faster, profile, secrets, options)
  }
}

function refuseUnknown(secrets: ReadonlyMap<string, Secret>, profile: Profile): void {
  const wanted = secretNames(profile)
  const unknown = [...secrets.keys()].find((name) => !wanted.includes(name))
  if (unknown === undefined) return
  throw new VpnFailure({
    kind: 'profileInvalid',
    source: 'standard input',
    field: unknown,
    problem: `${profile.name} signs in with ${wanted.join(' and ')}`,
  })
}

async function connectHere(
  context: CliContext,
  host: Host,
  profile: Profile,
  secrets: ReadonlyMap<string, Secret>,
  { json }: ConnectOptions,
): Promise<ExitCode> {
  let code: ExitCode = 0
  try {
    await keep(secrets, profile.id, host.given)
    await host.manager.connect(profile.id)
    context.tellStarter({ ok: true })
    if (!json && context.terminal.interactive) context.terminal.err('Ctrl-C disconnects.')
    await tryOut(host.manager, profile.id, context.terminal, { json })
    const fault = await host.manager.finished(profile.id)
    if (fault !== undefined && !host.stopping) code = reportFault(context.terminal, fault, json)
  } catch (thrown) {
    context.tellStarter({ ok: false, error: faultOf(thrown) })
    code = reportFault(context.terminal, faultOf(thrown), json)
  }
  // Others may have come in over the control socket meanwhile.
  await host.allEnded()
  await host.close()
  return code
}

/** Asked for here, where there may be a person: the process that carries the tunnel has no terminal. */
async function gather(
  context: CliContext,
  profile: Profile,
  secrets: ReadonlyMap<string, Secret>,
): Promise<Readonly<Record<string, string>>> {
  const given = new MemorySecrets()
  await keep(secrets, profile.id, given)
  const source = secretSource(given, context.keychain, context.terminal)
  const texts: Record<string, string> = {}
  for (const name of secretNames(profile)) {
    const secret = await source(profile, name)
    texts[name] = secret.use((bytes) => Buffer.from(bytes).toString('utf8'))
    secret.close()
  }
  given.close()
  return texts
}

async function connectThere(
  context: CliContext,
  running: ControlClient,
  profile: Profile,
  secrets: ReadonlyMap<string, Secret>,
  { json }: ConnectOptions,
): Promise<ExitCode> {
  const reporter = new Reporter(context.terminal, json, profile.id)
  try {
    const texts = await gather(context, profile, secrets)
    const { terminal } = context
    const prompts = terminal.interactive ? new RemotePrompts(running, terminal, profile.id) : undefined
    const before = await running.subscribe((snapshot) => {
      reporter.show(snapshot)
      prompts?.look(snapshot)
    })
    reporter.skip(before)
    const unlisten = context.onStop(() => void running.disconnect(profile.id).catch(() => {}))
    reporter.show(await running.connect(profile.id, texts, terminal.interactive))
    unlisten()
    return 0
  } finally {
    running.close()
  }
}

async function connectInBackground(
  context: CliContext,
  profile: Profile,
  secrets: ReadonlyMap<string, Secret>,
  { json, verbose }: ConnectOptions,
): Promise<ExitCode> {
  const input = `${JSON.stringify(await gather(context, profile, secrets))}\n`
  const args = ['connect', profile.id, '--secrets-stdin', ...(verbose ? ['--verbose'] : [])]
  const attended = context.terminal.interactive
  const started = context.startInBackground(args, input, attended)
  const stop = attended ? answerMeanwhile(context, profile.id) : () => {}
  const result = await started.finally(stop)
  if (!result.ok) return reportFault(context.terminal, result.error, json)
  if (json) context.terminal.out(JSON.stringify({ event: 'detached', pid: result.pid }))
  else context.terminal.out(`${profile.name} is connected, in process ${result.pid}.`)
  return 0
}

/** What the gateway asks the process in the background, until it stands or has failed. → how to stop. */
function answerMeanwhile(context: CliContext, profile: string): () => void {
  let running: ControlClient | undefined
  let looking = false
  const look = async (): Promise<void> => {
    if (running !== undefined || looking) return
    looking = true
    running = await context.findRunning().catch(() => undefined)
    looking = false
    if (running === undefined) return
    const prompts = new RemotePrompts(running, context.terminal, profile)
    const now = await running.subscribe((snapshot) => prompts.look(snapshot)).catch(() => undefined)
    if (now !== undefined) prompts.look(now)
  }
  const stopLooking = context.everySecond(() => void look())
  return () => {
    stopLooking()
    running?.close()
  }
}
