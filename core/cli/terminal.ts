import { createInterface } from 'node:readline'

/** Where words go and come from, so that tests can be the terminal. */
export interface Terminal {
  /** A line for the one who asked; what scripts read. */
  out(line: string): void
  /** Resolves when what was said has gone out, or nobody listens any more: who says very much waits for it. */
  ready(): Promise<void>
  /** A line beside the answer: progress, faults, advice. */
  err(line: string): void
  /** There is a person to ask. */
  readonly interactive: boolean
  /** Standard output is a screen that can be redrawn. */
  readonly screen: boolean
  /** Draws over what was drawn before. */
  redraw(text: string): void
  /** All of standard input. */
  readInput(): Promise<string>
  /** A line typed for all to see; `undefined` when the person gave up. */
  ask(prompt: string): Promise<string | undefined>
  /** A line typed without echo; `undefined` when the person gave up. */
  askSecret(prompt: string): Promise<string | undefined>
}

export function systemTerminal(): Terminal {
  // A reader that went away (`culvert status --watch | head`) ends the writing, not the tunnels.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
  let drawn = 0
  return {
    out: (line) => void process.stdout.write(`${line}\n`),
    ready: async () => {
      const { stdout } = process
      if (!stdout.writableNeedDrain || stdout.destroyed) return
      await new Promise<void>((resolve) => {
        const done = (): void => {
          stdout.off('drain', done).off('close', done)
          resolve()
        }
        stdout.on('drain', done).on('close', done)
      })
    },
    err: (line) => void process.stderr.write(`${line}\n`),
    interactive: process.stdin.isTTY === true && process.stderr.isTTY === true,
    screen: process.stdout.isTTY === true,
    redraw: (text) => {
      const up = drawn === 0 ? '' : `\x1b[${drawn}F\x1b[J`
      process.stdout.write(`${up}${text}\n`)
      const columns = process.stdout.columns || 80
      drawn = text.split('\n').reduce((rows, line) => rows + Math.max(1, Math.ceil(line.length / columns)), 0)
    },
    readInput: async () => {
      const chunks: Buffer[] = []
      for await (const chunk of process.stdin) chunks.push(chunk as Buffer)
      return Buffer.concat(chunks).toString('utf8')
    },
    ask,
    askSecret,
  }
}

async function ask(prompt: string): Promise<string | undefined> {
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return await new Promise((resolve) => {
      lines.once('close', () => resolve(undefined))
      lines.question(`${prompt} `, resolve)
    })
  } finally {
    lines.close()
  }
}

const ETX = '\x03'
const EOT = '\x04'

function askSecret(prompt: string): Promise<string | undefined> {
  const { stdin, stderr } = process
  stderr.write(`${prompt}: `)
  stdin.setRawMode(true)
  stdin.setEncoding('utf8')
  stdin.resume()
  return new Promise((resolve) => {
    let typed = ''
    const end = (answer: string | undefined): void => {
      stdin.off('data', onData)
      stdin.setRawMode(false)
      stdin.pause()
      stderr.write('\n')
      resolve(answer)
    }
    const onData = (chunk: string | Buffer): void => {
      for (const letter of String(chunk)) {
        if (letter === '\r' || letter === '\n') return end(typed)
        if (letter === ETX || (letter === EOT && typed === '')) return end(undefined)
        if (letter === '\x7f' || letter === '\b') typed = [...typed].slice(0, -1).join('')
        else if (letter === '\x15') typed = ''
        else if (letter >= ' ') typed += letter
      }
    }
    stdin.on('data', onData)
  })
}
