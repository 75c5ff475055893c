import { writeCapture } from '../../capture/write.ts'
import type { CliContext, ExitCode } from '../context.ts'

export interface CaptureOptions {
  readonly withKeys: boolean
  /** The question about keys is answered already. */
  readonly yes: boolean
  readonly json: boolean
}

const QUESTION =
  'With the keys, whoever has these files reads everything that this connection carries now. Write them too? [y/N]'

/**
 * `culvert capture PROFILE FOLDER`: the messages of a running connection as pcapng, and after a question the keys in
 * use as Wireshark's tables. Nothing that is there already is overwritten. Throws `VpnFailure` (`fileUnreadable`).
 */
export async function capture(
  context: CliContext,
  name: string,
  folder: string,
  options: CaptureOptions,
): Promise<ExitCode> {
  const { terminal } = context
  const profile = await context.profiles.find(name)
  const running = await context.findRunning()
  try {
    if (options.withKeys && !options.yes && !terminal.interactive) {
      terminal.err('culvert: whoever has the keys reads the traffic: a script says --with-keys --yes')
      return 2
    }
    const keys = options.withKeys && (options.yes || (await isWanted(context)))
    const files = await running?.capture(profile.id, keys)
    if (files === undefined || files.messages === 0) {
      terminal.err(`culvert: there are no messages of ${profile.name}: it has not been connected`)
      return 1
    }
    const written = await writeCapture(folder, profile.id, files)
    const { messages, leftOut } = files
    if (options.json) terminal.out(JSON.stringify({ event: 'captured', files: written, messages, leftOut }))
    else {
      terminal.out(`${messages} messages: ${written.join(', ')}`)
      if (keys && written.length === 1) terminal.out('No keys are in use now, so none were written.')
      for (const sentence of leftOut) terminal.err(`culvert: ${sentence}`)
    }
    return 0
  } finally {
    running?.close()
  }
}

async function isWanted({ terminal }: CliContext): Promise<boolean> {
  return /^\s*y(?:es)?\s*$/i.test((await terminal.ask(QUESTION)) ?? '')
}
