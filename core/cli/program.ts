import { Command, CommanderError, Option } from 'commander'
import { VERSION } from '../contract/version.ts'
import { EXPORT_FORMATS } from '../profile/export/export.ts'
import { capture } from './commands/capture.ts'
import { connect } from './commands/connect.ts'
import { decode } from './commands/decode.ts'
import { doctor } from './commands/doctor.ts'
import { gateway } from './commands/gateway.ts'
import { guess } from './commands/guess.ts'
import { importFiles } from './commands/import.ts'
import { probe } from './commands/probe.ts'
import { editProfile, exportProfile, listProfiles, removeProfile } from './commands/profiles.ts'
import { start } from './commands/start.ts'
import { disconnect, inspect, status, unblock } from './commands/status.ts'
import { type CliContext, type ExitCode, reporting } from './context.ts'

const JSON_FLAG = ['--json', 'answer in JSON, one object a line', false] as const
const SECRETS_FLAG = [
  '--secrets-stdin',
  'read secrets from standard input: name=value or JSON',
  false,
] as const

/** Runs `culvert ARGS…` and resolves with its exit code. Never throws. */
export async function runCulvert(args: readonly string[], context: CliContext): Promise<ExitCode> {
  let code: ExitCode = 0
  const run = (json: boolean, work: () => Promise<ExitCode>): Promise<void> =>
    reporting(context.terminal, json, work).then((result) => {
      code = result
    })
  const program = buildProgram(context, run)
  try {
    await program.parseAsync(args, { from: 'user' })
    return code
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown
    return thrown.exitCode === 0 ? 0 : 2
  }
}

const collect = (value: string, before: readonly string[]): readonly string[] => [...before, value]

type Run = (json: boolean, work: () => Promise<ExitCode>) => Promise<void>

