import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { VpnFailure } from '../../../core/errors.ts'
import type { ImportFile } from '../../../core/profile/import/bundle.ts'
import { importFiles } from '../../../core/profile/import/import-files.ts'

/** One folder a format; beside `x` or the folder `x.d` stands `x.expected.json`, or `x.d.expected.json`. */
const corpus = fileURLToPath(new URL('../../profiles', import.meta.url))

/** Write the expectations anew; the difference is then read by a person. */
const UPDATE = process.env.UPDATE_EXPECTED === '1'

const EXPECTED = '.expected.json'

function samples(): readonly string[] {
  return readdirSync(corpus)
    .filter((format) => statSync(join(corpus, format)).isDirectory())
    .flatMap((format) => readdirSync(join(corpus, format)).map((name) => join(format, name)))
    .filter((name) => !name.endsWith(EXPECTED) && !name.endsWith('.md'))
    .sort()
}

function filesOf(path: string): readonly ImportFile[] {
  if (!statSync(path).isDirectory()) {
    return [{ name: path.split('/').at(-1) ?? '', bytes: new Uint8Array(readFileSync(path)) }]
  }
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((file) => ({ name: relative(path, file), bytes: new Uint8Array(readFileSync(file)) }))
}

/** Everything a person would see, and the secrets, which are the samples' own. */
async function outcomeOf(path: string): Promise<unknown> {
  try {
    const { profiles, report, ...rest } = await importFiles(filesOf(path))
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
  test.each(samples())('%s', async (name) => {
    const path = join(corpus, name)
    const outcome = JSON.parse(JSON.stringify(await outcomeOf(path)))
    if (UPDATE) writeFileSync(`${path}${EXPECTED}`, `${JSON.stringify(outcome, undefined, 2)}\n`)
    expect(outcome).toEqual(JSON.parse(readFileSync(`${path}${EXPECTED}`, 'utf8')))
  })
})
