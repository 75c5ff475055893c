import { Socket } from 'node:net'

/** A TCP connection that is being opened, or is open. */
export interface TcpStream {
  /** Resolves when octets of ours have gone; rejects with an `Error` that has a `code` where nobody is there, or nobody in time. */
  readonly opened: Promise<void>
  /** Octets that wait to leave. */
  readonly waiting: number
  send(octets: Uint8Array): void
  close(): void
}

export interface TcpEvents {
  readonly onOctets: (octets: Uint8Array) => void
  /** It is over, once, unless by {@link TcpStream.close}; `problem`: `ECONNRESET`, `EOF`. */
  readonly onEnd: (problem: string) => void
}

/** Takes over the descriptor of a socket that is connected or on its way there, and says `first` once it is. */
export function openTcpStream(fd: number, first: Uint8Array, limitMs: number, events: TcpEvents): TcpStream {
  const socket = new Socket({ fd, readable: true, writable: true })
  let over = false
  socket.setNoDelay(true)
  socket.on('data', (octets: Buffer) => {
    if (!over) events.onOctets(new Uint8Array(octets.buffer, octets.byteOffset, octets.length))
  })
  const opened = new Promise<void>((resolve, reject) => {
    const end = (problem: string): void => {
      clearTimeout(late)
      socket.destroy()
      reject(Object.assign(new Error(problem), { code: problem }))
      if (over) return
      over = true
      events.onEnd(problem)
    }
    const late = setTimeout(() => end('ETIMEDOUT'), limitMs)
    socket.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message))
    socket.on('end', () => end('EOF'))
    socket.on('close', () => end('EOF'))
    // The kernel takes nothing before the other end has answered.
    socket.write(first, (error) => {
      if (error) return end((error as NodeJS.ErrnoException).code ?? error.message)
      clearTimeout(late)
      resolve()
    })
  })
  // Whoever does not wait for it hears of the end all the same.
  opened.catch(() => {})
  return {
    opened,
    get waiting() {
      return socket.writableLength
    },
    send(octets) {
      if (!over) socket.write(octets)
    },
    close() {
      over = true
      socket.destroySoon()
    },
  }
}
