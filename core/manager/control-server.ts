import { chmod, lstat, mkdir, rm } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { dirname } from 'node:path'
import { Secret } from '../bytes/secret.ts'
import { VpnFailure } from '../errors.ts'
import { ControlClient } from './control-client.ts'
import { type ControlCall, type ControlReply, type ControlTarget, lineSplitter } from './control-protocol.ts'
import { faultOf } from './fault.ts'

export interface ControlServer {
  close(): Promise<void>
}

/**
 * Serves `target` to this user's other processes on a Unix socket only its owner can reach. A socket left by a
 * process that died is replaced. Throws `VpnFailure` (`alreadyRunning`) when somebody alive serves it.
 */
export async function serveControl(path: string, target: ControlTarget): Promise<ControlServer> {
  if (process.platform !== 'win32') await prepareFolder(dirname(path))
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    serveOne(socket, target)
  })
  try {
    await listen(server, path)
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw thrown
    const alive = await ControlClient.open(path)
    if (alive !== undefined) {
      alive.close()
      throw new VpnFailure({ kind: 'alreadyRunning', profile: 'Culvert' })
    }
    await rm(path, { force: true })
    await listen(server, path)
  }
  if (process.platform !== 'win32') await chmod(path, 0o600)
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.end()
        // A reader that never reads must not keep us alive.
        setTimeout(() => {
          for (const socket of sockets) socket.destroy()
        }, 200).unref()
      }),
  }
}

/** The folder keeps others out before the socket exists, so there is no moment in which they could come in. */
async function prepareFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const found = await lstat(folder)
  const user = process.getuid?.()
  if (!found.isDirectory() || (user !== undefined && found.uid !== user)) {
    throw new VpnFailure({
      kind: 'systemRefused',
      what: `use ${folder} for the control socket`,
      problem: 'it belongs to somebody else',
    })
  }
  await chmod(folder, 0o700)
}

const listen = (server: Server, path: string): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, () => {
      server.off('error', reject)
      resolve()
    })
  })

function serveOne(socket: Socket, target: ControlTarget): void {
  let unsubscribe: (() => void) | undefined
  const leave: (() => void)[] = []
  const send = (reply: ControlReply): void => {
    if (socket.writable) socket.write(`${JSON.stringify(reply)}\n`)
  }
  const subscribe = (): void => {
    let waiting = false
    unsubscribe ??= target.subscribe({
      changed: () => {
        // Many changes of one moment are one line, and a slow reader gets the newest, not all.
        if (waiting) return
        waiting = true
        setImmediate(() => {
          waiting = false
          if (socket.writableLength < 1 << 20) send({ changed: target.snapshot() })
        })
      },
    })
  }
  const onLine = async (line: string): Promise<void> => {
    let id = 0
    try {
      const call = parseCall(line)
      id = call.id
      if (call.call === 'subscribe') subscribe()
      if (call.call === 'connect' && call.attended === true) leave.push(target.attend(call.profile))
      send({ id, ok: true, result: await answer(call, target) })
    } catch (thrown) {
      send({ id, ok: false, error: faultOf(thrown) })
    }
  }
  const split = lineSplitter((line) => void onLine(line))
  socket.setEncoding('utf8')
  socket.on('data', (chunk: string) => {
    if (!split(chunk)) socket.destroy()
  })
  socket.on('error', () => socket.destroy())
  socket.on('close', () => {
    unsubscribe?.()
    for (const one of leave) one()
  })
}

async function answer(call: ControlCall, target: ControlTarget): Promise<unknown> {
  switch (call.call) {
    case 'snapshot':
    case 'subscribe':
      return target.snapshot()
    case 'connect':
      await target.connect(call.profile, secretsOf(call.secrets ?? {}))
      return target.snapshot()
    case 'answer':
      return target.answer(call.prompt, secretsOf(call.values))
    case 'cancel':
      return target.cancel(call.prompt)
    case 'disconnect':
      return target.disconnect(call.profile)
    case 'messages':
      return target.messages(call.profile, call.after, call.most)
    case 'tree':
      return (await target.tree(call.profile, call.number)) ?? null
    case 'find':
      return target.find(call.profile, call.wanted, call.after)
    case 'capture':
      return target.capture(call.profile, call.keys)
    case 'retry':
      return target.retry(call.profile)
    case 'letOut':
      return target.letOut(call.profile)
  }
}

const secretsOf = (texts: Readonly<Record<string, string>>): ReadonlyMap<string, Secret> =>
  new Map(Object.entries(texts).map(([name, value]) => [name, Secret.fromText(value)]))

/** Other processes of this user are trusted to be there, not to write well. */
function parseCall(line: string): ControlCall {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    throw refusal('a line of JSON is expected')
  }
  if (typeof value !== 'object' || value === null) throw refusal('an object is expected')
  const { id, call, profile, secrets, after, most, number, wanted, prompt, values, attended, keys } =
    value as Record<string, unknown>
  if (typeof id !== 'number') throw refusal('a number is expected as id')
  const named = profile === undefined || typeof profile === 'string'
  switch (call) {
    case 'snapshot':
    case 'subscribe':
      return { id, call }
    case 'answer':
    case 'cancel':
      if (typeof prompt !== 'number') throw refusal('a number is expected as prompt')
      if (call === 'cancel') return { id, call, prompt }
      if (!isTexts(values)) throw refusal('texts are expected as values')
      return { id, call, prompt, values }
    case 'letOut':
    case 'disconnect':
      if (!named) throw refusal('a text is expected as profile')
      return profile === undefined ? { id, call } : { id, call, profile }
    case 'tree':
      if (typeof profile !== 'string') throw refusal('a text is expected as profile')
      if (typeof number !== 'number') throw refusal('a number is expected as number')
      return { id, call, profile, number }
    case 'find':
      if (typeof profile !== 'string') throw refusal('a text is expected as profile')
      if (typeof wanted !== 'string') throw refusal('a text is expected as wanted')
      return { id, call, profile, wanted, ...(typeof after === 'number' ? { after } : {}) }
    case 'capture':
      if (typeof profile !== 'string') throw refusal('a text is expected as profile')
      if (typeof keys !== 'boolean') throw refusal('true or false is expected as keys')
      return { id, call, profile, keys }
    case 'messages':
      if (typeof profile !== 'string') throw refusal('a text is expected as profile')
      return {
        ...{ id, call, profile },
        ...(typeof after === 'number' ? { after } : {}),
        ...(typeof most === 'number' ? { most } : {}),
      }
    case 'retry':
    case 'connect': {
      if (typeof profile !== 'string') throw refusal('a text is expected as profile')
      if (call !== 'connect') return { id, call, profile }
      const asked = { id, call, profile, ...(attended === true ? { attended } : {}) }
      if (secrets === undefined) return asked
      if (!isTexts(secrets)) throw refusal('texts are expected as secrets')
      return { ...asked, secrets }
    }
    default:
      throw refusal(`there is no call ${JSON.stringify(call)}`)
  }
}

const isTexts = (value: unknown): value is Record<string, string> =>
  typeof value === 'object' && value !== null && Object.values(value).every((one) => typeof one === 'string')

const refusal = (problem: string): VpnFailure =>
  new VpnFailure({ kind: 'internal', problem: `control socket: ${problem}` })
