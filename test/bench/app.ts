import { spawnSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { demoProfile } from '../../core/profile/demo.ts'
import { type Profile, requireProfile } from '../../core/profile/schema.ts'
import { Desktop } from '../e2e/desktop.ts'
import { prepareWindow } from './prepare-window.ts'
import { readArgs, save, stop } from './project.ts'
import { type Summary, summarize } from './statistics.ts'

const USAGE = 'usage: npm run bench -- app [--runs N] [--seconds N] [--trial-runtime]'
/** Set in the network of its own that this starts itself in. */
const INSIDE = 'CULVERT_BENCH_INSIDE'
const PROFILES = 5000
const IKE_PORT = 500
const TICKS_PER_SECOND = 100
/** Ours: so long after it went into the tray an app is at rest. */
const SETTLED_S = 45

interface Figure {
  readonly text: string
  readonly unit: string
  readonly summary: Summary
  /** The most it may be; `undefined` for what is told beside. */
  readonly bound: number | undefined
}

/** `app [--runs N] [--seconds N]`: the window, beside an empty one of the same Electron. */
export async function benchApp(root: string, args: readonly string[]): Promise<void> {
  const { values } = readArgs(USAGE, {
    args: [...args],
    options: {
      runs: { type: 'string', default: '7' },
      seconds: { type: 'string', default: '60' },
      'trial-runtime': { type: 'boolean', default: false },
    },
  })
  const [runs, seconds] = [Number(values.runs), Number(values.seconds)]
  if (!Number.isInteger(runs) || runs < 1 || !(seconds >= 1)) stop(USAGE)
  if (process.env[INSIDE] === undefined) return again(args)
  await prepareWindow(root, values['trial-runtime'] === true)
  const desktop = await Desktop.open()
  try {
    const empty = emptyApp(desktop)
    const figures = [
      ...(await launches(desktop, empty, runs)),
      ...(await idle(desktop, empty, seconds)),
      ...(await memory(desktop, empty, runs)),
      ...(await clicks(desktop, runs)),
      ...(await searches(desktop)),
    ]
    await report(root, figures)
  } finally {
    await desktop.close()
  }
}

/** Once more in a network of its own: the first IKE packet goes to a gateway that is this program. */
function again(args: readonly string[]): void {
  const [program = ''] = process.argv.slice(1)
  const script = 'ip link set lo up && exec "$0" "$@"'
  const { status } = spawnSync(
    'unshare',
    ['--net', 'sh', '-c', script, process.execPath, program, 'app', ...args],
    { stdio: 'inherit', env: { ...process.env, [INSIDE]: '1' } },
  )
  process.exitCode = status ?? 1
}

/**
 * From the start of the process to a page that shows the state and takes clicks, beside an empty window in turns. The
 * first of each, which fills caches, is not counted.
 */
async function launches(desktop: Desktop, empty: string, runs: number): Promise<readonly Figure[]> {
  const home = homeWith(desktop, 'few', [demoProfile()])
  const [ours, theirs]: [number[], number[]] = [[], []]
  for (let turn = 0; turn <= runs; turn += 1) {
    for (const app of [empty, undefined]) {
      const startedMs = Date.now()
      const { page, end } = await desktop.launchPlain({ home, ...(app === undefined ? {} : { app }) })
      const at = app === undefined ? interactiveAt(page) : loadedAt(page)
      ;(app === undefined ? ours : theirs).push((await at) - startedMs)
      await end()
    }
  }
  return [
    figure('launch of an empty window', 'ms', theirs.slice(1), undefined),
    figure('launch to interactive, warm', 'ms', ours.slice(1), 1000),
  ]
}

/** Unix time in ms at which the page first showed what it knows. */
async function interactiveAt(page: Page): Promise<number> {
  await page.getByRole('heading', { level: 2 }).first().waitFor({ timeout: 60_000 })
  return page.evaluate('performance.timeOrigin + performance.getEntriesByName("interactive")[0].startTime')
}

async function loadedAt(page: Page): Promise<number> {
  await page.waitForLoadState('load')
  return page.evaluate(
    'performance.timeOrigin + performance.getEntriesByType("navigation")[0].domContentLoadedEventEnd',
  )
}

/**
 * Share of one processor while the window is hidden, beside an empty one: with no connection, and with one that carries
 * nothing.
 */
async function idle(desktop: Desktop, empty: string, seconds: number): Promise<readonly Figure[]> {
  const home = homeWith(desktop, 'idle', [demoProfile()])
  const settings = join(home, 'settings.json')
  writeFileSync(settings, JSON.stringify({ keepInTray: true }))
  desktop.give(settings)
  const hidden = async (which: 'empty' | 'ours' | 'connected'): Promise<number> => {
    const { page, pid, release, end } = await desktop.launchPlain({
      home,
      ...(which === 'empty' ? { app: empty } : {}),
    })
    await (which === 'empty' ? loadedAt(page) : interactiveAt(page))
    if (which === 'connected') {
      await page.getByRole('button', { name: 'Connect', exact: true }).click()
      await page.getByRole('heading', { name: 'Connected', exact: true }).waitFor({ timeout: 60_000 })
    }
    // It goes into the tray.
    await page.evaluate('window.close()')
    await release()
    // What a start leaves to be done later is done by then: V8 looks for what it may free half a minute afterwards.
    await calm(SETTLED_S)
    const before = cpuSeconds(pid)
    await calm(seconds)
    const share = (100 * (cpuSeconds(pid) - before)) / seconds
    await end()
    return share
  }
  const [nothing, ours, connected] = [await hidden('empty'), await hidden('ours'), await hidden('connected')]
  return [
    figure(`an empty window hidden for ${seconds} s`, '%', [nothing], undefined),
    figure(`hidden for ${seconds} s, not connected`, '%', [ours], 0.05),
    figure(`hidden for ${seconds} s, connected without traffic`, '%', [connected], 0.05),
  ]
}

/** Proportional memory of all processes, above an empty window of the same Electron, in turns. */
async function memory(desktop: Desktop, empty: string, runs: number): Promise<readonly Figure[]> {
  const home = homeWith(desktop, 'few', [demoProfile()])
  const [ours, theirs]: [number[], number[]] = [[], []]
  for (let turn = 0; turn < Math.min(runs, 3); turn += 1) {
    for (const [list, app] of [
      [theirs, empty],
      [ours, undefined],
    ] as const) {
      const { page, pid, end } = await desktop.launchPlain({ home, ...(app === undefined ? {} : { app }) })
      await page.waitForLoadState('load')
      await calm(3)
      list.push(pssMb(pid))
      await end()
    }
  }
  return [
    figure('memory of an empty window', 'MB', theirs, undefined),
    figure('memory of Culvert', 'MB', ours, undefined),
    figure('above the empty window', 'MB', [summarize(ours).median - summarize(theirs).median], 60),
  ]
}

/** From the click on Connect to the first IKE packet, the helper being allowed and running already. */
async function clicks(desktop: Desktop, runs: number): Promise<readonly Figure[]> {
  const gateway = createSocket('udp4')
  await new Promise<void>((bound) => gateway.bind(IKE_PORT, '127.0.0.1', bound))
  const home = homeWith(desktop, 'click', [profileOf(0)])
  const { page } = await desktop.launch({ home, permitted: true })
  const times: number[] = []
  try {
    await page.evaluate('addEventListener("click", () => (globalThis.clickedMs = Date.now()), true)')
    // The first brings permission and the key, and is not counted.
    const first = arrival(gateway)
    void page.evaluate('window.culvert.session.connect({ profile: "p0", secrets: { psk: "bench" } })')
    await first
    for (let turn = 0; turn < runs; turn += 1) {
      await page.keyboard.press('Escape')
      const connect = page.getByRole('button', { name: 'Connect', exact: true })
      await connect.waitFor()
      await calm(1)
      const arrived = arrival(gateway)
      await connect.click()
      times.push((await arrived) - ((await page.evaluate('globalThis.clickedMs')) as number))
    }
    await page.keyboard.press('Escape')
  } finally {
    gateway.close()
  }
  await desktop.quit()
  return [figure('click to first IKE packet', 'ms', times, 30)]
}

/** Unix time in ms of the next packet. */
const arrival = (gateway: ReturnType<typeof createSocket>): Promise<number> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('no IKE packet within 20 seconds')), 20_000)
    gateway.once('message', () => {
      clearTimeout(timer)
      resolve(Date.now())
    })
  })

