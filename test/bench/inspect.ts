import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { OpenCapture } from '../../core/capture/open-capture.ts'
import { readCapture } from '../../core/capture/read.ts'
import { createRegistry } from '../../core/crypto/registry.ts'
import { Decoder } from '../../core/inspect/decoder.ts'
import { summaryOf } from '../../core/inspect/format.ts'
import { NO_KEYS } from '../../core/inspect/key-tables.ts'
import { prepareWindow } from './prepare-window.ts'
import { readArgs, save } from './project.ts'
import { scrollCapture } from './scrolling.ts'

/** What the inspector has to do at least. */
const TARGETS = { messagesPerSecond: 50_000, openMs: 2_000, frameMs: 16 } as const
const MESSAGES = 100_000
const USAGE = 'usage: npm run bench -- inspect [--no-window] [--trial-runtime]'
/** Ours: the best of some counts. What else the machine does is not what is measured. */
const ROUNDS = 5

interface Row {
  readonly text: string
  readonly value: number
  /** The most, or least, it may be; left out for what is told beside. */
  readonly target?: number
  readonly holds: boolean
}

/**
 * `npm run bench -- inspect`: IKE messages taken apart in a second, how long a capture of very many takes to open, in a
 * terminal and as the window does it, and what a frame costs while the window scrolls through them.
 */
export async function benchInspect(root: string, args: readonly string[]): Promise<void> {
  const { values } = readArgs(USAGE, {
    args: [...args],
    options: {
      'no-window': { type: 'boolean', default: false },
      'trial-runtime': { type: 'boolean', default: false },
    },
  })
  const messages = ['req', 'resp'].map(
    (name) => new Uint8Array(readFileSync(join(root, `test/vectors/data/ikev2/ike-sa-init-${name}.bin`))),
  )
  const rate = decodeRate(messages)
  const [listMs, openMs] = await openTimes(messages)
  const rows: Row[] = [
    {
      text: 'messages taken apart in a second',
      value: Math.round(rate),
      target: TARGETS.messagesPerSecond,
      holds: rate >= TARGETS.messagesPerSecond,
    },
    atMost(`ms to write a line for each of ${MESSAGES} messages of a capture`, listMs, TARGETS.openMs),
    atMost(`ms to open a capture of ${MESSAGES} messages as the window does`, openMs, TARGETS.openMs),
  ]
  if (values['no-window'] !== true) {
    await prepareWindow(root, values['trial-runtime'] === true)
    rows.push(...(await scrolling(messages)))
  }
  const [load = 0] = loadavg()
  if (load > cpus().length)
    console.log(`This machine has ${load.toFixed(1)} programs at work on ${cpus().length} processors.`)
  for (const { text, value, target, holds } of rows) {
    if (target === undefined) console.log(`       ${text}: ${value}`)
    else console.log(`${holds ? 'holds ' : 'FAILS '} ${text}: ${value} (target ${target})`)
  }
  console.log(`written to ${await save(root, 'inspect', { load, rows })}`)
  if (rows.some(({ holds }) => !holds)) process.exitCode = 1
}

const atMost = (text: string, ms: number, target: number): Row => ({
  text,
  value: Math.round(10 * ms) / 10,
  target,
  holds: ms <= target,
})

async function scrolling(messages: readonly Uint8Array[]): Promise<readonly Row[]> {
  const { work, mostlyMs, between } = await scrollCapture(MESSAGES, (path) => writeCapture(path, messages))
  const beside = (text: string, ms: number): Row => ({ text, value: Math.round(10 * ms) / 10, holds: true })
  return [
    atMost('ms of work for a frame of scrolling, 95 of 100', mostlyMs, TARGETS.frameMs),
    beside('  half of them, ms', work.median),
    beside('  the longest, ms', work.max),
    beside('  from frame to frame, half of them, ms', between.median),
  ]
}

function decodeRate(messages: readonly Uint8Array[]): number {
  const decoder = new Decoder(createRegistry(undefined), NO_KEYS)
  const round = (count: number): number => {
    const begin = performance.now()
    for (let i = 0; i < count; i++) decoder.message(messages[i % messages.length]!)
    return (count / (performance.now() - begin)) * 1000
  }
  round(20_000)
  return Math.max(...Array.from({ length: ROUNDS }, () => round(20_000)))
}

/** Of a line for each message, and of what the window does. */
async function openTimes(messages: readonly Uint8Array[]): Promise<readonly [number, number]> {
  const folder = mkdtempSync(join(tmpdir(), 'culvert-bench-'))
  try {
    const file = join(folder, 'many.pcap')
    writeCapture(file, messages)
    const [listed, opened]: [number[], number[]] = [[], []]
    for (let round = 0; round < ROUNDS; round++) {
      listed.push(await timeOf(() => listCapture(file)))
      opened.push(await timeOf(() => openCapture(file)))
    }
    return [Math.min(...listed), Math.min(...opened)]
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function timeOf(work: () => Promise<number>): Promise<number> {
  const begin = performance.now()
  const count = await work()
  if (count !== MESSAGES) throw new Error(`${count} of ${MESSAGES} messages`)
  return performance.now() - begin
}

async function listCapture(file: string): Promise<number> {
  const decoder = new Decoder(createRegistry(undefined), NO_KEYS)
  const lines: string[] = []
  for await (const frame of readCapture(file)) lines.push(summaryOf(decoder.frame(frame)))
  return lines.length
}

async function openCapture(file: string): Promise<number> {
  const capture = new OpenCapture(new Decoder(createRegistry(undefined), NO_KEYS))
  await capture.read(file, () => {})
  const { messages } = capture.state
  capture.close()
  return messages
}

/** A pcap of raw IP packets, which is what libpcap reads most simply. */
function writeCapture(path: string, messages: readonly Uint8Array[]): void {
  const file = openSync(path, 'w')
  const head = Buffer.alloc(24)
  head.writeUInt32LE(0xa1b2c3d4, 0)
  head.writeUInt16LE(2, 4)
  head.writeUInt16LE(4, 6)
  head.writeUInt32LE(65_535, 16)
  head.writeUInt32LE(101, 20)
  writeSync(file, head)
  const packets = messages.map((message) => {
    const packet = Buffer.alloc(16 + 28 + message.length)
    packet.writeUInt32LE(28 + message.length, 8)
    packet.writeUInt32LE(28 + message.length, 12)
    packet[16] = 0x45
    packet.writeUInt16BE(28 + message.length, 18)
    packet[25] = 17
    packet.set([192, 0, 2, 1, 192, 0, 2, 2], 28)
    packet.writeUInt16BE(500, 36)
    packet.writeUInt16BE(500, 38)
    packet.writeUInt16BE(8 + message.length, 40)
    packet.set(message, 44)
    return packet
  })
  for (let i = 0; i < MESSAGES; i++) writeSync(file, packets[i % packets.length]!)
  closeSync(file)
}
