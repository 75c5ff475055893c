import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { VpnFailure } from '../../../core/errors.ts'
import { importFiles } from '../../../core/profile/import/import-files.ts'
import { CORPUS, EXPECTED, filesAt, samplesIn } from '../../support/profile-corpus.ts'

/** Write the expectations anew; the difference is then read by a person. */
const UPDATE = process.env.UPDATE_EXPECTED === '1'

/** Everything a person would see, and the secrets, which are the samples' own. */
async function outcomeOf(path: string): Promise<unknown> {
  try {
    const { profiles, report, ...rest } = await importFiles(filesAt(path))
    return {
      profiles: profiles.map(({ profile, secrets, warnings }) => ({
        profile,
        secrets: Object.fromEntries(
          [...secrets].map(([name, secret]) => [
            name,
            secret.use((bytes) => Buffer.from(bytes).toString('latin1')),
          ]),
        ),
        warnings,
      })),
      ...rest,
      report: report.map(({ file, field, outcome, reason }) => {
        const place = [file, field].filter(Boolean).join(': ')
        return `${outcome} ${place}${reason === undefined ? '' : `: ${reason}`}`
      }),
    }
  } catch (thrown) {
    if (thrown instanceof VpnFailure) return { error: thrown.error }
    throw thrown
  }
}

describe('every sample gives the profile and the report that stand beside it', () => {
  test.each(samplesIn(CORPUS))('%s', async (name) => {
    const path = join(CORPUS, name)
    const outcome = JSON.parse(JSON.stringify(await outcomeOf(path)))
    if (UPDATE) writeFileSync(`${path}${EXPECTED}`, `${JSON.stringify(outcome, undefined, 2)}\n`)
    expect(outcome).toEqual(JSON.parse(readFileSync(`${path}${EXPECTED}`, 'utf8')))
  })
})
