import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Records } from '../../core/capture/records.ts'
import { Spool } from '../../core/capture/spool.ts'
import type { MessageLine } from '../../core/contract/message.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'culvert-spool-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** Of an open file; empty for one that is gone by now. */
function nameOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

const record = (number: number): Uint8Array => new Uint8Array(1000).fill(number % 251)

describe('octets put aside', () => {
  test('come back in any order, from the memory and from the disk', () => {
    const spool = new Spool(folder)
    for (let at = 0; at < 2_000; at += 1) spool.put(record(at))
    for (const at of [0, 1_999, 1_000, 262, 261, 3]) expect(spool.get(at)).toEqual(Buffer.from(record(at)))
    expect(spool.get(2_000)).toBeUndefined()
    spool.close()
    expect(spool.get(3)).toBeUndefined()
  })

  test('one that is longer than all that is written at once', () => {
    const spool = new Spool(folder)
    spool.put(record(1))
    spool.put(new Uint8Array(600_000).fill(9))
    spool.put(record(2))
    expect(spool.get(1)?.length).toBe(600_000)
    expect(spool.get(0)).toEqual(Buffer.from(record(1)))
    expect(spool.get(2)).toEqual(Buffer.from(record(2)))
    spool.close()
  })

  test('the file has no name, and what is in it cannot be read by who finds it', () => {
    const spool = new Spool(folder)
    const secret = new TextEncoder().encode('correct horse battery staple '.repeat(40))
    for (let at = 0; at < 600; at += 1) spool.put(secret)
    expect(readdirSync(folder)).toEqual([])
    const open = readdirSync('/proc/self/fd')
      .map((fd) => `/proc/self/fd/${fd}`)
      .filter((path) => nameOf(path).startsWith(folder))
      .map((path) => readFileSync(path))
    expect(open.length).toBeGreaterThan(0)
    for (const content of open) expect(content.includes('correct horse')).toBe(false)
    spool.close()
  })

  test('a disk that takes nothing costs what would have gone there, and nothing else', () => {
    const spool = new Spool(join(folder, 'nowhere'))
    for (let at = 0; at < 600; at += 1) spool.put(record(at))
    expect(spool.get(0)).toBeUndefined()
    expect(spool.get(599)).toEqual(Buffer.from(record(599)))
    spool.close()
  })
})

describe('messages that are kept', () => {
  const line = (number: number) => ({ number, octets: 1 }) as MessageLine
  const filled = (count: number, most: number): Records => {
    const records = new Records({ most, folder })
    for (let at = 1; at <= count; at += 1) records.add(line(at), [Uint8Array.of(at & 0xff), undefined])
    return records
  }

  test('as many as are wanted at least; the oldest make room, and numbers go on', () => {
    const records = filled(250, 100)
    expect(records.first).toBeGreaterThan(250 - 120)
    expect(records.first).toBeLessThanOrEqual(151)
    expect(records.next).toBe(251)
    expect(records.line(records.first - 1)).toBeUndefined()
    expect(records.parts(records.first - 1)).toBeUndefined()
    for (let at = records.first; at <= 250; at += 1) {
      expect(records.line(at)?.number).toBe(at)
      expect(records.parts(at)).toEqual([Uint8Array.of(at & 0xff), undefined])
    }
    expect(records.parts(251)).toBeUndefined()
  })

  test('a reader takes what is new, a piece at a time', () => {
    const records = filled(50, 100)
    expect(records.lines(0, 2).map(({ number }) => number)).toEqual([1, 2])
    expect(records.lines(48).map(({ number }) => number)).toEqual([49, 50])
    expect(records.lines(50)).toEqual([])
    const later = filled(250, 100)
    expect(later.lines(3, 1)[0]?.number).toBe(later.first)
  })
})
