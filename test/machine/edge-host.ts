// Opens an edge in the network namespace it is started in and does what it is told, one JSON line per call.
import { createInterface } from 'node:readline'
import { VpnFailure } from '../../core/errors.ts'
import { loadAddon } from '../../core/native/load.ts'
import { openEdge } from '../../core/net/edge.ts'
import type { OsEdge } from '../../core/net/plan.ts'

const say = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`)
const notes: string[] = []

async function answer(call: () => Promise<unknown>): Promise<void> {
  try {
    say({ value: (await call()) ?? null, notes: notes.splice(0) })
  } catch (error) {
    if (!(error instanceof VpnFailure)) throw error
    say({ error: error.error, notes: notes.splice(0) })
  }
}

let edge: OsEdge | undefined
await answer(async () => {
  edge = await openEdge({
    addon: loadAddon(),
    helperPath: process.env.CULVERT_TEST_HELPER!,
    onNote: (note) => notes.push(note),
  })
})
for await (const line of createInterface({ input: process.stdin })) {
  const { verb, argument } = JSON.parse(line) as { verb: keyof OsEdge; argument: never }
  await answer(async () => (edge![verb] as (argument: never) => Promise<unknown>)(argument))
}
await edge?.close()
process.exit(0)
