import { readFile, stat } from 'node:fs/promises'
import { readCapture } from '../../capture/read.ts'
import { createRegistry } from '../../crypto/registry.ts'
import { VpnFailure } from '../../errors.ts'
import { type AggressiveAnswer, AggressiveAnswers, isKeyOf } from '../../inspect/offline-guess.ts'
import { PacketReader } from '../../inspect/packets.ts'
import type { CliContext, ExitCode } from '../context.ts'

/** Ours: it shows how little a weak key is worth, and is no tool to search for others' keys. */
const MOST_WORDS = 1_000
const MOST_OCTETS = 65_536

/**
 * `culvert guess CAPTURE WORDS`: whether a word of a short list is the pre-shared key that a saved exchange of aggressive
 * mode was answered with. Sends nothing. Throws `VpnFailure` (`fileUnreadable`, `nativeMissing`).
 */
export async function guess(
  { terminal }: CliContext,
  capture: string,
  list: string,
  json: boolean,
): Promise<ExitCode> {
  const words = await wordsOf(list)
  if (!(await isFile(capture)))
    throw unreadable(
      capture,
      'there is no such file; keys are guessed at in captures that were saved, never at a gateway',
    )
  const answers = new AggressiveAnswers(createRegistry(undefined))
  const packets = new PacketReader()
  let total = 0
  for await (const { number, bytes, linkType } of readCapture(capture)) {
    const found: AggressiveAnswer[] = []
    const { seen } = packets.read(bytes, linkType, {
      ike: (_parent, _layers, message) => {
        const answer = answers.next(message)
        if (answer !== undefined) found.push(answer)
      },
      join: (work) => work(),
      openEsp: () => ({ remark: 'noKey', text: 'not looked at' }),
    })
    for (const answer of found) {
      total += 1
      const at = words.findIndex((word) => isKeyOf(answer, word))
      const word = words[at]
      const tried = word === undefined ? words.length : at + 1
      terminal.out(
        json
          ? JSON.stringify({ packet: number, gateway: seen.source, tried, key: word ?? null })
          : `Packet ${number}, the answer of ${seen.source}: ${verdict(word, tried)}`,
      )
      await terminal.ready()
    }
  }
  if (total === 0)
    throw unreadable(
      capture,
      'nobody in it answers aggressive mode with a pre-shared key, so there is nothing to guess at',
    )
  return 0
}

const verdict = (word: string | undefined, tried: number): string =>
  word === undefined
    ? `not found, ${counted(tried)} tried. That says nothing about the next word`
    : `found, the key is ${JSON.stringify(word)}. ${counted(tried)} tried, nothing sent`

const counted = (words: number): string => (words === 1 ? '1 word' : `${words} words`)

/** A word a line, as it stands there: a key may begin or end with spaces. */
async function wordsOf(path: string): Promise<readonly string[]> {
  if (!(await isFile(path))) throw unreadable(path, 'there is no such list of words')
  if ((await stat(path)).size > MOST_OCTETS) throw unreadable(path, TOO_LONG)
  const words = (await readFile(path, 'utf8')).split(/\r?\n/).filter((word) => word !== '')
  if (words.length === 0) throw unreadable(path, 'it holds no words, one a line')
  if (words.length > MOST_WORDS) throw unreadable(path, TOO_LONG)
  return words
}

const TOO_LONG = `it is too long: at most ${MOST_WORDS} words are tried, for this is a lesson`

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isFile(),
    () => false,
  )

const unreadable = (source: string, problem: string): VpnFailure =>
  new VpnFailure({ kind: 'fileUnreadable', source, problem })