/** Letters typed into the search of thousands of profiles: handled, found and laid out. */
async function searches(desktop: Desktop): Promise<readonly Figure[]> {
  const many = Array.from({ length: PROFILES }, (_, at) => profileOf(at))
  const home = homeWith(desktop, 'many', many)
  const startedMs = Date.now()
  const { page, end } = await desktop.launchPlain({ home })
  const opened = (await interactiveAt(page)) - startedMs
  const times = (await page.evaluate(`(async () => {
    const field = document.querySelector('input[type=search]')
    const times = []
    for (const word of ['branch 4999', 'team 12 example', 'zürich', '', 'a b c d e']) {
      for (let length = 0; length <= word.length; length += 1) {
        const before = performance.now()
        field.value = word.slice(0, length)
        field.dispatchEvent(new InputEvent('input', { bubbles: true }))
        await new Promise((done) => queueMicrotask(done))
        await Promise.resolve()
        document.body.getBoundingClientRect()
        times.push(performance.now() - before)
        await new Promise((done) => requestAnimationFrame(done))
      }
    }
    return times
  })()`)) as number[]
  await end()
  return [
    figure(`search in ${PROFILES} profiles, each key`, 'ms', times, 16),
    figure(`launch with ${PROFILES} profiles`, 'ms', [opened], undefined),
  ]
}

