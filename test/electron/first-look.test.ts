import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { ProfileSummary } from '../../core/contract/snapshot.ts'
import { FirstLook } from '../../electron/first-look.ts'

let home = ''
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'culvert-first-look-'))
  mkdirSync(join(home, 'profiles'))
})
afterEach(() => rmSync(home, { recursive: true, force: true }))

const OFFICE: ProfileSummary = {
  id: 'office',
  name: 'Office',
  folder: undefined,
  gateway: 'vpn.example.org',
  signIn: 'IKEv2, pre-shared key',
  saved: [],
}
const listed = () => new FirstLook(home).read()

test('what was kept is shown by the next start, and nothing runs in it', async () => {
  await new FirstLook(home).keep([OFFICE])
  expect(listed()).toEqual({ revision: 0, profiles: [{ ...OFFICE }], tunnels: [], prompts: [] })
  expect(statSync(join(home, 'run', 'list.json')).mode & 0o777).toBe(0o600)
})

test('a home without profiles is an empty list, before anything was kept', () => {
  rmSync(join(home, 'profiles'), { recursive: true })
  expect(listed()?.profiles).toEqual([])
})

test('a list nobody kept, a damaged one, or one of something else is none', async () => {
  expect(listed()).toBeUndefined()
  await new FirstLook(home).keep([OFFICE])
  const path = join(home, 'run', 'list.json')
  const kept = readFileSync(path, 'utf8')
  for (const text of ['', '{', 'null', '[]', kept.replace('"Office"', '7'), kept.replace('[{', '[null,{')]) {
    writeFileSync(path, text)
    expect(listed(), text).toBeUndefined()
  }
})

test('a profile that was saved since makes it out of date', async () => {
  await new FirstLook(home).keep([OFFICE])
  const file = join(home, 'profiles', 'home.json')
  writeFileSync(`${file}.new`, '{}')
  renameSync(`${file}.new`, file)
  // The clock of a file system may be coarse.
  utimesSync(join(home, 'profiles'), new Date(), new Date(Date.now() + 5000))
  expect(listed()).toBeUndefined()
})

test.each(['held.json', 'control.sock'])(
  'with run/%s there, nothing is said before the engine is asked',
  async (name) => {
    await new FirstLook(home).keep([OFFICE])
    writeFileSync(join(home, 'run', name), '')
    expect(listed()).toBeUndefined()
  },
)

test('a home nobody may write to costs the first look and nothing else', async () => {
  writeFileSync(join(home, 'run'), 'a file where the folder would be')
  await new FirstLook(home).keep([OFFICE])
  expect(listed()).toBeUndefined()
})
