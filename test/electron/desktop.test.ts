import type { MenuItemConstructorOptions } from 'electron'
import { describe, expect, test, vi } from 'vitest'
import type { AppSnapshot, TunnelSnapshot } from '../../core/contract/snapshot.ts'
import { NetworkWatch, ownAddresses } from '../../core/manager/network-watch.ts'
import { Busy } from '../../electron/busy.ts'
import { Notices } from '../../electron/notices.ts'
import { trayIcon, trayMenu, trayTip } from '../../electron/tray-menu.ts'
import { visible } from '../../electron/window-state.ts'
import { PHASE2, TUNNEL } from '../support/snapshots.ts'

const snapshot = (tunnels: readonly TunnelSnapshot[], count = 2): AppSnapshot => ({
  revision: 1,
  profiles: Array.from({ length: count }, (_, at) => ({
    id: at === 0 ? 'marine' : `p${at}`,
    name: at === 0 ? 'Lindqvist Marine' : `Office ${at}`,
    folder: undefined,
    gateway: 'x',
    signIn: 'IKEv2',
    saved: [],
  })),
  tunnels,
  prompts: [],
})

describe('the tray', () => {
  const actions = () => ({
    connect: vi.fn(),
    disconnect: vi.fn(),
    retry: vi.fn(),
    letOut: vi.fn(),
    open: vi.fn(),
    settings: vi.fn(),
    quit: vi.fn(),
  })
  const press = (menu: readonly MenuItemConstructorOptions[], label: string): void => {
    const click = menu.find((item) => item.label === label)?.click as (() => void) | undefined
    if (click === undefined) throw new Error(`the menu has no "${label}"`)
    click()
  }

  test('one glyph tells what needs a person first', () => {
    const state = (...states: TunnelSnapshot['state'][]) =>
      trayIcon({ tunnels: states.map((one) => ({ ...TUNNEL, state: one })) })
    expect(state()).toBe('idle')
    expect(state('connected')).toBe('connected')
    expect(state('connected', 'phase1')).toBe('connecting')
    expect(state('connected', 'reconnecting')).toBe('reconnecting')
    expect(state('failed')).toBe('error')
    expect(state('failed', 'connected')).toBe('connected')
    expect(trayIcon({ tunnels: [{ ...TUNNEL, state: 'reconnecting', held: ['10.0.0.0/8'] }] })).toBe(
      'blocked',
    )
  })

  test('a connected tunnel is named and can be ended, others begun', () => {
    const done = actions()
    const menu = trayMenu(snapshot([TUNNEL]), done)
    expect(menu[0]).toMatchObject({ label: 'Lindqvist Marine: Connected', enabled: false })
    press(menu, 'Disconnect Lindqvist Marine')
    press(menu, 'Connect Office 1')
    press(menu, 'Quit and disconnect')
    expect(done.disconnect).toHaveBeenCalledWith('marine')
    expect(done.connect).toHaveBeenCalledWith('p1')
    expect(done.quit).toHaveBeenCalled()
    expect(trayTip(snapshot([TUNNEL]))).toBe('Lindqvist Marine: connected')
  })

  test('what waits for its next try can be tried now', () => {
    const done = actions()
    const waiting = { ...TUNNEL, state: 'reconnecting' as const, retryAtMs: 1 }
    press(trayMenu(snapshot([waiting]), done), 'Try now')
    expect(done.retry).toHaveBeenCalledWith('marine')
  })

  test('what a kill switch holds back can be let out, on the way and after the end', () => {
    const done = actions()
    const lost = { ...TUNNEL, state: 'reconnecting' as const, held: ['0.0.0.0/0'] }
    const menu = trayMenu(snapshot([lost]), done)
    expect(menu[0]).toMatchObject({ label: 'Lindqvist Marine: Blocked by the kill switch' })
    press(menu, 'Let traffic out')
    press(menu, 'Disconnect Lindqvist Marine')
    const ended = { ...lost, state: 'blocked' as const }
    expect(trayIcon({ tunnels: [ended] })).toBe('blocked')
    expect(trayTip(snapshot([ended]))).toBe('Lindqvist Marine: blocked by the kill switch')
    press(trayMenu(snapshot([ended]), done), 'Try again')
    press(trayMenu(snapshot([ended]), done), 'Let traffic out')
    press(trayMenu(snapshot([ended]), done), 'Quit')
    expect(done.letOut).toHaveBeenCalledTimes(2)
    expect(done.connect).toHaveBeenCalledWith('marine')
    expect(done.disconnect).toHaveBeenCalledWith('marine')
  })

  test('5,000 connections make no menu of 5,000', () => {
    const menu = trayMenu(snapshot([], 5000), actions())
    expect(menu.length).toBeLessThan(20)
    expect(menu.find(({ label }) => label === 'All connections')?.submenu).toHaveLength(50)
  })
})