const profileOf = (at: number): Profile =>
  requireProfile(
    {
      format: 'culvert-profile',
      version: 1,
      id: `p${at}`,
      name: `Branch ${at} ${at % 7 === 0 ? 'Zürich' : 'Example'}`,
      folder: `Team ${at % 40}`,
      gateway: { host: '127.0.0.1' },
      localId: `user${at}@example.org`,
      auth: { method: 'psk' },
    },
    'bench',
  )

/** A folder of state with these profiles, handed to the user the app runs as. */
function homeWith(desktop: Desktop, name: string, profiles: readonly Profile[]): string {
  const home = join(desktop.folder, `home-${name}`)
  const inside = join(home, 'profiles')
  mkdirSync(inside, { recursive: true, mode: 0o700 })
  for (const profile of profiles) {
    const file = join(inside, `${profile.id}.json`)
    writeFileSync(file, JSON.stringify(profile), { mode: 0o600 })
    desktop.give(file)
  }
  for (const folder of [home, inside]) desktop.give(folder)
  return home
}

/** A window with nothing in it, under the same rules: closed, it hides. */
function emptyApp(desktop: Desktop): string {
  const folder = join(desktop.folder, 'empty')
  mkdirSync(folder, { mode: 0o755 })
  const main = `const { app, BrowserWindow } = require('electron')
let window, quitting = false
app.on('before-quit', () => { quitting = true })
app.whenReady().then(() => {
  window = new BrowserWindow({
    width: 1100, height: 720, webPreferences: { sandbox: true, contextIsolation: true },
  })
  window.on('close', (event) => {
    if (quitting) return
    event.preventDefault()
    window.hide()
  })
  window.loadFile('index.html')
})`
  writeFileSync(join(folder, 'package.json'), '{ "name": "empty", "main": "main.js" }')
  writeFileSync(join(folder, 'main.js'), main)
  writeFileSync(join(folder, 'index.html'), '<!doctype html><title>empty</title>')
  return folder
}

const calm = (seconds: number): Promise<void> => new Promise((done) => setTimeout(done, seconds * 1000))

/** A process and all below it. */
function family(pid: number): readonly number[] {
  const parents = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const [, parent] = statOf(Number(name))
      return parent === undefined ? [] : [[Number(name), Number(parent)] as const]
    })
  const below = (top: number): readonly number[] => [
    top,
    ...parents.filter(([, parent]) => parent === top).flatMap(([child]) => below(child)),
  ]
  return below(pid)
}

/** Fields of `/proc/PID/stat` from the state on; none when it is gone. */
function statOf(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
  } catch {
    return []
  }
}

const cpuSeconds = (pid: number): number =>
  family(pid)
    .map((one) => statOf(one))
    .reduce((sum, fields) => sum + (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / TICKS_PER_SECOND, 0)

/** Each page counted by its share, over all processes. */
const pssMb = (pid: number): number =>
  family(pid).reduce((sum, one) => {
    try {
      const text = readFileSync(`/proc/${one}/smaps_rollup`, 'utf8')
      return sum + Number(/^Pss:\s+(\d+)/m.exec(text)?.[1] ?? 0) / 1024
    } catch {
      return sum
    }
  }, 0)

const figure = (text: string, unit: string, list: readonly number[], bound: number | undefined): Figure => ({
  text,
  unit,
  bound,
  summary: summarize(list),
})

async function report(root: string, figures: readonly Figure[]): Promise<void> {
  const [load = 0] = loadavg()
  if (load > cpus().length)
    console.log(
      `This machine has ${load.toFixed(1)} programs at work on ${cpus().length} processors: times say little.`,
    )
  console.log(`${''.padEnd(44)}  runs    median       min       max     at most`)
  for (const { text, unit, summary, bound } of figures) {
    const numbers = [summary.median, summary.min, summary.max].map((value) => value.toFixed(2).padStart(8))
    const wanted =
      bound === undefined
        ? ''
        : `${String(bound).padStart(8)} ${summary.median <= bound ? 'holds' : 'MISSED'}`
    console.log(
      `${`${text}, ${unit}`.padEnd(44)}  ${String(summary.runs).padStart(4)}  ${numbers.join('  ')}${wanted}`,
    )
  }
  console.log(`written to ${await save(root, 'app', { figures })}`)
  if (figures.some(({ summary, bound }) => bound !== undefined && summary.median > bound))
    process.exitCode = 1
}
