import { describe, expect, test } from 'vitest'
import type { MessageLine } from '../../core/contract/message.ts'
import { lineOf } from '../../core/manager/message-line.ts'
import { causeOf, Ladder, phasesOf } from '../../renderer/state/ladder.ts'
import { heightOf, rowsBetween } from '../../renderer/state/rows.ts'
import { run } from '../support/eap-peers.ts'
import { recorded } from '../support/recorded.ts'
import { connected, type Pair } from '../support/two-peers.ts'
import { connected as connectedV1 } from '../support/two-peers-v1.ts'

const partsOf = (lines: readonly MessageLine[]) => new Ladder(lines).parts

const linesOf = (peer: Pair['client'] | ReturnType<typeof connectedV1>['client']) =>
  recorded(peer).map(lineOf)

/** `IKE_AUTH prove`, without repetitions. */
const story = (lines: readonly MessageLine[]): readonly string[] =>
  partsOf(lines)
    .map((part, at) => `${lines[at]!.exchange} ${part}`)
    .filter((step, at, all) => step !== all[at - 1])

describe('every message stands under the phase it serves', () => {
  test('IKEv2 with one proof: IKE_AUTH serves both', () => {
    const { client, net } = connected()
    client.command({ type: 'rekeyChild' })
    net.settle()
    client.command({ type: 'rekeyIke' })
    net.settle()
    client.command({ type: 'disconnect' })
    net.settle()
    expect(story(linesOf(client)).slice(0, 3)).toEqual([
      'IKE_SA_INIT agree',
      'IKE_AUTH proveAndOpen',
      'CREATE_CHILD_SA renewChild',
    ])
    expect(story(linesOf(client))).toContain('CREATE_CHILD_SA renewIke')
    expect(story(linesOf(client)).at(-1)).toBe('INFORMATIONAL close')
  })

  test('IKEv2 with EAP: only the last IKE_AUTH opens phase 2', () => {
    expect(story(linesOf(run({ methods: ['mschapv2'] }).client))).toEqual([
      'IKE_SA_INIT agree',
      'IKE_AUTH prove',
      'IKE_AUTH open',
    ])
  })

  test('IKEv1: main mode agrees, then proves; quick mode opens', () => {
    const told = story(linesOf(connectedV1().client))
    expect(told.slice(0, 3)).toEqual(['MAIN agree', 'MAIN prove', 'TRANSACTION configure'])
    expect(told.at(-1)).toBe('QUICK open')
    const parts = partsOf(linesOf(connectedV1().client))
    expect(parts.filter((part) => part === 'agree')).toHaveLength(4)
    expect(parts.filter((part) => part === 'prove')).toHaveLength(2)
  })

  test('a question without an answer yet is not taken for more than it is', () => {
    expect(story(linesOf(connected().client).slice(0, 3))).toEqual(['IKE_SA_INIT agree', 'IKE_AUTH prove'])
  })

  test('each part has a heading, and rows lie one below the other', () => {
    const lines = linesOf(run({ methods: ['mschapv2'] }).client)
    const { rows } = new Ladder(lines)
    expect(rows.filter(({ kind }) => kind === 'part').map((row) => 'part' in row && row.part)).toEqual([
      'agree',
      'prove',
      'open',
    ])
    expect(rows.filter(({ kind }) => kind === 'message')).toHaveLength(lines.length)
    for (const [at, row] of rows.entries()) expect(row.top).toBe(heightOf(rows.slice(0, at)))
    expect(rows[0]).toMatchObject({ tookMs: 11 })
    expect(rowsBetween(rows, 33, 34)).toEqual([rows[1]])
  })

  test('time counts from where the newest negotiation began', () => {
    const first = linesOf(connected().client)
    const again = recorded(connected().client, 60_000, first.length + 1).map(lineOf)
    const both = [...first, ...again]
    expect(new Ladder(both).startMs).toBe(60_000)
    expect(new Ladder().startMs).toBe(0)
  })

  test('phase 2 of a connection with one proof is shown with the messages that opened it', () => {
    expect(phasesOf('proveAndOpen')).toEqual([1, 2])
    expect(phasesOf('keep')).toEqual([])
  })
})

describe('what comes is put behind what is there', () => {
  const lines = (() => {
    const { client, net } = connected()
    for (const command of ['rekeyChild', 'rekeyIke', 'disconnect'] as const) {
      client.command({ type: command })
      net.settle()
    }
    const v1 = linesOf(connectedV1().client)
    return [...linesOf(client), ...v1].map((line, at) => ({ ...line, number: at + 1, atMs: 10 * at }))
  })()

  test.each([1, 2, 3, 7])('%s at a time: the same ladder as all at once', (count) => {
    const whole = new Ladder(lines)
    const grown = new Ladder()
    const later = new Ladder()
    grown.show(({ number }) => number % 3 !== 0)
    later.append(lines)
    later.show(({ number }) => number % 3 !== 0)
    const plain = new Ladder()
    for (let at = 0; at < lines.length; at += count) {
      plain.append(lines.slice(at, at + count))
      grown.append(lines.slice(at, at + count))
    }
    expect(plain.parts).toEqual(whole.parts)
    expect(plain.rows).toEqual(whole.rows)
    expect(grown.rows).toEqual(later.rows)
    for (const { number } of lines) {
      expect(plain.rowOf(number)).toMatchObject({ message: { number } })
      expect(plain.beside(number, 1)?.number).toBe(number === lines.length ? undefined : number + 1)
      expect(grown.find(number)?.number).toBe(number % 3 === 0 ? undefined : number)
    }
  })

  test('the same Message ID in another IKE SA is another exchange', () => {
    const again = lines.map((line, at) => ({ ...line, number: lines.length + at + 1, sa: `${line.sa}0` }))
    const { parts } = new Ladder([...lines, ...again])
    expect(parts.slice(lines.length)).toEqual(parts.slice(0, lines.length))
  })
})

describe('why it failed', () => {
  const lines = linesOf(connected().client)
  const [init, answer, auth, last] = lines as [MessageLine, MessageLine, MessageLine, MessageLine]

  test('what cannot be right', () => {
    const wrong = { ...last, problem: 'SK: integrity check failed' }
    expect(causeOf([init, answer, auth, wrong])).toEqual({ message: wrong, by: 'problem' })
  })

  test('what refuses; the newest counts', () => {
    const refused = { ...last, refusal: 'AUTHENTICATION_FAILED' }
    expect(causeOf([init, { ...answer, problem: 'odd' }, auth, refused])).toEqual({
      message: refused,
      by: 'refusal',
    })
  })

  test('what nobody answered, at its first sending', () => {
    const again = [5, 6].map((number) => ({ ...auth, number, retransmission: true }))
    expect(causeOf([init, answer, auth, ...again])).toEqual({ message: auth, by: 'silence' })
  })

  test('else the last; without messages nothing', () => {
    expect(causeOf(lines)).toMatchObject({ by: 'last' })
    expect(causeOf([])).toBeUndefined()
  })
})
