import { readFileSync } from 'node:fs'
import { run } from '../../interop/lab.ts'
import type { Running } from './contender.ts'

/** Figures of one round; what could not be measured is absent. */
export interface Figures {
  /** Gbit/s of TCP payload: one stream to the server, one back, four there. */
  readonly up?: number
  readonly down?: number
  readonly four?: number
  /** Segments sent again during `up`, for each GB that arrived. */
  readonly again?: number
  /**
   * CPU-seconds per GB of payload: the sender's end, the receiver's. Of both directions together where the ends are the
   * same program; else during `up`.
   */
  readonly sender?: number
  readonly receiver?: number
  /** Thousand UDP datagrams of 64 octets a second that arrived. */
  readonly kpps?: number
  /** Round trip in µs, median: alone, and beside four streams. */
  readonly idle?: number
  readonly loaded?: number
  /** Resident kB of the server's end: its process, and what of it is the datapath. */
  readonly residentKb?: number
  readonly datapathKb?: number
}

const PORT = '5201'
const TICKS_PER_SECOND = 100

/** CPU-seconds a process has used so far, all threads. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

function residentKb(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
}

const inside = (namespace: string, ...command: readonly string[]) =>
  run('ip', ['netns', 'exec', namespace, ...command])

/** iperf3's report, and what the carriers used meanwhile. */
async function iperf(running: Running, ...args: readonly string[]) {
  const server = inside(running.server, 'iperf3', '-s', '-1', '-p', PORT)
  await listening(running.server)
  const { carriers } = running
  const before = carriers && { client: cpuSeconds(carriers.client), server: cpuSeconds(carriers.server) }
  const { code, stdout } = await inside(
    running.client,
    ...['timeout', '60', 'iperf3', '-J', '-c', running.to, '-p', PORT, ...args],
  )
  const used = carriers &&
    before && {
      client: cpuSeconds(carriers.client) - before.client,
      server: cpuSeconds(carriers.server) - before.server,
    }
  await server
  if (code !== 0)
    throw new Error(`iperf3 ${args.join(' ')}: ${/"error":\s*"(.*)"/.exec(stdout)?.[1] ?? code}`)
  return { end: JSON.parse(stdout).end, used }
}

/** Resolves when iperf3's server can be reached. */
async function listening(namespace: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const { stdout } = await inside(namespace, 'ss', '-Hltn', `sport = :${PORT}`)
    if (stdout.includes(PORT)) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error('iperf3 does not listen')
}

async function stream(running: Running, seconds: number, ...args: readonly string[]) {
  const { end, used } = await iperf(running, '-t', String(seconds), ...args)
  const received = end.sum_received as { bytes: number; bits_per_second: number }
  const gigabytes = received.bytes / 1e9
  return {
    gbits: received.bits_per_second / 1e9,
    gigabytes,
    again: ((end.sum_sent as { retransmits?: number }).retransmits ?? 0) / gigabytes,
    used,
  }
}

async function datagrams(running: Running, seconds: number): Promise<number> {
  const { end } = await iperf(running, '-u', '-b', '0', '-l', '64', '-t', String(seconds))
  const { packets, lost_packets, seconds: took } = end.sum
  return (packets - lost_packets) / took / 1000
}

/** Median round trip in µs. */
async function roundTrip(running: Running, count: number, intervalS: number): Promise<number> {
  const { stdout } = await inside(
    running.client,
    ...['ping', '-n', '-c', String(count), '-i', String(intervalS), '-W', '1', running.to],
  )
  const times = [...stdout.matchAll(/time=([\d.]+) ms/g)].map((match) => Number(match[1]) * 1000)
  if (times.length < count / 2) throw new Error(`ping: ${times.length} of ${count} came back`)
  return times.sort((a, b) => a - b)[Math.floor(times.length / 2)]!
}

type Stream = Awaited<ReturnType<typeof stream>>

function cpuPerGigabyte(running: Running, up: Stream, down: Stream): Pick<Figures, 'sender' | 'receiver'> {
  if (up.used === undefined || down.used === undefined) return {}
  const back = running.unlike === undefined ? down : undefined
  const gigabytes = up.gigabytes + (back?.gigabytes ?? 0)
  return {
    sender: (up.used.client + (back?.used?.server ?? 0)) / gigabytes,
    receiver: (up.used.server + (back?.used?.client ?? 0)) / gigabytes,
  }
}

/** Everything about one contender, `seconds` for each stream. */
export async function measure(running: Running, seconds: number): Promise<Figures> {
  const idle = await roundTrip(running, 300, 0.002)
  const up = await stream(running, seconds)
  const down = await stream(running, seconds, '-R')
  const [loaded, four] = await Promise.all([
    new Promise((resolve) => setTimeout(resolve, 500)).then(() =>
      roundTrip(running, Math.floor((seconds - 1) * 80), 0.01),
    ),
    stream(running, seconds, '-P', '4'),
  ])
  const kpps = await datagrams(running, seconds)
  return {
    up: up.gbits,
    down: down.gbits,
    four: four.gbits,
    again: up.again,
    ...cpuPerGigabyte(running, up, down),
    kpps,
    idle,
    loaded,
    ...(running.carriers && { residentKb: residentKb(running.carriers.server) }),
    ...(running.datapathKb && { datapathKb: await running.datapathKb() }),
  }
}