function buildProgram(context: CliContext, run: Run): Command {
  const { terminal } = context
  const program = new Command('culvert')
    .description('IPsec remote access by IKEv2 and IKEv1')
    .version(VERSION)
    .exitOverride()
    .showHelpAfterError('(culvert --help shows what there is)')
    .configureOutput({
      writeOut: (text) => terminal.out(text.replace(/\n$/, '')),
      writeErr: (text) => terminal.err(text.replace(/^error: /, 'culvert: ').replace(/\n$/, '')),
    })

  program
    .command('profiles')
    .description('the profiles there are')
    .option(...JSON_FLAG)
    .action(({ json }) => run(json, () => listProfiles(context, json)))
  program
    .command('import')
    .description(
      'take profiles from files or folders, whatever the administrator sent, and certificates beside them',
    )
    .argument('<file...>')
    .option('--replace', 'overwrite a profile of the same id', false)
    .option('--set <name=value>', 'what the file does not say, e.g. localId=alice@example.org', collect, [])
    .option('--profile <name>', 'put a certificate into a profile there is')
    .option('--ca <file>', 'trust the gateway by the authorities in this file; may be repeated', collect, [])
    .option('--passphrase-env <variable>', 'the environment variable with the passphrase of a key or file')
    .option(...SECRETS_FLAG)
    .option(...JSON_FLAG)
    .action((files, options) => run(options.json, () => importFiles(context, files, options)))
  program
    .command('export')
    .description('a profile as a file for others; its secrets only sealed under a passphrase')
    .argument('<profile>')
    .addOption(new Option('--format <format>').choices(EXPORT_FORMATS).default('culvert'))
    .option('--with-secrets', 'seal the profile and its secrets into an age file', false)
    .option('--passphrase-env <variable>', 'the environment variable with the passphrase')
    .action((name, options) => run(false, () => exportProfile(context, name, options)))
  program
    .command('edit')
    .description('change a profile in your editor ($VISUAL, $EDITOR)')
    .argument('<profile>')
    .action((name) => run(false, () => editProfile(context, name)))
  program
    .command('remove')
    .description('forget a profile and its saved secrets')
    .argument('<profile>')
    .option(...JSON_FLAG)
    .action((name, { json }) => run(json, () => removeProfile(context, name, json)))
  program
    .command('connect')
    .description('bring a tunnel up; stays until Ctrl-C unless a Culvert runs already')
    .argument('<profile>')
    .option('--detach', 'carry the tunnel in the background', false)
    .option('--verbose', 'tell what the negotiation notes as well', false)
    .option(...SECRETS_FLAG)
    .option(...JSON_FLAG)
    .action((name, options) => run(options.json, () => connect(context, name, options)))
  program
    .command('disconnect')
    .description('end one tunnel, or all')
    .argument('[profile]')
    .option('--all', 'all of them', false)
    .option(...JSON_FLAG)
    .action((name, { json }) => run(json, () => disconnect(context, name, json)))
  program
    .command('unblock')
    .description('let traffic out that a kill switch holds back, also after a crash')
    .argument('[profile]')
    .option(...JSON_FLAG)
    .action((name, { json }) => run(json, () => unblock(context, name, json)))
  program
    .command('status')
    .description('phase 1 and phase 2 of what runs')
    .option('--watch', 'go on until Ctrl-C', false)
    .option(...JSON_FLAG)
    .action((options) => run(options.json, () => status(context, options)))
  program
    .command('inspect')
    .description('the IKE messages of a running tunnel; with a number, that one field by field')
    .argument('<profile>')
    .argument('[message]', 'the number it has in the list')
    .option(...JSON_FLAG)
    .action((name, message, { json }) => run(json, () => inspect(context, name, message, json)))
  program
    .command('decode')
    .description('take a capture (pcap, pcapng) apart, every field with its place')
    .argument('<file>')
    .option(
      '--keys <path>',
      'a table of keys as Wireshark keeps it, or a folder of them; may be repeated',
      collect,
      [],
    )
    .option('--brief', 'one line a packet', false)
    .option('--json', "one object a packet, with Wireshark's names of the fields", false)
    .action((file, options) => run(options.json, () => decode(context, file, options)))
  program
    .command('guess')
    .description('the lesson on weak keys: is a word of a short list the key behind a saved aggressive mode?')
    .argument('<capture>', 'a file (pcap, pcapng); nothing is sent to anybody')
    .argument('<words>', 'a file, one word a line, at most 1000')
    .option(...JSON_FLAG)
    .action((file, words, { json }) => run(json, () => guess(context, file, words, json)))
  program
    .command('capture')
    .description('the IKE messages of a running tunnel as a file for Wireshark, in a folder')
    .argument('<profile>')
    .argument('<folder>')
    .option('--with-keys', 'with the keys in use, after a question: who has them reads the traffic', false)
    .option('--yes', 'the question is answered: yes', false)
    .option(...JSON_FLAG)
    .action((name, folder, options) => run(options.json, () => capture(context, name, folder, options)))
  program
    .command('gateway')
    .description('the built-in gateway on this computer, until Ctrl-C (as root)')
    .option('--config <file>', 'its settings, JSON; without, it works all the same')
    .option('--verbose', 'tell what is dropped and why', false)
    .option(...JSON_FLAG)
    .action((options) => run(options.json, () => gateway(context, options)))
  program
    .command('probe')
    .description('what a gateway accepts, in IKEv2 and IKEv1: some sixty packets, in no hurry')
    .argument('<host>')
    .option(...JSON_FLAG)
    .action((host, { json }) => run(json, () => probe(context, host, json)))
  program
    .command('doctor')
    .description('what this computer lacks')
    .option(...JSON_FLAG)
    .action(({ json }) => run(json, () => doctor(context, json)))
  program
    .command('start')
    .description('run the engine in this terminal, with the demo tunnel')
    .option(...JSON_FLAG)
    .action(({ json }) => run(json, () => start(context, json)))
  return program
}
