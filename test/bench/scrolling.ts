import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Desktop } from '../e2e/desktop.ts'
import { type Summary, summarize } from './statistics.ts'

export interface Scrolling {
  /** What the page itself works for a frame: the handler, the rows, their layout; in ms. */
  readonly work: Summary
  /** Nineteen frames of twenty need no more than this, in ms. */
  readonly mostlyMs: number
  /** From one frame to the next, in ms. A display of sixty frames a second gives 16.7. */
  readonly between: Summary
}

/** Ours: so long is scrolled, a frame after the other, and so often; the best counts, as nothing else runs then. */
const FRAMES = 120
const ROUNDS = 5

/** Scrolls through the messages of a capture in the real window, from its first to its last. `write`: makes the capture. */
export async function scrollCapture(messages: number, write: (path: string) => void): Promise<Scrolling> {
  const desktop = await Desktop.open()
  try {
    const folder = join(desktop.folder, 'captures')
    mkdirSync(folder)
    chmodSync(folder, 0o755)
    const file = join(folder, 'many.pcap')
    write(file)
    desktop.give(file)
    const { page, end } = await desktop.launchPlain({})
    await page.getByRole('heading', { level: 1 }).waitFor()
    const chromium = await page.context().newCDPSession(page)
    const data = { items: [], files: [file], dragOperationsMask: 1 }
    for (const type of ['dragEnter', 'dragOver', 'drop'] as const)
      await chromium.send('Input.dispatchDragEvent', { type, x: 400, y: 300, data })
    await page.getByRole('heading', { level: 1, name: 'many.pcap' }).waitFor()
    const told = new RegExp(`^${String(messages).replace(/\B(?=(\d{3})+$)/g, '.')} messages in `)
    await page.getByText(told).waitFor({ timeout: 180_000 })
    const rounds: Scrolling[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const frames = (await page.evaluate(`(${SCROLL})(${FRAMES})`)) as readonly (readonly [number, number])[]
      rounds.push(figuresOf(frames))
    }
    await end()
    const [best] = rounds.sort((a, b) => a.mostlyMs - b.mostlyMs)
    if (best === undefined) throw new Error('nothing was scrolled')
    return best
  } finally {
    await desktop.close()
  }
}

function figuresOf(frames: readonly (readonly [number, number])[]): Scrolling {
  const work = frames.map(([ms]) => ms)
  const between = frames.map(([, ms]) => ms).slice(1)
  const mostlyMs = [...work].sort((a, b) => a - b)[Math.floor(0.95 * work.length)] ?? 0
  return { work: summarize(work), mostlyMs, between: summarize(between) }
}

/** In the page: a step in each frame, all the way down; what it costs is over when the rows of the new place are laid out. */
const SCROLL = `async (frames) => {
  const list = document.querySelector('.ladder')
  const far = list.scrollHeight - list.clientHeight
  const times = []
  let last = performance.now()
  for (let frame = 1; frame <= frames; frame += 1) {
    const began = await new Promise((next) => requestAnimationFrame(() => next(performance.now())))
    list.scrollTop = (far * frame) / frames
    list.dispatchEvent(new Event('scroll'))
    await Promise.resolve()
    await new Promise((done) => queueMicrotask(done))
    list.getBoundingClientRect()
    const middle = list.scrollTop + list.clientHeight / 2
    const rows = [...list.querySelectorAll('.rung-row')].map((row) => row.offsetTop)
    if (!rows.some((top) => Math.abs(top - middle) <= list.clientHeight)) throw new Error('an empty list is scrolled')
    times.push([performance.now() - began, began - last])
    last = began
  }
  return times
}`
