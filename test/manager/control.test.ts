import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Secret } from '../../core/bytes/secret.ts'
import { VpnFailure } from '../../core/errors.ts'
import { ControlClient } from '../../core/manager/control-client.ts'
import { type ControlTarget, controlPath } from '../../core/manager/control-protocol.ts'
import { type ControlServer, serveControl } from '../../core/manager/control-server.ts'

class Target implements ControlTarget {
  readonly calls: string[] = []
  readonly listeners = new Set<{ changed(): void }>()
  revision = 1
  snapshot = () => ({ revision: this.revision, profiles: [], tunnels: [], prompts: [] })
  subscribe(listener: { changed(): void }) {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }
  async connect(profile: string, secrets: ReadonlyMap<string, Secret>) {
    if (profile === 'x') throw new VpnFailure({ kind: 'profileUnknown', name: 'x', known: ['Office'] })
    const psk = secrets.get('psk')?.use((bytes) => Buffer.from(bytes).toString())
    this.calls.push(`connect ${profile} ${psk}`)
  }
  async disconnect(profile?: string) {
    this.calls.push(`disconnect ${profile}`)
    return 1
  }
  async messages(profile: string, after?: number) {
    this.calls.push(`messages ${profile} ${after}`)
    return []
  }
  async tree(profile: string, number: number) {
    this.calls.push(`tree ${profile} ${number}`)
    return undefined
  }
  async find(profile: string, wanted: string) {
    this.calls.push(`find ${profile} ${wanted}`)
    return { ok: true as const, numbers: [3], unseen: [], upTo: 3 }
  }
  async letOut(profile?: string) {
    this.calls.push(`let out ${profile ?? 'all'}`)
    return ['Office']
  }
  async capture(profile: string, keys: boolean) {
    this.calls.push(`capture ${profile} ${keys}`)
    return { pcapng: '', messages: 0, tables: {}, leftOut: [] }
  }
  attend(profile: string) {
    this.calls.push(`attend ${profile}`)
    return () => void this.calls.push(`leave ${profile}`)
  }
  answer(prompt: number, values: ReadonlyMap<string, Secret>) {
    for (const [name, secret] of values) {
      this.calls.push(`answer ${prompt}: ${name} ${secret.use((octets) => Buffer.from(octets).toString())}`)
      secret.close()
    }
    return prompt === 1
  }
  cancel(prompt: number) {
    this.calls.push(`cancel ${prompt}`)
    return prompt === 1
  }
  retry(profile: string) {
    this.calls.push(`retry ${profile}`)
    return true
  }
}

let home = ''
let path = ''
let server: ControlServer | undefined
let target = new Target()
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'culvert-control-'))
  path = controlPath(home)
  target = new Target()
})
afterEach(async () => {
  await server?.close()
  server = undefined
  await rm(home, { recursive: true })
})
const open = async () => {
  const client = await ControlClient.open(path)
  if (client === undefined) throw new Error('nobody serves the socket')
  return client
}

test('only its owner can reach the socket', async () => {
  server = await serveControl(path, target)
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  expect((await stat(dirname(path))).mode & 0o777).toBe(0o700)
})

test('calls are answered, faults come back as values', async () => {
  server = await serveControl(path, target)
  const client = await open()
  expect(await client.snapshot()).toEqual({ revision: 1, profiles: [], tunnels: [], prompts: [] })
  await client.connect('Office', { psk: 'key' })
  expect(await client.disconnect('Office')).toBe(1)
  await client.disconnect()
  expect(target.calls).toEqual(['connect Office key', 'disconnect Office', 'disconnect undefined'])
  await expect(client.connect('x', {})).rejects.toMatchObject({
    error: { kind: 'profileUnknown', known: ['Office'] },
  })
  client.close()
})

