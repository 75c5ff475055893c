import { asMillis } from '../../core/bytes/brands.ts'
import { disagreement } from './agreement.ts'
import { cheapRegistry } from './cheap-registry.ts'
import { connected, type Flight, type Net, type PairOptions, shape } from './two-peers.ts'

/** Datagrams from the beginning that may come to harm. */
const TROUBLED = 3

/** How one run went: which datagram was delivered or lost, in order. */
export interface Run {
  readonly net: Net
  readonly story: readonly string[]
  readonly problem: string | undefined
}

/**
 * Every order in which the datagrams can arrive that two peers send after `begin`, each run to its end. `losses`: how
 * many of the first three may get lost on the way, `repeats`: how many may arrive twice; each of those in every place.
 */
export function* everyOrder(
  begin: (net: Net) => void,
  {
    losses = 0,
    repeats = 0,
    options = {},
  }: { readonly losses?: number; readonly repeats?: number; readonly options?: PairOptions } = {},
): Generator<Run> {
  // A run is the list of its choices; the next run changes the last choice that can be changed.
  let path: { chosen: number; of: number }[] = []
  do {
    yield once(begin, losses, repeats, options, path)
    while (path.length > 0 && path.at(-1)!.chosen === path.at(-1)!.of - 1) path.pop()
    path = path.map((choice, i) =>
      i === path.length - 1 ? { ...choice, chosen: choice.chosen + 1 } : choice,
    )
  } while (path.length > 0)
}

function once(
  begin: (net: Net) => void,
  losses: number,
  repeats: number,
  options: PairOptions,
  path: { chosen: number; of: number }[],
): Run {
  const { net } = connected({ registry: cheapRegistry, ...options })
  const story: string[] = []
  const names = new Map<Flight, string>()
  let problem: string | undefined
  let depth = 0
  const choose = (of: number): number => {
    if (of === 1) return 0
    path[depth] ??= { chosen: 0, of }
    return path[depth++]!.chosen
  }
  net.onSend = (flight) => {
    names.set(flight, `${flight.from.name} ${shape(flight.from.sent.at(-1)!)}`)
    return [flight]
  }
  try {
    begin(net)
    // Longer than any of these exchanges; what never comes to rest is found out below.
    for (let i = 0; net.flying.length > 0 && i < 60; i++) {
      const first = net.flying.length
      const lose = losses > 0 && i < TROUBLED ? first : 0
      const repeat = repeats > 0 && i < TROUBLED ? first : 0
      const choice = choose(first + lose + repeat)
      const flight = net.take((f) => f === net.flying[choice % first])
      const how = choice < first ? 'arrives' : choice < first + lose ? 'is LOST' : 'arrives, and will again'
      story.push(`${names.get(flight)} ${how}`)
      if (choice >= first && choice < first + lose) {
        losses--
        continue
      }
      if (choice >= first + lose) {
        repeats--
        const again = { ...flight, at: asMillis(net.now + 1_000) }
        names.set(again, `${names.get(flight)} (again)`)
        net.flying.push(again)
      }
      net.deliver(flight)
    }
    net.advance(300_000)
    problem = disagreement(net)
  } catch (thrown) {
    problem = `threw: ${thrown instanceof Error ? thrown.stack : String(thrown)}`
  }
  return { net, story, problem }
}
