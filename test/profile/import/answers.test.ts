import { expect, test } from 'vitest'
import { importFiles } from '../../../core/profile/import/import-files.ts'

/** Two connections with a key each that the file does not hold, and of which it does not say who we are. */
const conf = ['home', 'work']
  .map(
    (name) => `conn ${name}
  keyexchange=ikev2
  left=%defaultroute
  leftsourceip=%config
  authby=secret
  right=${name}.example.org
`,
  )
  .join('\n')

const give = (answers: Readonly<Record<string, string>>) =>
  importFiles(
    [{ name: 'ipsec.conf', bytes: new TextEncoder().encode(conf) }],
    new Map(Object.entries(answers)),
  )

test('every connection asks for itself and for all at once, and nothing is imported before', async () => {
  const { profiles, questions } = await give({})
  expect(profiles).toEqual([])
  expect(questions.map(({ key, needed }) => [key, needed])).toEqual([
    ['home.localId', true],
    ['home.psk', false],
    ['work.localId', true],
    ['work.psk', false],
  ])
})

test('each gets its own answers; a secret that was typed goes where those of files go', async () => {
  const { profiles, questions } = await give({
    'home.localId': 'alice@home.example',
    'work.localId': 'alice@work.example',
    'work.psk': 'a key of more than twenty characters',
  })
  expect(profiles.map(({ profile }) => profile.localId)).toEqual(['alice@home.example', 'alice@work.example'])
  const keys = profiles.map(({ secrets }) =>
    secrets.get('psk')?.use((bytes) => Buffer.from(bytes).toString()),
  )
  expect(keys).toEqual([undefined, 'a key of more than twenty characters'])
  // Asked for again when connecting: the profile can be saved without.
  expect(questions).toMatchObject([{ key: 'home.psk', secret: true, needed: false }])
  expect(JSON.stringify(profiles.map(({ profile }) => profile))).not.toContain('twenty characters')
})

test('a bare name answers for all', async () => {
  const { profiles } = await give({ localId: 'alice@example.org' })
  expect(profiles.map(({ profile }) => profile.localId)).toEqual(['alice@example.org', 'alice@example.org'])
})
