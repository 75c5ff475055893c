import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { PastConnection } from '../../core/contract/snapshot.ts'
import { History } from '../../core/manager/history.ts'
import { watchProfiles } from '../../core/manager/watch-profiles.ts'
import { ProfileStore } from '../../core/profile/store.ts'
import { PHASE1 } from '../support/snapshots.ts'
import { profileOf, World } from './world.ts'

describe('the computer wakes or moves', () => {
  test('a connection sleeps with the computer and wakes with it', async () => {
    const world = new World()
    await world.up()
    world.manager.suspended()
    expect(world.connection.power).toEqual(['pause'])
    world.manager.resumed()
    expect(world.connection.power).toEqual(['pause', 'resume'])
    expect(world.state()).toBe('connected')
    // The wait for a sleep that does not come is over as well.
    await world.pass(120_000)
    expect(world.connection.power).toEqual(['pause', 'resume'])
  })

  test('so does one that is on its way', async () => {
    const world = new World()
    const connected = world.manager.connect('Office')
    await world.settle()
    world.manager.suspended()
    expect(world.connection.power).toEqual(['pause'])
    world.manager.resumed()
    expect(world.connection.power).toEqual(['pause', 'resume'])
    world.connection.establish()
    await connected
  })

  test('a computer that wakes without having said that it sleeps asks after it too', async () => {
    const world = new World()
    await world.up()
    world.manager.resumed()
    expect(world.connection.power).toEqual(['resume'])
  })

  test('a computer that does not sleep after all goes on by itself', async () => {
    const world = new World()
    await world.up()
    world.manager.suspended()
    await world.pass(59_999)
    expect(world.connection.power).toEqual(['pause'])
    await world.pass(1)
    expect(world.connection.power).toEqual(['pause', 'resume'])
  })

  test('nothing is tried while the computer sleeps, and at once when it wakes', async () => {
    const world = new World()
    await world.up()
    world.connection.end({ kind: 'noAnswer', exchange: 'INFORMATIONAL', tries: 5 })
    await world.settle()
    world.manager.suspended()
    await world.pass(30_000)
    expect([world.state(), world.connections.length]).toEqual(['reconnecting', 1])
    world.manager.resumed()
    await world.settle()
    expect(world.connections).toHaveLength(2)
  })

  test('nor is what ends as the computer falls asleep', async () => {
    const world = new World()
    await world.up()
    world.manager.suspended()
    world.connection.end({ kind: 'closedByGateway', reason: 'asleep' })
    await world.pass(30_000)
    expect([world.state(), world.connections.length]).toEqual(['reconnecting', 1])
    world.manager.resumed()
    await world.settle()
    expect(world.connections).toHaveLength(2)
  })

  test('one whose own address is gone is made anew, without waiting for silence', async () => {
    const world = new World()
    await world.up()
    world.connection.view = () => ({
      state: 'connected',
      step: '',
      phase1: { ...PHASE1, localEndpoint: '192.0.2.23:4500' },
      phase2: [],
      rekeys: { ike: 0, child: 0 },
    })
    world.manager.networkChanged(['192.0.2.23', '10.0.0.1'])
    expect(world.connection.commands).toEqual(['connect', 'probe'])
    world.manager.networkChanged(['198.51.100.7'])
    await world.settle()
    expect(world.state()).toBe('reconnecting')
    expect(world.connection.closed).toBe(true)
    await world.pass(2000)
    expect(world.connections).toHaveLength(2)
    world.connection.establish()
    await world.settle()
    expect(world.state()).toBe('connected')
  })

  test('RFC 4555: one that can move does so, and stays', async () => {
    const world = new World()
    await world.up()
    world.connection.view = () => ({
      state: 'connected',
      step: '',
      phase1: { ...PHASE1, localEndpoint: '192.0.2.23:4500' },
      phase2: [],
      rekeys: { ike: 0, child: 0 },
      movable: true,
    })
    world.manager.networkChanged(['198.51.100.7'])
    await world.settle()
    expect(world.connection.commands).toEqual(['connect', 'move'])
    expect([world.state(), world.connections.length]).toEqual(['connected', 1])
  })

  test('what waits for its next try does not wait any longer', async () => {
    const world = new World()
    await world.up()
    world.connection.end({ kind: 'noAnswer', exchange: 'INFORMATIONAL', tries: 5 })
    await world.settle()
    expect(world.state()).toBe('reconnecting')
    expect(world.manager.retry('Home')).toBe(false)
    expect(world.manager.retry('Office')).toBe(true)
    await world.settle()
    expect(world.connections).toHaveLength(2)
    // The timer of the old try is gone: there is no third.
    await world.pass(120_000)
    expect(world.connections).toHaveLength(2)
    expect(world.manager.retry('Office')).toBe(false)
  })
})

describe('the history', () => {
  let home = ''
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'culvert-history-'))
  })
  afterAll(() => rm(home, { recursive: true }))

  test('a connection that stood is written down with how it ended', async () => {
    const written: PastConnection[] = []
    const world = new World({ record: (_profile, past) => written.push(past) })
    await world.up()
    await world.pass(60_000)
    world.connection.end({ kind: 'closedByGateway', reason: 'idle' })
    await world.settle()
    await world.pass(2000)
    world.connection.establish()
    await world.settle()
    await world.manager.disconnect()
    expect(written.map(({ ended, sinceMs, untilMs }) => [ended, untilMs - sinceMs])).toEqual([
      ['closedByGateway', 60_000],
      ['person', expect.any(Number)],
    ])
  })

  test('the newest stand first, and a file keeps twenty of them', async () => {
    const history = new History(home)
    const past = { sinceMs: 0, untilMs: 1, inBytes: 2, outBytes: 3, ended: 'person' }
    await Promise.all(Array.from({ length: 25 }, (_, at) => history.add('office', { ...past, sinceMs: at })))
    const kept = await history.list('office')
    expect(kept.map(({ sinceMs }) => sinceMs)).toEqual(Array.from({ length: 20 }, (_, at) => 24 - at))
    expect(await history.list('nobody')).toEqual([])
    await history.forget('office')
    expect(await history.list('office')).toEqual([])
  })

  test('what has just ended is in it', async () => {
    const history = new History(home)
    void history.add('now', { sinceMs: 1, untilMs: 2, inBytes: 3, outBytes: 4, ended: 'person' })
    expect(await history.list('now')).toHaveLength(1)
  })

  test('profiles written by another program are noticed', async () => {
    let changes = 0
    const seen = new Promise<void>((resolve) => {
      void watchProfiles(home, () => {
        changes += 1
        resolve()
      }).then(async (stop) => {
        await new ProfileStore(home).save(profileOf('Office'))
        await seen
        stop()
      })
    })
    await seen
    expect(changes).toBe(1)
  })
})