test('messages are asked for from a number on, and a waiting tunnel is tried at once', async () => {
  server = await serveControl(path, target)
  const client = await open()
  expect(await client.messages('Office', 41)).toEqual([])
  expect(await client.tree('Office', 7)).toBeUndefined()
  expect(await client.find('Office', 'SA')).toEqual({ ok: true, numbers: [3], unseen: [], upTo: 3 })
  expect(await client.retry('Office')).toBe(true)
  expect(await client.letOut('Office')).toEqual(['Office'])
  expect(await client.letOut()).toEqual(['Office'])
  expect(target.calls).toEqual([
    'messages Office 41',
    'tree Office 7',
    'find Office SA',
    'retry Office',
    'let out Office',
    'let out all',
  ])
  client.close()
})

test('a subscriber hears of changes, newest last', async () => {
  server = await serveControl(path, target)
  const client = await open()
  const heard = new Promise<number>((resolve) => {
    void client
      .subscribe(({ revision }) => resolve(revision))
      .then(() => {
        target.revision = 7
        for (const { changed } of target.listeners) changed()
      })
  })
  expect(await heard).toBe(7)
  client.close()
})

test('garbage is answered with a fault and harms nobody', async () => {
  server = await serveControl(path, target)
  const raw = connect(path)
  raw.setEncoding('utf8')
  const replies = new Promise<string[]>((resolve) => {
    let text = ''
    raw.on('data', (chunk: string) => {
      text += chunk
      const lines = text.split('\n').filter((line) => line !== '')
      if (lines.length === 4) resolve(lines)
    })
  })
  raw.write(
    'nonsense\n7\n{"id":1,"call":"explode"}\n{"id":2,"call":"connect","profile":"a","secrets":{"psk":7}}\n',
  )
  for (const line of await replies) expect(JSON.parse(line)).toMatchObject({ ok: false })
  raw.destroy()
  const client = await open()
  expect((await client.snapshot()).revision).toBe(1)
  client.close()
})

test('the socket of a process that died is replaced, that of a living one is not', async () => {
  server = await serveControl(path, target)
  await expect(serveControl(path, target)).rejects.toMatchObject({ error: { kind: 'alreadyRunning' } })
  await server.close()
  expect(await ControlClient.open(path)).toBeUndefined()
  await writeFile(path, '')
  server = await serveControl(path, target)
  const client = await open()
  expect((await client.snapshot()).revision).toBe(1)
  client.close()
})

test('a waiting call hears when the other side ends', async () => {
  const silent = createServer(() => {})
  const quiet = join(home, 'quiet.sock')
  await new Promise<void>((resolve) => silent.listen(quiet, resolve))
  silent.on('connection', (socket) => setImmediate(() => socket.destroy()))
  const client = await ControlClient.open(quiet)
  await expect(client?.snapshot()).rejects.toMatchObject({ error: { kind: 'internal' } })
  await client?.ended
  await new Promise((resolve) => silent.close(resolve))
})

test('a home too deep for a socket gets one elsewhere, the same each time', () => {
  const deep = `/home/${'a'.repeat(120)}`
  expect(Buffer.byteLength(controlPath(deep))).toBeLessThan(108)
  expect(controlPath(deep)).toBe(controlPath(deep))
  expect(controlPath(deep)).not.toBe(controlPath(`${deep}b`))
})

test('a person at the other end answers prompts, until that end goes away', async () => {
  server = await serveControl(path, target)
  const client = await open()
  await client.connect('office', {}, true)
  expect(await client.answerPrompt(1, { code: '755224' })).toBe(true)
  expect(await client.answerPrompt(2, { code: 'late' })).toBe(false)
  expect(await client.cancelPrompt(1)).toBe(true)
  client.close()
  await vi.waitFor(() => expect(target.calls).toContain('leave office'))
  expect(target.calls.filter((call) => !call.startsWith('connect'))).toEqual([
    ...['attend office', 'answer 1: code 755224', 'answer 2: code late', 'cancel 1', 'leave office'],
  ])
})

test('who does not say so is nobody to be asked', async () => {
  server = await serveControl(path, target)
  const client = await open()
  await client.connect('office', {})
  client.close()
  expect(target.calls.join()).not.toContain('attend')
})
