import type { Probe } from '../contract/snapshot.ts'
import type { Manager } from '../manager/manager.ts'
import type { Terminal } from './terminal.ts'

/** Tries a tunnel out where somebody is known to answer, and tells what came of it. `show`: instead of lines. */
export async function tryOut(
  manager: Manager,
  id: string,
  terminal: Terminal,
  options: { readonly json: boolean; readonly show?: (line: string) => void },
): Promise<void> {
  for await (const probe of manager.probe(id)) {
    if (options.json) terminal.out(JSON.stringify({ event: 'probe', probe }))
    else (options.show ?? terminal.out)(formatProbe(probe))
  }
}

/** `ping 10.77.0.1: answered, 0.8 ms`; what has more lines than one is set in below. */
export function formatProbe({ what, target, ok, ms, detail }: Probe): string {
  const [first = '', ...rest] = detail.split('\n')
  const head = `${what} ${target}: ${ok ? '' : 'FAILED, '}${first}, ${ms.toFixed(ms < 10 ? 1 : 0)} ms`
  return [head, ...rest.map((line) => `    ${line}`)].join('\n')
}
