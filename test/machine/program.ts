import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

/** A program of ours or somebody's, its lines as they come, ended by its own process id. */
export class Program {
  readonly lines: string[] = []
  readonly complaints: string[] = []
  readonly child: ChildProcessWithoutNullStreams
  readonly exited: Promise<number | null>
  #waiting: (() => void)[] = []

  constructor(command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
    this.child = spawn(command, args, { env })
    this.exited = new Promise((resolve) => this.child.once('close', (code) => resolve(code)))
    for (const [stream, lines] of [
      [this.child.stdout, this.lines],
      [this.child.stderr, this.complaints],
    ] as const) {
      createInterface({ input: stream }).on('line', (line) => {
        lines.push(line)
        for (const look of this.#waiting.splice(0)) look()
      })
    }
    void this.exited.then(() => {
      for (const look of this.#waiting.splice(0)) look()
    })
  }

  /** The first line that matches, now or within `ms`; throws with all that was said. */
  async line(wanted: RegExp, ms = 20_000): Promise<string> {
    const endMs = Date.now() + ms
    for (;;) {
      const found = [...this.lines, ...this.complaints].find((line) => wanted.test(line))
      if (found !== undefined) return found
      const leftMs = endMs - Date.now()
      if (leftMs <= 0 || this.child.exitCode !== null) {
        throw new Error(`no ${wanted} in:\n${[...this.lines, ...this.complaints].join('\n')}`)
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(leftMs, 500))
        this.#waiting.push(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    }
  }

  /** How many lines match. */
  count(wanted: RegExp): number {
    return this.lines.filter((line) => wanted.test(line)).length
  }

  async end(signal: NodeJS.Signals = 'SIGINT'): Promise<number | null> {
    if (this.child.exitCode === null) this.child.kill(signal)
    return await this.exited
  }
}
