import { join } from 'node:path'
import { VpnFailure } from '../../core/errors.ts'
import { importFiles } from '../../core/profile/import/import-files.ts'
import { CORPUS, filesAt, samplesIn } from '../support/profile-corpus.ts'
import { credentialTargets } from './credential-targets.ts'
import { eapTargets, ikeTargets } from './message-targets.ts'

/** What is fuzzed. `run` resolves whatever the octets are; anything it throws is a find. */
export interface Target {
  readonly name: string
  readonly seeds: readonly Uint8Array[]
  readonly run: (bytes: Uint8Array) => Promise<void>
}

/** One target for each folder of samples, so that every format gets its share of the time. */
function importTargets(): readonly Target[] {
  const formats = new Map<string, Uint8Array[]>()
  for (const name of samplesIn(CORPUS)) {
    const format = name.split('/')[0] ?? ''
    const seeds = filesAt(join(CORPUS, name)).map(({ bytes }) => bytes)
    formats.set(format, [...(formats.get(format) ?? []), ...seeds])
  }
  return [...formats].map(([format, seeds]) => ({ name: `import/${format}`, seeds, run: runImport }))
}

async function runImport(bytes: Uint8Array): Promise<void> {
  try {
    const { profiles, report } = await importFiles([{ name: 'fuzz', bytes }])
    JSON.stringify(report)
    for (const { secrets } of profiles) for (const secret of secrets.values()) secret.close()
  } catch (thrown) {
    if (!(thrown instanceof VpnFailure)) throw thrown
  }
}

export const targets = (): readonly Target[] => [
  ...importTargets(),
  ...ikeTargets(),
  ...eapTargets(),
  ...credentialTargets(),
]