describe('notifications', () => {
  const failed = {
    kind: 'noAnswer',
    title: 'The gateway fell silent',
    detail: 'It answered before.',
    tryThis: [],
  }

  test('a change is told once, and not to a person who looks', () => {
    const notices = new Notices()
    expect(notices.next(snapshot([{ ...TUNNEL, state: 'phase1' }]), false)).toEqual([])
    expect(notices.next(snapshot([TUNNEL]), false)).toEqual([
      {
        profile: 'marine',
        title: 'Lindqvist Marine connected',
        body: 'Two networks go through it. Phase 1 and 2 took 57 ms.',
      },
    ])
    expect(notices.next(snapshot([TUNNEL]), false)).toEqual([])
    expect(notices.next(snapshot([{ ...TUNNEL, state: 'reconnecting', error: failed }]), true)).toEqual([])
    expect(notices.next(snapshot([{ ...TUNNEL, state: 'failed', error: failed }]), false)).toMatchObject([
      { title: 'The gateway fell silent', body: 'Lindqvist Marine: It answered before.' },
    ])
  })

  test('a question is told; what the person ended themselves is not', () => {
    const notices = new Notices()
    const prompt = {
      id: 3,
      profile: 'marine',
      kind: 'code' as const,
      fields: ['code'],
      canSave: false,
      identity: undefined,
      message: undefined,
      untilMs: undefined,
      certificate: undefined,
    }
    const asking = { ...snapshot([{ ...TUNNEL, state: 'phase1' }]), prompts: [prompt] }
    expect(notices.next(asking, false)).toMatchObject([
      { title: 'Lindqvist Marine needs something from you' },
    ])
    expect(notices.next(asking, false)).toEqual([])
    const error = { ...failed, kind: 'cancelled' }
    expect(notices.next(snapshot([{ ...TUNNEL, state: 'failed', error }]), false)).toEqual([])
  })
})

describe('whether traffic flows', () => {
  const at = (inBytes: number): TunnelSnapshot => ({
    ...TUNNEL,
    phase2: [{ ...PHASE2, traffic: { ...PHASE2.traffic, inBytes } }],
  })

  test('only what moved in the last five seconds counts', () => {
    const busy = new Busy()
    busy.look({ tunnels: [at(100)] }, 0)
    expect(busy.busy(0)).toEqual([])
    busy.look({ tunnels: [at(200)] }, 2000)
    expect(busy.busy(2000)).toEqual(['marine'])
    busy.look({ tunnels: [at(200)] }, 4000)
    expect(busy.busy(7000)).toEqual(['marine'])
    expect(busy.busy(7001)).toEqual([])
    busy.look({ tunnels: [at(300)] }, 8000)
    busy.look({ tunnels: [{ ...TUNNEL, state: 'reconnecting' }] }, 8100)
    expect(busy.busy(8100)).toEqual([])
    // What moved while nobody looked is no traffic of now.
    busy.look({ tunnels: [at(300)] }, 9000)
    busy.forget()
    busy.look({ tunnels: [at(9000)] }, 900_000)
    expect(busy.busy(900_000)).toEqual([])
    busy.look({ tunnels: [at(9100)] }, 901_000)
    expect(busy.busy(901_000)).toEqual(['marine'])
  })
})

