import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'

// Octets anyone can make again, through a tunnel: what arrives must be what was sent.

const PORT = '7000'

const RECEIVE = `
  const hash = require('node:crypto').createHash('sha256')
  const [port, address] = process.argv.slice(1)
  const server = require('node:net').createServer((socket) => {
    server.close()
    socket.on('data', (data) => hash.update(data))
    socket.on('end', () => { socket.end(); console.log(hash.digest('hex')) })
  })
  server.listen(port, address, () => console.log('listening'))`
const SEND = `
  const { createHash } = require('node:crypto')
  const [port, to, megabytes, seed] = process.argv.slice(1)
  const socket = require('node:net').connect(port, to)
  let left = megabytes * 2 ** 20, block = createHash('sha512').update(seed).digest()
  const more = () => {
    while (left > 0) {
      block = createHash('sha512').update(block).digest()
      // Of every length, so that segments end anywhere.
      const size = Math.min(left, 1 + block.readUInt32LE(0) % 200000)
      const data = Buffer.alloc(size, block)
      left -= size
      if (!socket.write(data)) return socket.once('drain', more)
    }
    socket.end()
  }
  socket.on('connect', more)
  socket.on('close', () => process.exit(0))
  socket.resume()`

/** SHA-256 of the stream that `streamBetween` sends. */
export function digestOf(megabytes: number, seed: string): string {
  const hash = createHash('sha256')
  let block = createHash('sha512').update(seed).digest()
  for (let left = megabytes * 2 ** 20; left > 0; ) {
    block = createHash('sha512').update(block).digest()
    const size = Math.min(left, 1 + (block.readUInt32LE(0) % 200_000))
    hash.update(Buffer.alloc(size, block))
    left -= size
  }
  return hash.digest('hex')
}

/** Sends a TCP stream from one network namespace to an address in another; SHA-256 of what arrived, or `nothing`. */
export async function streamBetween(
  from: string,
  to: string,
  address: string,
  megabytes: number,
  seed: string,
): Promise<string> {
  const start = (namespace: string, script: string, ...args: readonly string[]): ChildProcess =>
    spawn('ip', ['netns', 'exec', namespace, process.execPath, '-e', script, PORT, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
  const receiver = start(to, RECEIVE, address)
  let said = ''
  const ended = new Promise((resolve) => receiver.once('close', resolve))
  await new Promise<void>((resolve, reject) => {
    receiver.once('close', () => reject(new Error('the receiver ended early')))
    receiver.stdout!.on('data', (data) => {
      said += data
      if (said.includes('listening')) resolve()
    })
  })
  const sender = start(from, SEND, address, String(megabytes), seed)
  await new Promise((resolve) => sender.once('close', resolve))
  await ended
  return said.split('\n')[1] ?? 'nothing'
}
