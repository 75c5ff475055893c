import { run } from './lab.ts'

/** Everything a client could leave behind in its namespace, as comparable text. */
export type MachineState = ReadonlyMap<string, string>

const VIEWS: Readonly<Record<string, readonly string[]>> = {
  addresses: ['ip', '-j', 'addr'],
  'IPv4 routes': ['ip', '-j', '-4', 'route', 'show', 'table', 'all'],
  'IPv6 routes': ['ip', '-j', '-6', 'route', 'show', 'table', 'all'],
  'IPv4 rules': ['ip', '-j', '-4', 'rule'],
  'IPv6 rules': ['ip', '-j', '-6', 'rule'],
  firewall: ['nft', 'list', 'ruleset'],
  'resolv.conf': ['cat', '/etc/resolv.conf'],
  sysctls: [
    'sh',
    '-c',
    'cat /proc/sys/net/ipv4/conf/*/rp_filter /proc/sys/net/ipv4/conf/*/src_valid_mark /proc/sys/net/ipv6/conf/*/disable_ipv6',
  ],
}

/** Sorted, and without what changes by itself. */
export function canonical(text: string): string {
  if (!text.trim().startsWith('[')) return text.trim()
  const rows = JSON.parse(text) as Record<string, unknown>[]
  return rows
    .map((row) =>
      JSON.stringify(row, (key, value) =>
        /^(valid|preferred)_life_time$|^expires$|^used$/.test(key) ? undefined : value,
      ),
    )
    .sort()
    .join('\n')
}

export async function machineState(namespace: string): Promise<MachineState> {
  const state = new Map<string, string>()
  for (const [name, command] of Object.entries(VIEWS)) {
    const { stdout } = await run('ip', ['netns', 'exec', namespace, ...command])
    state.set(name, canonical(stdout))
  }
  const { stdout: pids } = await run('ip', ['netns', 'pids', namespace])
  const { stdout } = await run('ps', ['-o', 'args=', '-p', pids.trim().split(/\s+/).join(',') || '0'])
  state.set('processes', stdout.trim())
  return state
}

/** What is there now and was not before, and the reverse; empty when nothing changed. */
export function differences(before: MachineState, after: MachineState): readonly string[] {
  const found: string[] = []
  for (const [name, was] of before) {
    const is = after.get(name) ?? ''
    if (is === was) continue
    const wasLines = new Set(was.split('\n'))
    const isLines = new Set(is.split('\n'))
    const added = [...isLines].filter((line) => line !== '' && !wasLines.has(line))
    const gone = [...wasLines].filter((line) => line !== '' && !isLines.has(line))
    found.push(
      `${name}: ${[...added.map((line) => `+${line}`), ...gone.map((line) => `-${line}`)].join(' ')}`,
    )
  }
  return found
}