describe('the watch over the network', () => {
  test('looks only while somebody needs it, and tells of other addresses', () => {
    let addresses = ['192.0.2.1']
    let looks = 0
    const told: (readonly string[])[] = []
    const timers: (() => void)[] = []
    const watch = new NetworkWatch({
      addresses: () => {
        looks += 1
        return addresses
      },
      changed: (now) => told.push(now),
      clock: {
        now: () => 0,
        after: (_ms, work) => {
          timers.push(work)
          return () => timers.splice(0)
        },
      },
    })
    expect(looks).toBe(0)
    watch.need(true)
    watch.need(true)
    timers.shift()?.()
    expect(told).toEqual([])
    addresses = ['198.51.100.7']
    timers.shift()?.()
    expect(told).toEqual([['198.51.100.7']])
    watch.need(false)
    expect(timers).toEqual([])
    expect(looks).toBe(3)
  })

  test('does not look by itself where the kernel tells of changes', () => {
    let addresses = ['192.0.2.1']
    let looks = 0
    let perhaps = (): void => {}
    let ended = 0
    const told: (readonly string[])[] = []
    const timers: (() => void)[] = []
    const watch = new NetworkWatch({
      addresses: () => {
        looks += 1
        return addresses
      },
      changed: (now) => told.push(now),
      notice: (call) => {
        perhaps = call
        return () => {
          ended += 1
        }
      },
      clock: {
        now: () => 0,
        after: (_ms, work) => {
          timers.push(work)
          return () => timers.splice(0)
        },
      },
    })
    watch.need(true)
    expect([looks, timers.length]).toEqual([1, 0])
    addresses = ['198.51.100.7']
    // Several words about one change.
    perhaps()
    perhaps()
    expect(timers).toHaveLength(1)
    timers.shift()?.()
    expect([told, timers.length]).toEqual([[['198.51.100.7']], 0])
    perhaps()
    watch.need(false)
    expect([ended, timers.length]).toEqual([1, 0])
    perhaps()
    expect(timers).toEqual([])
  })

  test('our own tunnels and the inside of this computer are not its network', () => {
    const one = (address: string, internal = false) => [{ address, internal } as never]
    const interfaces = {
      lo: one('127.0.0.1', true),
      eth0: [...one('192.0.2.1'), ...one('fe80::1'), ...one('2001:db8::1')],
      culvert0: one('10.0.0.1'),
    }
    expect(ownAddresses(interfaces)).toEqual(['192.0.2.1', '2001:db8::1'])
  })
})

describe('the place of the window', () => {
  const screens = [
    { x: 0, y: 0, width: 1920, height: 1040 },
    { x: 1920, y: 0, width: 1280, height: 1000 },
  ]
  const least = { width: 880, height: 600 }
  const at = (x: number, y: number, width = 1100, height = 720) => ({
    bounds: { x, y, width, height },
    maximized: false,
  })

  test.each([
    ['where it was', at(100, 50), at(100, 50)],
    ['on the second screen', at(2000, 10), at(2000, 10)],
    ['half beyond an edge', at(-400, 50), at(-400, 50)],
    ['on a screen that is gone', at(4000, 50), undefined],
    ['with its title bar out of reach', at(100, -300), undefined],
    ['smaller than it may be', at(100, 50, 10, 10), at(100, 50, 880, 600)],
    ['larger than the screen', at(100, 50, 9000, 9000), at(100, 50, 1920, 1040)],
  ])('%s', (_, saved, wanted) => {
    expect(visible(saved, screens, least)).toEqual(wanted)
  })
})
